#include <salamander/apps/common/numbers.hpp>

#include <charconv>
#include <stdexcept>

namespace app {
namespace {

bool separates(char c) noexcept {
  return c == ' ' || c == '\t' || c == ',';
}

void skip_separators(std::string_view& line) noexcept {
  while (!line.empty() && separates(line.front()))
    line.remove_prefix(1);
}

std::string shortened(std::string_view text) {
  constexpr std::size_t shown = 60;
  return text.size() <= shown ? std::string(text) : std::string(text.substr(0, shown)) + "...";
}

template <class T>
T take(std::string_view& line, const char* what) {
  skip_separators(line);
  T value{};
  const auto [end, failure] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (failure != std::errc{})
    throw std::runtime_error(std::string("expected ") + what + ", found \"" + shortened(line) + "\"");
  line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  return value;
}

} // namespace

double take_number(std::string_view& line) {
  return take<double>(line, "a number");
}

std::uint64_t take_integer(std::string_view& line) {
  return take<std::uint64_t>(line, "a whole number");
}

void row_parser::add(std::string_view line) {
  const auto whole = line;
  skip_separators(line);
  if (line.empty())
    return;
  const auto before = rows_.values.size();
  do {
    rows_.values.push_back(take_number(line));
    skip_separators(line);
  } while (!line.empty());
  const auto found = rows_.values.size() - before;
  if (rows_.columns == 0)
    rows_.columns = found;
  else if (rows_.columns != found)
    throw std::runtime_error("expected " + std::to_string(rows_.columns) + " numbers as in the lines before, found " +
                             std::to_string(found) + " in \"" + shortened(whole) + "\"");
}

std::uint64_t common_columns(const std::vector<std::uint64_t>& columns, const std::string& input) {
  std::uint64_t common = 0;
  for (const auto one : columns) {
    if (common != 0 && one != 0 && one != common)
      throw std::runtime_error("the lines of " + input + " have not equally many numbers: some have " + std::to_string(common) +
                               ", others " + std::to_string(one));
    common = one != 0 ? one : common;
  }
  if (common == 0)
    throw std::runtime_error(input + " has no lines of numbers");
  return common;
}

} // namespace app
