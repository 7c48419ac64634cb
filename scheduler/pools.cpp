#include <salamander/scheduler/pools.hpp>

#include <salamander/rdd/error.hpp>

#include <algorithm>
#include <charconv>

namespace salamander::scheduler {
namespace {

constexpr std::uint32_t share_max = 1'000'000;
constexpr std::size_t pools_max = 1'000;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const auto first = text.find_first_not_of(blanks);
  return first == std::string_view::npos ? std::string_view() : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

[[noreturn]] void refuse(const std::string& where, std::size_t line, std::string_view text, const std::string& expected) {
  core::throw_error(errc::bad_config_value,
                    where + ":" + std::to_string(line) + ": expected " + expected + ", found '" + std::string(text) + "'");
}

std::uint32_t number(std::string_view text, std::uint32_t least, const std::string& where, std::size_t line) {
  std::uint32_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || value < least || value > share_max)
    refuse(where, line, text, "a whole number from " + std::to_string(least) + " to " + std::to_string(share_max));
  return value;
}

bool is_fair(std::string_view text, const std::string& where, std::size_t line) {
  if (text != "FAIR" && text != "FIFO" && text != "fair" && text != "fifo")
    refuse(where, line, text, "FIFO or FAIR");
  return text == "FAIR" || text == "fair";
}

void read_line(std::string_view text, const std::string& where, std::size_t line, std::vector<pool_options>& pools) {
  constexpr std::string_view form = "pool.NAME.weight=N, pool.NAME.minShare=N or pool.NAME.schedulingMode=FIFO|FAIR";
  constexpr std::string_view prefix = "pool.";
  const auto equals = text.find('=');
  const auto key = trimmed(text.substr(0, equals));
  const auto last_dot = key.rfind('.');
  if (equals == std::string_view::npos || !key.starts_with(prefix) || last_dot <= prefix.size() || key.find(' ') != std::string_view::npos)
    refuse(where, line, text, std::string(form));
  const auto name = key.substr(prefix.size(), last_dot - prefix.size());
  const auto setting = key.substr(last_dot + 1);
  const auto value = trimmed(text.substr(equals + 1));
  auto at = std::find_if(pools.begin(), pools.end(), [&](const auto& one) { return one.name == name; });
  if (at == pools.end()) {
    if (pools.size() == pools_max)
      refuse(where, line, text, "no more than " + std::to_string(pools_max) + " pools");
    at = pools.insert(at, pool_options{std::string(name), 1, 0, false});
  }
  if (setting == "weight")
    at->weight = number(value, 1, where, line);
  else if (setting == "minShare")
    at->min_share = number(value, 0, where, line);
  else if (setting == "schedulingMode")
    at->fair = is_fair(value, where, line);
  else
    refuse(where, line, text, std::string(form));
}

} // namespace

std::vector<pool_options> parse_pools(std::string_view text, const std::string& where) {
  std::vector<pool_options> pools;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto content = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!content.empty() && content.front() != '#')
      read_line(content, where, line, pools);
  }
  return pools;
}

pool_table::pool_table(const std::vector<pool_options>& declared) {
  for (const auto& one : declared)
    pools_[one.name].options = one;
}

pool_table::pool& pool_table::of(const std::string& name) {
  const auto wanted = name.empty() ? default_pool : std::string_view(name);
  if (const auto known = pools_.find(wanted); known != pools_.end())
    return known->second;
  auto& made = pools_[std::string(wanted)];
  made.options.name = wanted;
  return made;
}

bool pool_table::goes_first(const pool& a, const pool& b) {
  const bool a_needs = a.running < a.options.min_share;
  const bool b_needs = b.running < b.options.min_share;
  if (a_needs != b_needs)
    return a_needs;
  // Fractions are compared by multiplying crosswise: no rounding, so that equals are equal.
  const std::uint64_t a_whole = a_needs ? a.options.min_share : a.options.weight;
  const std::uint64_t b_whole = a_needs ? b.options.min_share : b.options.weight;
  const auto left = a.running * b_whole;
  const auto right = b.running * a_whole;
  return left != right ? left < right : a.options.name < b.options.name;
}

} // namespace salamander::scheduler
