#include "../../support/scratch.hpp"

#include <salamander/rdd/file_listing.hpp>

#include <salamander/rdd/codec.hpp>
#include <salamander/rdd/error.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace {

using namespace salamander;
using namespace salamander::core;
namespace fs = std::filesystem;
using names = std::vector<std::string>;

/// A directory with files whose size is their number.
class tree {
public:
  std::string add(const std::string& name, std::size_t size = 1) const {
    const auto path = root_ / name;
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << std::string(size, 'x');
    return path;
  }
  std::string path(const std::string& name) const {
    return root_ / name;
  }
  /// What a path below the root names, without the root.
  names list(const std::string& spec) const {
    names found;
    for (const auto& file : list_files(path(spec)))
      found.push_back(file.path.substr(root_.path().string().size() + 1));
    return found;
  }

private:
  test_support::scratch root_;
};

void check_fails(errc code, const std::string& text, const std::string& paths) {
  try {
    list_files(paths);
    FAIL_CHECK("no error for " << paths);
  } catch (const error& failure) {
    INFO("text: ", failure.what());
    CHECK(failure.code() == code);
    CHECK(std::string(failure.what()).find(text) != std::string::npos);
  }
}

using ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
ranges ranges_of(const std::vector<file_split>& splits) {
  ranges all;
  for (const auto& split : splits)
    all.emplace_back(split.offset, split.length);
  return all;
}

} // namespace

TEST_CASE("a file is itself, a directory is its files without hidden ones and subdirectories") {
  const tree t;
  t.add("d/b", 2);
  t.add("d/a", 1);
  t.add("d/_SUCCESS");
  t.add("d/.a.crc");
  t.add("d/sub/deep");
  CHECK(t.list("d") == names{"d/a", "d/b"});
  CHECK(t.list("d/") == names{"d/a", "d/b"});
  CHECK(t.list("d/b") == names{"d/b"});
  CHECK(t.list("d/_SUCCESS") == names{"d/_SUCCESS"});
  CHECK(list_files(t.path("d/b")).at(0).size == 2);
  CHECK(list_files("file:" + t.path("d/b")).at(0).path == t.path("d/b"));
  CHECK(list_files("file://" + t.path("d/b")).at(0).path == t.path("d/b"));
  fs::create_directory(t.path("empty"));
  CHECK(t.list("empty").empty());
}

TEST_CASE("patterns choose names, in order, and never cross a slash") {
  const tree t;
  for (const auto* name :
       {"x1.log", "x2.log", "x10.log", "y1.log", "_x1.log", ".x1.log", "2024/a.txt", "2025/a.txt", "2025/b.txt", "2025/c/d.txt"})
    t.add(name);
  CHECK(t.list("*.log") == names{"x1.log", "x10.log", "x2.log", "y1.log"});
  CHECK(t.list("x?.log") == names{"x1.log", "x2.log"});
  CHECK(t.list("[!x]1.log") == names{"y1.log"});
  CHECK(t.list("x[12].log") == names{"x1.log", "x2.log"});
  CHECK(t.list("_*.log") == names{"_x1.log"});
  CHECK(t.list("{y,x}{1,2}.log") == names{"x1.log", "x2.log", "y1.log"}); // that there is no y2 is no error
  CHECK(t.list("20*/a.txt") == names{"2024/a.txt", "2025/a.txt"});
  CHECK(t.list("20*") == names{"2024/a.txt", "2025/a.txt", "2025/b.txt"});
  CHECK(t.list("20{24,25/b}*") == names{"2024/a.txt", "2025/b.txt"});
  CHECK(t.list("*/*/*.txt") == names{"2025/c/d.txt"});
}

TEST_CASE("a list keeps its order, and braces and backslashes keep commas") {
  const tree t;
  const auto b = t.add("b");
  const auto a = t.add("a");
  const auto comma = t.add("c,d");
  const auto star = t.add("s*r");
  t.add("sir");
  const auto paths = [](const std::string& spec) {
    names found;
    for (const auto& file : list_files(spec))
      found.push_back(file.path);
    return found;
  };
  CHECK(paths(b + "," + a) == names{b, a});
  CHECK(paths(b + "," + b) == names{b, b});
  CHECK(paths(t.path("{a,b}")) == names{a, b});
  CHECK(paths(t.path("c\\,d")) == names{comma});
  CHECK(paths(t.path("s\\*r")) == names{star});
  CHECK(paths(t.path("s*r")).size() == 2);
}

