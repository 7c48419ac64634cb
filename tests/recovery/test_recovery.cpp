#include "../apps/fixture.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace fs = std::filesystem;

namespace {

/// Of SALAMANDER_MASTER, as the other tests that run with executors of both kinds.
std::string master() {
  const char* const set = std::getenv("SALAMANDER_MASTER");
  return set ? set : "local[2]";
}

outcome start(const workplace& here, const std::string& point, const std::string& id = "run-1", const std::string& factor = "1") {
  return here.run("recovery_program", {master(), here / ".", id, point, factor});
}

/// "total 49995000 tasks 12 skipped 0" -> 12
std::uint32_t tasks_of(const outcome& run, const std::string& job) {
  for (const auto& line : run.lines())
    if (line.starts_with(job + " "))
      if (const auto at = line.find(" tasks "); at != std::string::npos)
        return static_cast<std::uint32_t>(std::stoul(line.substr(at + 7)));
  FAIL("no job named " << job << " in " << run.output << run.errors);
  return 0;
}

std::string result_of(const outcome& run, const std::string& name) {
  for (const auto& line : run.lines())
    if (line.starts_with(name + " "))
      return line.substr(0, line.find(" tasks "));
  return {};
}

const std::string accumulators = "accumulators 10000 10000 10000";

void check_results(const outcome& run) {
  INFO(run.output << run.errors);
  CHECK(run.status == 0);
  CHECK(result_of(run, "total") == "total 49995000");
  CHECK(result_of(run, "count") == "count 10000");
  CHECK(result_of(run, "most") == "most 29997");
  CHECK(result_of(run, "lines") == "lines 10");
  CHECK(result_of(run, "accumulators") == accumulators);
}

std::vector<fs::path> files_under(const std::string& directory, const std::string& prefix) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.path().filename().string().starts_with(prefix))
      found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

} // namespace

TEST_CASE("a run that nothing happens to gives what it gives without a name, and leaves nothing behind") {
  const workplace here;
  const auto plain = start(here, "none", "");
  check_results(plain);
  fs::remove_all(here / "out");
  const auto named = start(here, "none");
  check_results(named);
  CHECK(named.output == plain.output);
  CHECK_FALSE(fs::exists(here / "kept/run-1"));
}

TEST_CASE("a driver that died while a shuffle was read does not compute its map side again") {
  const workplace here;
  CHECK(start(here, "reduce").status == -1);
  const auto again = start(here, "reduce");
  check_results(again);
  CHECK(tasks_of(again, "total") == 4);
}

TEST_CASE("jobs that were done are not run again, and count what they counted") {
  const workplace here;
  CHECK(start(here, "middle").status == -1);
  const auto again = start(here, "middle");
  check_results(again);
  CHECK(tasks_of(again, "total") == 0);
  CHECK(tasks_of(again, "count") == 0);
  CHECK(tasks_of(again, "most") == 8);
}

TEST_CASE("a dataset that was cached is read from the files, and what was added while it was computed counts once") {
  const workplace here;
  CHECK(start(here, "cached").status == -1);
  CHECK(files_under(here / "kept", "rdd-").size() == 8);
  check_results(start(here, "cached"));
}

TEST_CASE("an output that was begun is written anew, and one that was finished is left alone") {
  for (const auto* point : {"saving", "saved"}) {
    CAPTURE(point);
    const workplace here;
    CHECK(start(here, point).status == -1);
    CHECK(fs::exists(here / "out"));
    CHECK(fs::exists(here / "out/_SUCCESS") == (std::string(point) == "saved"));
    const auto again = start(here, point);
    check_results(again);
    CHECK(split_lines(parts_of(here / "out")).size() == 10);
    CHECK_FALSE(fs::exists(here / "out/_temporary"));
  }
}

TEST_CASE("an output that somebody else has made is not taken for the run's own") {
  const workplace here;
  fs::create_directories(here / "out");
  const auto run = start(here, "none");
  CHECK(run.status == 3);
  CHECK(run.output.find("already exists") != std::string::npos);
}

TEST_CASE("what is kept of other functions, values or data is not used") {
  const workplace here;
  CHECK(start(here, "middle").status == -1);
  const auto other = start(here, "middle", "run-1", "2");
  CHECK(other.status == 0);
  CHECK(result_of(other, "total") == "total 99990000");
  CHECK(tasks_of(other, "total") == 12);
}

TEST_CASE("runs of different names share nothing") {
  const workplace here;
  CHECK(start(here, "middle").status == -1);
  const auto other = start(here, "middle", "run-2");
  check_results(other);
  CHECK(tasks_of(other, "total") == 12);
}

