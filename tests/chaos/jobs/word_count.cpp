#include "jobs/job.hpp"

#include <fstream>
#include <functional>
#include <map>
#include <sstream>

namespace chaos {
namespace {

namespace fs = std::filesystem;
namespace sal = salamander;

constexpr std::int64_t texts = 3;
constexpr std::size_t lines_of_text = 12000;

std::string word_of(random_source& random) {
  // Few words are frequent, many are rare.
  const auto rank = random.below(1 + random.below(1 + random.below(4000)));
  std::string word;
  for (auto left = rank + 1; left > 0; left /= 26)
    word += static_cast<char>('a' + left % 26);
  return word;
}

/// The same text for the same number, written once.
fs::path text_file(const job_places& places, std::int64_t number) {
  const auto path = places.input / ("text-" + std::to_string(number));
  if (fs::exists(path))
    return path;
  random_source random(static_cast<std::uint64_t>(number));
  const auto unfinished = path.string() + ".part";
  std::ofstream out(unfinished);
  for (std::size_t i = 0; i < lines_of_text; ++i) {
    for (auto words = random.below(12); words > 0; --words)
      out << word_of(random) << (words > 1 ? " " : "");
    out << '\n';
  }
  out.close();
  fs::rename(unfinished, path);
  return path;
}

std::map<std::string, std::int64_t> reference(const fs::path& path) {
  std::map<std::string, std::int64_t> counts;
  std::ifstream in(path);
  for (std::string word; in >> word;)
    ++counts[word];
  return counts;
}

} // namespace

std::string run_word_count(sal::context& sc, const job_request& request, const job_places& places) {
  const auto path = text_file(places, small_seed(request) % texts);
  const auto found = sc.text_file(path.string(), 6)
                         .filter([](std::string_view line) {
                           linger(std::hash<std::string_view>{}(line));
                           return true;
                         })
                         .flat_map([](std::string_view line) { return sal::words(line); })
                         .map([](std::string_view word) {
                           return std::pair{std::string(word), std::int64_t{1}};
                         })
                         .reduce_by_key(std::plus<>{}, 5)
                         .collect();
  const auto right = reference(path);
  if (found.size() != right.size())
    return std::to_string(found.size()) + " words instead of " + std::to_string(right.size());
  for (const auto& [word, count] : found) {
    const auto at = right.find(word);
    if (at == right.end() || at->second != count)
      return "the word " + word + " was counted " + std::to_string(count) + " times";
  }
  return {};
}

} // namespace chaos
