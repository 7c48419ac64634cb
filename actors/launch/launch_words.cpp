#include <salamander/actors/launch/launch_words.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

namespace salamander::actors {
namespace {

constexpr std::string_view report_word = "report";
constexpr std::string_view waiting_word = "waiting";
constexpr std::string_view running_word = "running";
constexpr std::size_t report_words = 11;

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const auto end = std::min(line.find(' '), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

template <class Number>
bool read(std::string_view word, Number& into) {
  const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), into);
  return failure == std::errc() && end == word.data() + word.size();
}

} // namespace

std::string encode_report(const launch_report& what) {
  const auto& p = what.progress;
  return fmt::format("{} {} {} {} {} {} {} {} {} {} {}\n", report_word, what.application, what.manned ? running_word : waiting_word,
                     p.jobs_active, p.jobs_done, p.jobs_failed, p.stages_active, p.tasks_active, p.tasks_done, p.tasks_total, p.cores);
}

std::optional<launch_report> decode_report(std::string_view line) {
  const auto words = words_of(line);
  if (words.size() != report_words || words[0] != report_word || words[1].empty() || (words[2] != waiting_word && words[2] != running_word))
    return std::nullopt;
  launch_report what;
  what.application = words[1];
  what.manned = words[2] == running_word;
  auto& p = what.progress;
  const bool good = read(words[3], p.jobs_active) && read(words[4], p.jobs_done) && read(words[5], p.jobs_failed) &&
                    read(words[6], p.stages_active) && read(words[7], p.tasks_active) && read(words[8], p.tasks_done) &&
                    read(words[9], p.tasks_total) && read(words[10], p.cores);
  return good ? std::optional(what) : std::nullopt;
}

void line_cutter::add(std::string_view bytes) {
  for (;;) {
    const auto end = bytes.find('\n');
    const auto part = bytes.substr(0, end);
    const auto begun = text_.size() - (text_.rfind('\n') + 1); // npos + 1 is 0
    if (begun + part.size() > line_max) {
      text_.resize(text_.size() - begun);
      too_long_ = true;
    } else if (!too_long_) {
      text_ += part;
    }
    if (end == std::string_view::npos)
      return;
    if (!std::exchange(too_long_, false))
      text_ += '\n';
    bytes.remove_prefix(end + 1);
  }
}

std::optional<std::string> line_cutter::next() {
  const auto end = text_.find('\n');
  if (end == std::string::npos)
    return std::nullopt;
  auto line = text_.substr(0, end);
  text_.erase(0, end + 1);
  return line;
}

void text_tail::add(std::string_view bytes) {
  if (bytes.size() > bytes_max_)
    bytes.remove_prefix(bytes.size() - bytes_max_);
  if (kept_.size() + bytes.size() > 2 * bytes_max_)
    kept_.erase(0, kept_.size() - std::min(kept_.size(), bytes_max_));
  kept_ += bytes;
}

std::string text_tail::text() const {
  return kept_.substr(kept_.size() - std::min(kept_.size(), bytes_max_));
}

} // namespace salamander::actors
