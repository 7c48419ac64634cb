// Which files a path names, and how they are cut.
//
//   file_patterns   u8 absolute, u16 partitions wanted, what a user writes where input is asked for
//   file_splits     u32 partitions wanted, u64 longest partition, then for each file: u64 size, u8 packing
#include "fuzz.hpp"

#include <salamander/rdd/file_listing.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace {

using namespace fuzz;
using namespace salamander::core;

/// The splits of each file follow each other from its first byte to its last.
void check_splits(const std::vector<input_file>& files, const std::vector<file_split>& splits, std::uint64_t longest) {
  auto next = splits.begin();
  for (const auto& file : files) {
    for (std::uint64_t at = 0; at < file.size; ++next) {
      expect(next != splits.end() && next->path == file.path && next->offset == at && next->length != 0, "splits leave nothing out");
      expect(next->packing != salamander::compression::none || next->length <= longest + longest / 10,
             "no split is much longer than the longest");
      at += next->length;
      expect(at <= file.size, "no split goes beyond its file");
    }
  }
  expect(next == splits.end(), "there are no splits of other files");
}

// -- patterns -------------------------------------------------------------------

/// The working directory: a few files, and nothing else that a relative path can reach.
const std::string& playground() {
  static const std::string directory = [] {
    namespace fs = std::filesystem;
    const fs::path top = scratch_directory() + "/files";
    for (const auto* name :
         {"a.txt", "b.txt", "c.gz", "_hidden", ".dot", "we{i}rd", "d/e.txt", "d/f.zst", "d/g/h.txt", "ab/x1", "ab/x2", "*"}) {
      fs::create_directories((top / name).parent_path());
      std::ofstream(top / name) << "content of " << name << '\n';
    }
    fs::create_symlink("nowhere", top / "dangling");
    if (::chdir(top.c_str()) != 0)
      fail("cannot enter a directory of scratch files");
    return top.string();
  }();
  return directory;
}

/// Keeps paths within the playground: a slash or a dot only next to what makes a name of its own.
std::string contained(std::string_view text) {
  const auto is_name = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '*' || c == '?'; };
  std::string kept;
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((text[i] != '/' || (i > 0 && is_name(text[i - 1]))) && (text[i] != '.' || (i + 1 < text.size() && is_name(text[i + 1]))))
      kept += text[i];
  return kept;
}

bool list(input_bytes input) {
  controls head(input);
  const bool absolute = head.take<std::uint8_t>() % 2 != 0;
  const auto wanted = head.take<std::uint16_t>();
  const auto& directory = playground();
  const auto pattern = (absolute ? "file://" + directory + "/" : std::string()) + contained(text_of(head.rest()));
  std::vector<input_file> files;
  if (!accepts([&] { files = list_files(pattern); }, {errc::input_not_found, errc::io_error, errc::invalid_argument}))
    return false;
  struct stat status {};
  for (const auto& file : files)
    expect(::stat(file.path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && static_cast<std::uint64_t>(status.st_size) == file.size,
           "what is listed is a file of that size");
  check_splits(files, plan_splits(files, wanted, 7), 7);
  return true;
}

std::vector<seed> pattern_seeds() {
  const auto at = [](std::string_view pattern, std::uint8_t absolute = 0) { return after_controls(pattern, absolute, std::uint16_t{3}); };
  std::string bomb;
  for (int i = 0; i < 24; ++i)
    bomb += "{a,b}";
  std::string deep;
  for (int i = 0; i < 3000; ++i)
    deep += "{a";
  std::string groups;
  for (int i = 0; i < 3000; ++i)
    groups += "{a}";
  std::string slashes;
  for (int i = 0; i < 6000; ++i)
    slashes += "a/";
  return {{"file", at("a.txt"), true},
          {"files", at("a.txt,d/e.txt"), true},
          {"directory", at("d"), true},
          {"star", at("*.txt,d/*"), true},
          {"absolute", at("*.txt", 1), true},
          {"question", at("?b/x[12]"), true},
          {"braces", at("{a,b}.txt,d/{e.txt,{f,g}*}"), true},
          {"escaped", at("we\\{i\\}rd,\\*"), true},
          {"missing", at("nothing"), false},
          {"empty", at("a.txt,,b.txt"), false},
          {"scheme", at("hdfs:b"), false},
          {"brace-bomb", at(bomb), false},
          {"deep-braces", at(deep), false},
          {"many-braces", at(groups), false},
          {"many-slashes", at(slashes), false},
          {"stars", at("*a*a*a*a*a*a*a*a*a*b"), false}};
}

// -- splits ---------------------------------------------------------------------

bool cut(input_bytes input) {
  controls head(input);
  // Ten million splits are allowed, and take a while: here it is some thousands. Fifteen files have less than 2^64 bytes together.
  const auto partitions = std::min(head.take<std::uint32_t>(), 4000U);
  auto longest = head.take<std::uint64_t>() >> 1; // settings hold no larger size
  std::vector<input_file> files;
  std::uint64_t total = 0;
  while (!head.rest().empty() && files.size() < 15) {
    const auto size = head.take<std::uint64_t>() >> 4; // no file system holds more
    files.push_back({head.take<std::uint8_t>() % 2 != 0 ? "f.gz" : "f", size});
    total += size;
  }
  if (longest != 0)
    longest = std::max(longest, total / 1000);
  std::vector<file_split> splits;
  if (!accepts([&] { splits = plan_splits(files, partitions, longest); }, {errc::invalid_argument}))
    return false;
  check_splits(files, splits, longest);
  return true;
}

std::vector<seed> split_seeds() {
  const auto file = [](std::uint64_t size, std::uint8_t packing) { return std::string(text_of(after_controls("", size << 4, packing))); };
  const auto with = [](std::uint32_t partitions, std::uint64_t longest, const std::string& files) {
    return after_controls(files, partitions, longest << 1);
  };
  return {{"one", with(2, 128U << 20, file(1000, 0)), true},
          {"some", with(7, 128U << 20, file(1000, 0) + file(0, 0) + file(77777, 1) + file(123456, 0)), true},
          {"largest", with(100, 1ULL << 62, file((1ULL << 60) - 1, 0) + file((1ULL << 60) - 1, 1)), true},
          {"no-longest", with(2, 0, file(0, 0)), false}};
}

// Braces may stand for many paths, up to a limit of their own; each is a string.
const registered patterns({"file_patterns", &list, &pattern_seeds, {5 * pattern_bytes_max, 1024}});
const registered splits({"file_splits", &cut, &split_seeds, {2U << 20, 1024}});

} // namespace