TEST_CASE("what is not there or cannot be read is an error with its path") {
  const tree t;
  t.add("d/a");
  check_fails(errc::input_not_found, "Input path does not exist: " + t.path("none"), t.path("none"));
  check_fails(errc::input_not_found, "Input path does not exist: ", t.path("d/a/b"));
  check_fails(errc::input_not_found, "Input pattern matches no files: " + t.path("none*"), t.path("none*"));
  check_fails(errc::input_not_found, t.path("none"), t.path("d") + "," + t.path("none"));
  check_fails(errc::invalid_argument, "must not be empty", "");
  check_fails(errc::invalid_argument, "must not be empty", t.path("d") + ",");
  check_fails(errc::invalid_argument, "there is no store 'gopher://'", "gopher://host/path");
  check_fails(errc::invalid_argument, "neither a file nor a directory", "/dev/null");
  fs::create_symlink("loop", t.path("loop"));
  check_fails(errc::io_error, "Too many levels", t.path("loop"));
}

TEST_CASE("braces that stand for millions of paths are refused, and endless paths do not exist") {
  std::string bomb;
  std::string one_by_one;
  std::string deep;
  for (int i = 0; i < 30; ++i)
    bomb += "{a,b}";
  for (int i = 0; i < 20000; ++i) {
    one_by_one += "{a}";
    deep += "a/";
  }
  check_fails(errc::invalid_argument, "too many paths", bomb);
  check_fails(errc::invalid_argument, "too many paths", one_by_one);
  check_fails(errc::input_not_found, "does not exist", deep);
  const tree files;
  files.add("last");
  std::string many = "{";
  for (int i = 0; i < 5000; ++i)
    many += "nothing" + std::to_string(i) + ",";
  CHECK(files.list(many + "last}") == names{"last"});
}

TEST_CASE("a dangling link in a directory is passed over") {
  const tree t;
  t.add("d/a");
  fs::create_symlink("nowhere", t.path("d/link"));
  CHECK(t.list("d") == names{"d/a"});
}

TEST_CASE("unreadable files and directories are errors for those whom permissions bind") {
  if (::geteuid() == 0)
    return;
  const tree t;
  fs::permissions(t.add("d/a"), fs::perms::none);
  check_fails(errc::io_error, "Permission denied", t.path("d"));
  fs::permissions(t.path("d"), fs::perms::none);
  check_fails(errc::io_error, "Permission denied", t.path("d"));
  fs::permissions(t.path("d"), fs::perms::all);
}

TEST_CASE("files are cut as evenly as the number of partitions asks, and no longer than allowed") {
  CHECK(ranges_of(plan_splits({{"f", 100}}, 2, 1000)) == ranges{{0, 50}, {50, 50}});
  CHECK(ranges_of(plan_splits({{"f", 100}}, 1, 30)) == ranges{{0, 30}, {30, 30}, {60, 30}, {90, 10}});
  CHECK(ranges_of(plan_splits({{"f", 101}}, 2, 1000)) == ranges{{0, 50}, {50, 51}});
  CHECK(ranges_of(plan_splits({{"f", 93}}, 1, 30)) == ranges{{0, 30}, {30, 30}, {60, 33}});
  CHECK(ranges_of(plan_splits({{"f", 94}}, 1, 30)) == ranges{{0, 30}, {30, 30}, {60, 30}, {90, 4}});
  CHECK(ranges_of(plan_splits({{"f", 60}, {"g", 40}}, 2, 1000)) == ranges{{0, 50}, {50, 10}, {0, 40}});
  CHECK(ranges_of(plan_splits({{"f", 3}}, 10, 1000)) == ranges{{0, 1}, {1, 1}, {2, 1}});
  CHECK(ranges_of(plan_splits({{"f", 10}}, 0, 1000)) == ranges{{0, 10}});
}

TEST_CASE("compressed files are one partition, empty files and no files are none") {
  const auto splits = plan_splits({{"a.gz", 1000}, {"empty", 0}, {"b.zst", 10}, {"empty.gz", 0}, {"c", 10}}, 1, 8);
  CHECK(ranges_of(splits) == ranges{{0, 1000}, {0, 10}, {0, 8}, {8, 2}});
  CHECK(splits[0].packing == compression::gzip);
  CHECK(splits[1].packing == compression::zstd);
  CHECK(splits[2].packing == compression::none);
  CHECK(plan_splits({}, 4, 8).empty());
}

TEST_CASE("absurd numbers of partitions are refused") {
  CHECK_THROWS_AS(plan_splits({{"f", 10}}, 1, 0), const error&);
  CHECK_THROWS_WITH_AS(plan_splits({{"f", 1ULL << 50}}, 1, 4096), doctest::Contains("more than 10000000 partitions"), const error&);
}

TEST_CASE("a split travels") {
  byte_buffer bytes;
  byte_writer out(bytes);
  write_value(out, file_split{"some/path.gz", 12, 34, compression::gzip});
  byte_reader in(bytes);
  const auto split = read_value<file_split>(in);
  CHECK(split.path == "some/path.gz");
  CHECK(split.offset == 12);
  CHECK(split.length == 34);
  CHECK(split.packing == compression::gzip);
  CHECK(in.left() == 0);
}