TEST_CASE("damaged files are noticed, and what they held is computed again") {
  const workplace here;
  CHECK(start(here, "reduce").status == -1);
  const auto outputs = files_under(here / "kept", "map-");
  REQUIRE(outputs.size() == 8);
  SUBCASE("the beginning of one") {
    std::fstream(outputs[3], std::ios::in | std::ios::out | std::ios::binary).seekp(20).write("\xff\xff", 2);
  }
  SUBCASE("the end of one") {
    std::fstream(outputs[3], std::ios::in | std::ios::out | std::ios::binary).seekp(-1, std::ios::end).write("\xff", 1);
  }
  SUBCASE("one is cut off") {
    fs::resize_file(outputs[3], fs::file_size(outputs[3]) / 2);
  }
  SUBCASE("one is gone") {
    fs::remove(outputs[3]);
  }
  const auto again = start(here, "reduce");
  check_results(again);
  CHECK(tasks_of(again, "total") >= 5);
  CHECK(tasks_of(again, "total") < 12);
}

TEST_CASE("a start that another one has taken over from does not go on") {
  const workplace here;
  const auto run = start(here, "taken");
  CHECK(run.status == 3);
  CHECK(run.output.find("another start of this driver has taken over") != std::string::npos);
}

TEST_CASE("names and places that cannot be used are refused") {
  const workplace here;
  const auto bad = start(here, "none", "../other");
  CHECK(bad.status == 3);
  CHECK(bad.output.find("salamander.recovery.id is \"../other\"") != std::string::npos);
  std::ofstream(here / "kept") << "a file";
  const auto blocked = start(here, "none");
  CHECK(blocked.status == 3);
  CHECK(blocked.output.find("kept") != std::string::npos);
}

TEST_CASE("all files of a shuffle may be damaged") {
  const workplace here;
  REQUIRE(start(here, "reduce").status == -1);
  for (const auto& file : files_under(here / "kept", "map-"))
    std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(-1, std::ios::end).write("\xff", 1);
  check_results(start(here, "reduce"));
}

TEST_CASE("a run whose only action was finished counts what that one has counted") {
  const workplace here;
  CHECK(start(here, "small-only-save", "run-1", "").status == -1);
  const auto again = start(here, "small-only-save", "run-1", "");
  INFO(again.output << again.errors);
  CHECK(again.status == 0);
  CHECK(result_of(again, "accumulators") == "accumulators 10000 10");
  CHECK(split_lines(parts_of(here / "out")).size() == 10);
}

TEST_CASE("an output that replaced another one of the same run is not taken for that") {
  const workplace here;
  CHECK(start(here, "small-path-twice", "run-1", "").status == -1);
  const auto again = start(here, "small-path-twice", "run-1", "");
  INFO(again.output << again.errors);
  CHECK(again.status == 0);
  CHECK(result_of(again, "first") == "first 10000");
  CHECK(result_of(again, "second") == "second 3");
}

TEST_CASE("one start does not write two outputs to one place") {
  const workplace here;
  const auto run = start(here, "small-same-again", "run-1", "");
  CHECK(run.status == 3);
  CHECK(run.output.find("already exists") != std::string::npos);
}

TEST_CASE("accumulators count at the jobs at which they counted before") {
  const workplace here;
  const auto first = start(here, "small-cached-parts", "run-1", "");
  const auto again = start(here, "small-cached-parts", "run-1", "");
  INFO(again.output << again.errors);
  CHECK(again.status == 0);
  CHECK(again.lines().at(0) == "after first 1250");
  CHECK(again.lines().at(1) == "after count 10000");
  CHECK(result_of(again, "accumulators") == "accumulators 10000 0");
}

TEST_CASE("a finished job counts all that it counted, whatever has become of the files it was made from") {
  const workplace here;
  CHECK(start(here, "small-shuffled", "run-1", "").status == -1);
  const auto outputs = files_under(here / "kept", "map-");
  REQUIRE(outputs.size() == 8);
  fs::remove(outputs[2]);
  // The second job of this start needs the output that is gone: it is computed again, and has been counted.
  const auto again = start(here, "small-shuffled", "run-1", "more");
  INFO(again.output << again.errors);
  CHECK(again.status == 0);
  CHECK(result_of(again, "sum") == "sum 49995000");
  CHECK(result_of(again, "accumulators").starts_with("accumulators "));
}

TEST_CASE("functions that read local properties give other results for other values") {
  const workplace here;
  CHECK(start(here, "small-property", "run-1", "1").status == -1);
  const auto other = start(here, "small-property", "run-1", "2");
  CHECK(other.status == 0);
  CHECK(result_of(other, "sum") == "sum 99990000");
}

TEST_CASE("a job goes on when nothing can be kept any more") {
  const workplace here;
  REQUIRE(start(here, "reduce").status == -1);
  // Where outputs of the next shuffle would go there is a file: as bad as a full disk for it.
  for (const auto& entry : fs::directory_iterator(here / "kept/run-1/0"))
    if (files_under(entry.path(), "map-").empty())
      fs::remove_all(entry.path());
  check_results(start(here, "reduce"));
}
