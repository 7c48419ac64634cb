#include <salamander/rdd/row_fields.hpp>

#include <salamander/rdd/error.hpp>

#include <charconv>

namespace salamander::core {
namespace {

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

template <class N>
bool parse_number(std::string_view text, N& to) noexcept {
  text = trimmed(text);
  if (text.starts_with('+') && !text.starts_with("+-"))
    text.remove_prefix(1); // which from_chars does not know
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), to);
  return failure == std::errc{} && end == text.data() + text.size();
}

bool same_letters(std::string_view text, std::string_view word) noexcept {
  if (text.size() != word.size())
    return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((text[i] | 0x20) != word[i])
      return false;
  return true;
}

} // namespace

void throw_malformed(const malformed_row& row) {
  throw_error(errc::malformed_row, row.file + ":" + std::to_string(row.line) + ": malformed row: " + row.reason +
                                       "; the row is: " + row.text.substr(0, 300) +
                                       "; to go on without such rows set on_malformed to drop, and to get them read parsed<T>");
}

void check_rows(const csv_options& options, std::size_t members, const char* operation, const call_site& site) {
  const auto refuse = [&](const std::string& why) {
    throw_error(errc::invalid_argument, std::string(operation) + " at " + site.text() + ": " + why);
  };
  const auto ends_line = [](char c) { return c == '\n' || c == '\r' || c == '\0'; };
  if (options.delimiter == options.quote || ends_line(options.delimiter) || ends_line(options.quote))
    refuse("delimiter and quote have to be two different characters that end no line");
  check_columns(options.columns, members, operation, site);
}

void check_columns(const std::vector<std::string>& columns, std::size_t members, const char* operation, const call_site& site) {
  if (!columns.empty() && columns.size() != members)
    throw_error(errc::invalid_argument, std::string(operation) + " at " + site.text() + ": " + std::to_string(columns.size()) +
                                            " columns are named for " + std::to_string(members) +
                                            " members; name one for each, in order of declaration");
}

bool parse_text(std::string_view text, std::int64_t& to) noexcept {
  return parse_number(text, to);
}

bool parse_text(std::string_view text, std::uint64_t& to) noexcept {
  return parse_number(text, to);
}

bool parse_text(std::string_view text, double& to) noexcept {
  return parse_number(text, to);
}

bool parse_text(std::string_view text, bool& to) noexcept {
  text = trimmed(text);
  to = text == "1" || same_letters(text, "true");
  return to || text == "0" || same_letters(text, "false");
}

} // namespace salamander::core
