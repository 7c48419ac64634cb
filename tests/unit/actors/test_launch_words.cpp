#include <salamander/actors/launch/launch_words.hpp>
#include <salamander/actors/progress.hpp>

#include <doctest/doctest.h>

using namespace salamander;
using namespace salamander::actors;

TEST_CASE("a launched driver's report is read as it was written") {
  launch_report said;
  said.application = "app-20261121225500-0003";
  said.manned = true;
  said.progress = {1, 20, 3, 4, 5, 6000000000, 7000000000, 8};
  const auto line = encode_report(said);
  REQUIRE(line.ends_with("\n"));
  CHECK(decode_report(std::string_view(line).substr(0, line.size() - 1)) == said);
}

TEST_CASE("what is no report is not taken for one") {
  for (const auto* line :
       {"", "report", "report app-1 running 1 2 3 4 5 6 7", "report app-1 running 1 2 3 4 5 6 7 8 9",
        "report app-1 resting 1 2 3 4 5 6 7 8", "report app-1 running 1 2 3 4 5 6 7 x", "report  running 1 2 3 4 5 6 7 8",
        "cancel app-1 running 1 2 3 4 5 6 7 8", "report app-1 running 1 2 3 4 5 6 7 -8"})
    CHECK_FALSE(decode_report(line).has_value());
}

TEST_CASE("lines are cut wherever the bytes were split, and endless ones are dropped") {
  line_cutter it;
  it.add("one\ntw");
  CHECK(it.next() == "one");
  CHECK_FALSE(it.next().has_value());
  it.add("o\n\nthree\n");
  CHECK(it.next() == "two");
  CHECK(it.next() == "");
  it.add(std::string(line_cutter::line_max, 'x'));
  it.add("y");
  it.add(std::string(line_cutter::line_max, 'z') + "\nfour\n");
  CHECK(it.next() == "three");
  CHECK(it.next() == "four");
  CHECK_FALSE(it.next().has_value());
}

TEST_CASE("of a text that grows the last bytes are kept, however it comes") {
  text_tail it(5);
  CHECK(it.text().empty());
  it.add("abc");
  CHECK(it.text() == "abc");
  for (const char* part : {"d", "efg", "h", "ij"})
    it.add(part);
  CHECK(it.text() == "fghij");
  it.add("0123456789");
  CHECK(it.text() == "56789");
  text_tail none(0);
  none.add("abc");
  CHECK(none.text().empty());
}

TEST_CASE("totals count the tasks of stages that run and of those that have ended, and no attempt twice") {
  progress_board it;
  it.job_started();
  it.stage_started({1, 0, "map", 0, 0, 4, {}});
  it.tasks_changed(1, 2, 1);
  CHECK(it.totals() == launch_progress{1, 0, 0, 1, 1, 2, 4, 0});
  it.stage_started({1, 1, "map", 0, 0, 3, {}}); // tried again
  it.tasks_changed(1, 3, 0);
  it.stage_ended(1);
  it.stage_ended(1);
  CHECK(it.totals() == launch_progress{1, 0, 0, 0, 0, 5, 5, 0});
  job_report failed;
  it.job_ended(failed);
  CHECK(it.totals() == launch_progress{0, 1, 1, 0, 0, 5, 5, 0});
}
