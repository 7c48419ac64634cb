#include "harness/log_tail.hpp"

#include <algorithm>
#include <vector>

namespace chaos {
namespace {

constexpr std::size_t lines_max = 25;
constexpr std::size_t processes_max = 12;

/// "driver" of "2024-01-01 10:00:00.000 I salamander driver: text".
std::string speaker(const std::string& line) {
  constexpr const char* mark = " salamander ";
  const auto at = line.find(mark);
  const auto end = at == std::string::npos ? at : line.find(": ", at);
  if (end == std::string::npos)
    return "without a name";
  return line.substr(at + 12, end - at - 12);
}

} // namespace

void log_tail::add(const std::string& line) {
  auto& lines = by_process_[speaker(line)];
  lines.push_back(line);
  if (lines.size() > lines_max)
    lines.pop_front();
}

void log_tail::clear() {
  by_process_.clear();
}

std::string log_tail::text() const {
  // The newest executors are the interesting ones; their last lines are the latest.
  std::vector<std::pair<std::string, std::string>> by_time;
  for (const auto& [name, lines] : by_process_)
    by_time.emplace_back(lines.back(), name);
  std::sort(by_time.rbegin(), by_time.rend());
  if (by_time.size() > processes_max)
    by_time.resize(processes_max);
  std::string text;
  for (const auto& [last, name] : by_time) {
    text += "-- last messages: " + name + "\n";
    for (const auto& line : by_process_.at(name))
      text += line + "\n";
  }
  return text;
}

} // namespace chaos
