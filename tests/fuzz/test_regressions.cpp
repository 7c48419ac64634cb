#include "fuzz.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace {

namespace fs = std::filesystem;

fuzz::byte_buffer content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  REQUIRE(file.good());
  return fuzz::bytes_of(text);
}

std::vector<fs::path> files_of(const fuzz::target& one) {
  const auto directory = fs::path(FUZZ_CORPUS) / one.name;
  REQUIRE_MESSAGE(fs::is_directory(directory), directory.string(), " is missing: run make_corpus ", FUZZ_CORPUS);
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(directory))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

} // namespace

TEST_CASE("every decoder keeps its promises over the whole corpus, and over each file cut short") {
  for (const auto& one : fuzz::targets())
    for (const auto& path : files_of(one)) {
      INFO(path.string());
      const auto data = content_of(path);
      const auto name = path.filename().string();
      const bool accepted = fuzz::run(one, data);
      CHECK((accepted || !name.starts_with("valid-")));
      CHECK_FALSE((accepted && name.starts_with("hostile-")));
      const auto step = std::max<std::size_t>(1, data.size() / 64);
      for (std::size_t size = 0; size < data.size(); size += step)
        fuzz::run(one, std::span(data).first(size));
    }
}

TEST_CASE("the seeds that targets make now are accepted or refused as they say, and are in the corpus") {
  for (const auto& one : fuzz::targets()) {
    std::size_t valid = 0;
    const auto seeds = one.seeds();
    for (const auto& made : seeds) {
      const auto name = (made.valid ? "valid-" : "hostile-") + made.name;
      INFO(std::string_view(one.name), '/', name);
      CHECK(fuzz::run(one, made.data) == made.valid);
      CHECK(fs::exists(fs::path(FUZZ_CORPUS) / one.name / name));
      valid += made.valid;
    }
    INFO(std::string_view(one.name));
    CHECK(valid > 0);
    CHECK(valid < seeds.size());
  }
}

TEST_CASE("every directory of the corpus belongs to a target") {
  for (const auto& entry : fs::directory_iterator(FUZZ_CORPUS)) {
    const auto name = entry.path().filename().string();
    CHECK_MESSAGE(std::ranges::any_of(fuzz::targets(), [&](const auto& one) { return name == one.name; }), name);
  }
}
