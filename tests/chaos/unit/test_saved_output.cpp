#include "stream_fixture.hpp"

#include "jobs/saved_output.hpp"

#include <fstream>

namespace {

using namespace chaos;
using namespace chaos_test;
namespace fs = std::filesystem;

constexpr std::int64_t seed = 42;

/// Output as a job leaves it.
void write_all(const fs::path& directory) {
  fs::create_directories(directory);
  for (std::int64_t p = 0; p < saved_partitions; ++p) {
    std::ofstream part(directory / ("part-0000" + std::to_string(p)));
    for (auto x = 12000 * p / saved_partitions; x < 12000 * (p + 1) / saved_partitions; ++x)
      part << saved_line(seed, x) << '\n';
  }
  std::ofstream(directory / "_SUCCESS").flush();
}

} // namespace

TEST_CASE("output that is whole is right") {
  const scratch where;
  write_all(where / "out");
  CHECK(check_saved(where / "out", seed).empty());
  CHECK(check_abandoned(where / "out", seed).empty());
  CHECK_FALSE(check_saved(where / "out", seed + 1).empty());
  CHECK_FALSE(check_not_saved(where / "out").empty());
  CHECK(check_not_saved(where / "elsewhere").empty());
}

TEST_CASE("output with too little, too much or the wrong contents is not") {
  const scratch where;
  const fs::path out = where / "out";
  SUBCASE("a part is missing") {
    write_all(out);
    fs::remove(out / "part-00002");
    CHECK(check_abandoned(out, seed).find("lacks part-00002") != std::string::npos);
  }
  SUBCASE("a part is cut off") {
    write_all(out);
    fs::resize_file(out / "part-00002", 1000);
    CHECK(check_abandoned(out, seed).find("wrong contents") != std::string::npos);
  }
  SUBCASE("something is left over") {
    write_all(out);
    fs::create_directory(out / "_temporary");
    CHECK(check_abandoned(out, seed).empty()); // the driver died between its last two steps
  }
  SUBCASE("there is no _SUCCESS") {
    write_all(out);
    fs::remove(out / "_SUCCESS");
    CHECK(check_abandoned(out, seed).empty());
  }
  CHECK_FALSE(check_saved(out, seed).empty());
}
