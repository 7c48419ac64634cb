#include <salamander/rdd/error.hpp>
#include <salamander/rdd/scratch_directory.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>
#include <optional>

namespace fs = std::filesystem;
using salamander::core::scratch_directory;

namespace {

void make_old(const fs::path& path) {
  const timespec long_ago[2] = {{1000, 0}, {1000, 0}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), long_ago, 0) == 0);
}

} // namespace

TEST_CASE("a scratch directory is private, and gone with what is in it") {
  const scratch_directory parent(fs::temp_directory_path(), "salamander-test-");
  fs::path made;
  {
    const scratch_directory one(parent.path(), "a-");
    made = one.path();
    std::ofstream(made / "file") << "x";
    struct stat there {};
    REQUIRE(::stat(made.c_str(), &there) == 0);
    CHECK((there.st_mode & 0777) == 0700);
  }
  CHECK_FALSE(fs::exists(made));
  CHECK_THROWS_AS(scratch_directory(parent.path() / "none", "a-"), salamander::error);
}

TEST_CASE("what a killed process has left is removed by the next one, and nothing else is") {
  const scratch_directory parent(fs::temp_directory_path(), "salamander-test-");
  const auto left = parent.path() / "a-left";
  const auto other = parent.path() / "b-left";
  const auto fresh = parent.path() / "a-fresh";
  for (const auto& one : {left, other, fresh})
    fs::create_directories(one / "deep");
  make_old(left);
  make_old(other);
  const scratch_directory alive(parent.path(), "a-");
  CHECK_FALSE(fs::exists(left));
  CHECK(fs::exists(other)); // of another kind
  CHECK(fs::exists(fresh)); // perhaps about to be used
  make_old(alive.path());
  const scratch_directory next(parent.path(), "a-");
  CHECK(fs::exists(alive.path())); // its process lives
}
