#include <salamander/rdd/config.hpp>

#include <salamander/rdd/config_lines.hpp>
#include <salamander/rdd/error.hpp>
#include <salamander/rdd/faults.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>
#include <thread>

namespace salamander {
namespace {

using core::config_entry;
using core::throw_error;
using type = config_entry::type;

constexpr std::string_view own_prefix = "salamander.";

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n\f\v";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

[[noreturn]] void bad_value(std::string_view key, std::string_view value, const std::string& expected) {
  throw_error(errc::bad_config_value, "bad value " + quoted(value) + " for " + std::string(key) + ": expected " + expected);
}

const config_entry* find_entry(std::string_view key) {
  for (const auto& entry : core::known_config()) {
    const bool is_prefix = entry.key.ends_with('.');
    if (is_prefix ? key.starts_with(entry.key) && key.size() > entry.key.size() : key == entry.key)
      return &entry;
  }
  return nullptr;
}

/// Levenshtein distance; case counts as nothing, so that a wrong capital finds its key first.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  const auto x = lower(a);
  const auto y = lower(b);
  std::vector<std::size_t> row(y.size() + 1);
  for (std::size_t j = 0; j <= y.size(); ++j)
    row[j] = j;
  for (std::size_t i = 1; i <= x.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= y.size(); ++j) {
      const auto above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (x[i - 1] == y[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row[y.size()];
}

const config_entry* known_or_throw(std::string_view key) {
  if (!key.starts_with(own_prefix))
    return nullptr;
  if (const auto* entry = find_entry(key))
    return entry;
  // Comparing takes time by the product of both lengths, and what is this long is no slip of the hand.
  if (key.size() > 200)
    throw_error(errc::unknown_config_key, "unknown configuration key " + quoted(key.substr(0, 200)) + "...");
  const auto& all = core::known_config();
  const auto nearest = std::min_element(
      all.begin(), all.end(), [&](const auto& a, const auto& b) { return edit_distance(key, a.key) < edit_distance(key, b.key); });
  throw_error(errc::unknown_config_key, "unknown configuration key " + quoted(key) + "; the nearest known key is " + quoted(nearest->key));
}

std::int64_t parse_integer(std::string_view key, std::string_view text) {
  const auto digits = trimmed(text);
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failure != std::errc{} || end != digits.data() + digits.size())
    bad_value(key, text, "a whole number");
  return value;
}

double parse_number(std::string_view key, std::string_view text) {
  const auto digits = trimmed(text);
  double value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failure != std::errc{} || end != digits.data() + digits.size() || !std::isfinite(value))
    bad_value(key, text, "a number");
  return value;
}

bool parse_bool(std::string_view key, std::string_view text) {
  const auto word = lower(trimmed(text));
  if (word == "true")
    return true;
  if (word != "false")
    bad_value(key, text, "true or false");
  return false;
}

/// Splits "64m" into 64 and "m".
std::pair<std::uint64_t, std::string> number_and_unit(std::string_view key, std::string_view text, const std::string& expected) {
  const auto body = trimmed(text);
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(body.data(), body.data() + body.size(), value);
  if (failure != std::errc{})
    bad_value(key, text, expected);
  return {value, lower(trimmed(body.substr(static_cast<std::size_t>(end - body.data()))))};
}

void check_choice(const config_entry& entry, std::string_view key, std::string_view value) {
  if (entry.choices.empty())
    return;
  auto rest = entry.choices;
  while (!rest.empty()) {
    const auto word = rest.substr(0, rest.find(' '));
    if (word == value)
      return;
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
  }
  bad_value(key, value, "one of: " + std::string(entry.choices));
}

void check_value(const config_entry& entry, std::string_view key, std::string_view value) {
  const auto at_least = [&](std::int64_t parsed, const char* unit) {
    if (parsed < entry.least)
      bad_value(key, value, "at least " + std::to_string(entry.least) + unit);
  };
  switch (entry.kind) {
  case type::text:
    check_choice(entry, key, value);
    if (key == "salamander.faults.plan")
      testing::fault_plan::parse(value);
    // A mistyped word must not become a file of that name.
    if (key == "salamander.faults.report" && value != "true" && value != "false" && value != "observe" &&
        value.find_first_of("/.") == std::string_view::npos)
      bad_value(key, value, "true, false, observe, or a path with a / or a . in it");
    break;
  case type::integer:
    at_least(parse_integer(key, value), "");
    if (parse_integer(key, value) > std::numeric_limits<std::int32_t>::max())
      bad_value(key, value, "at most " + std::to_string(std::numeric_limits<std::int32_t>::max()));
    break;
  case type::number:
    parse_number(key, value);
    break;
  case type::boolean:
    parse_bool(key, value);
    break;
  case type::bytes:
    at_least(static_cast<std::int64_t>(core::parse_bytes(key, value)), " bytes");
    break;
  case type::time:
    at_least(core::parse_time(key, value).count(), "ms");
    break;
  }
}

bool looks_secret(std::string_view key) {
  const auto name = lower(key);
  for (const auto* word : {"secret", "password", "passwd", "token", "credential", "accesskey", "access.key", "access_key", "privatekey"})
    if (name.find(word) != std::string::npos)
      return true;
  return false;
}

void load_lines(config& into, std::istream& lines, const std::string& source) {
  core::read_config_lines(lines, source, [&](std::string_view key, std::string_view value) { into.set(key, value); });
}

void load_defaults(config& into, const std::string& path) {
  errno = 0;
  std::ifstream file(path);
  if (!file) {
    if (errno == ENOENT || errno == ENOTDIR)
      return;
    throw_error(errc::io_error, "cannot read " + path + ": " + std::strerror(errno));
  }
  load_lines(into, file, path);
  if (file.bad())
    throw_error(errc::io_error, "cannot read " + path + ": " + std::strerror(errno));
}

} // namespace

config::config() {
  if (const char* directory = std::getenv("SALAMANDER_CONF_DIR"); directory != nullptr && *directory != '\0')
    load_defaults(*this, std::string(directory) + "/salamander-defaults.conf");
  if (const char* master = std::getenv("SALAMANDER_MASTER"); master != nullptr && *master != '\0')
    set_master(master);
  if (const char* directory = std::getenv("SALAMANDER_CREDENTIALS"); directory != nullptr && *directory != '\0')
    set("salamander.credentials", directory);
  if (const char* settings = std::getenv("SALAMANDER_CONF"); settings != nullptr && *settings != '\0') {
    std::istringstream lines(settings);
    load_lines(*this, lines, "SALAMANDER_CONF");
  }
  constexpr std::pair<const char*, const char*> of_faults[] = {{"SALAMANDER_FAULTS_PLAN", "salamander.faults.plan"},
                                                               {"SALAMANDER_FAULTS_REPORT", "salamander.faults.report"},
                                                               {"SALAMANDER_FAULTS_SEED", "salamander.faults.seed"}};
  for (const auto& [variable, key] : of_faults)
    if (const char* value = std::getenv(variable); value != nullptr && *value != '\0')
      set(key, value);
}

config& config::set(std::string_view key, std::string_view value) {
  if (trimmed(key).empty())
    throw_error(errc::unknown_config_key, "a configuration key must not be empty");
  auto kept = std::string(value);
  if (const auto* entry = known_or_throw(key)) {
    if (!entry->choices.empty())
      kept = lower(trimmed(value));
    check_value(*entry, key, kept);
  }
  values_.insert_or_assign(std::string(key), std::move(kept));
  return *this;
}

config& config::set_if_missing(std::string_view key, std::string_view value) {
  return contains(key) ? *this : set(key, value);
}

config& config::set_all(const std::vector<std::pair<std::string, std::string>>& settings) {
  for (const auto& [key, value] : settings)
    set(key, value);
  return *this;
}

config& config::set_master(std::string_view url) {
  return set("salamander.master", url);
}

config& config::set_app_name(std::string_view name) {
  return set("salamander.app.name", name);
}

std::optional<std::string> config::find(std::string_view key) const {
  const auto* entry = known_or_throw(key);
  if (const auto at = values_.find(key); at != values_.end())
    return at->second;
  if (entry != nullptr && !entry->fallback.empty())
    return std::string(entry->fallback);
  return std::nullopt;
}

std::string config::get(std::string_view key) const {
  if (auto value = find(key))
    return *std::move(value);
  throw_error(errc::invalid_argument, "configuration key " + quoted(key) + " is not set and has no default");
}

std::string config::get(std::string_view key, std::string_view fallback) const {
  auto value = find(key);
  return value ? *std::move(value) : std::string(fallback);
}

bool config::contains(std::string_view key) const {
  return values_.find(key) != values_.end();
}

std::vector<std::pair<std::string, std::string>> config::get_all() const {
  return {values_.begin(), values_.end()};
}

std::int64_t config::get_int(std::string_view key) const {
  return parse_integer(key, get(key));
}

double config::get_double(std::string_view key) const {
  return parse_number(key, get(key));
}

bool config::get_bool(std::string_view key) const {
  return parse_bool(key, get(key));
}

std::uint64_t config::get_bytes(std::string_view key) const {
  return core::parse_bytes(key, get(key));
}

std::chrono::milliseconds config::get_time(std::string_view key) const {
  return core::parse_time(key, get(key));
}

std::string config::to_debug_string() const {
  std::string out;
  for (const auto& [key, value] : values_)
    out += key + "=" + (looks_secret(key) ? "*********(redacted)" : value) + "\n";
  return out;
}

namespace core {

void read_config_lines(std::istream& lines, const std::string& source,
                       const std::function<void(std::string_view, std::string_view)>& take) {
  std::string line;
  for (std::size_t number = 1; std::getline(lines, line); ++number) {
    const auto text = trimmed(line);
    if (text.empty() || text.front() == '#')
      continue;
    const auto key = text.substr(0, text.find_first_of("= \t"));
    auto value = trimmed(text.substr(key.size()));
    if (value.starts_with('='))
      value = trimmed(value.substr(1));
    const auto where = source + ":" + std::to_string(number) + ": ";
    if (key.empty() || value.empty())
      throw_error(errc::bad_config_value, where + "expected \"key value\" or \"key=value\", found " + quoted(text));
    try {
      take(key, value);
    } catch (const error& failure) {
      throw_error(failure.code(), where + failure.what());
    }
  }
}

std::uint64_t parse_bytes(std::string_view key, std::string_view text) {
  static const std::string expected = "a size such as 512, 64k, 128m, 1g";
  const auto [value, unit] = number_and_unit(key, text, expected);
  constexpr std::string_view letters = "bkmgtp";
  // "k" and "kb" mean the same.
  const bool known = unit.empty() || (letters.find(unit[0]) != std::string_view::npos &&
                                      (unit.size() == 1 || (unit.size() == 2 && unit[0] != 'b' && unit[1] == 'b')));
  if (!known)
    bad_value(key, text, expected);
  const auto shift = unit.empty() ? 0U : static_cast<unsigned>(letters.find(unit[0])) * 10U;
  if (value > (static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) >> shift))
    bad_value(key, text, "less than 8 EiB");
  return value << shift;
}

std::chrono::milliseconds parse_time(std::string_view key, std::string_view text) {
  static const std::string expected = "a time such as 500us, 100ms, 10s, 5m, 1h, 1d";
  const auto [value, unit] = number_and_unit(key, text, expected);
  if (unit == "us")
    return std::chrono::milliseconds(value / 1000 + (value % 1000 != 0 ? 1 : 0));
  struct known_unit {
    std::string_view name;
    std::uint64_t milliseconds;
  };
  constexpr known_unit units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  constexpr std::uint64_t longest = 100ULL * 365 * 86'400'000; // clocks overflow at 292 years
  for (const auto& [name, milliseconds] : units) {
    if (unit != name)
      continue;
    if (value > longest / milliseconds)
      bad_value(key, text, "less than 100 years");
    return std::chrono::milliseconds(value * milliseconds);
  }
  bad_value(key, text, expected);
}

void check_consistent(const config& settings) {
  const auto below = [&](std::string_view smaller, std::string_view larger) {
    if (settings.get_time(smaller) >= settings.get_time(larger))
      bad_value(smaller, settings.get(smaller), "less than " + std::string(larger) + ", which is " + settings.get(larger));
  };
  below("salamander.executor.heartbeatInterval", "salamander.executor.suspectTimeout");
  below("salamander.executor.suspectTimeout", "salamander.executor.deadTimeout");
  const auto excludes = [&](const char* which) {
    return settings.get_bool(settings.contains(which) ? which : "salamander.excludeOnFailure.enabled");
  };
  constexpr auto per_node = "salamander.excludeOnFailure.task.maxTaskAttemptsPerNode";
  constexpr auto failures = "salamander.task.maxFailures";
  // Else one bad node could use up all attempts of a task before the task is kept away from it.
  if ((excludes("salamander.excludeOnFailure.taskAndStage.enabled") || excludes("salamander.excludeOnFailure.application.enabled")) &&
      settings.get_int(per_node) >= settings.get_int(failures))
    bad_value(per_node, settings.get(per_node), std::string("less than ") + failures + ", which is " + settings.get(failures));
}

namespace {

[[noreturn]] void bad_master(std::string_view text, const std::string& why) {
  throw_error(errc::bad_master_url, "Could not parse master URL: " + quoted(text) + why +
                                        "; known forms are local, local[N], local[*], local[N,maxFailures], local[*,maxFailures], "
                                        "local-cluster[executors,cores,memoryMiB] and salamander://host:port[,host:port...]");
}

/// The comma-separated words between `prefix` and "]"; empty when the text has another form.
std::vector<std::string_view> bracketed(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix) || !text.ends_with(']') || text.size() <= prefix.size())
    return {};
  auto inside = text.substr(prefix.size(), text.size() - prefix.size() - 1);
  std::vector<std::string_view> words;
  for (;;) {
    const auto comma = inside.find(',');
    words.push_back(trimmed(inside.substr(0, comma)));
    if (comma == std::string_view::npos)
      return words;
    inside.remove_prefix(comma + 1);
  }
}

std::uint32_t count_in(std::string_view url, std::string_view word, const char* what, std::uint32_t most) {
  std::uint32_t value = 0;
  const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (failure == std::errc::result_out_of_range || (failure == std::errc{} && value > most))
    bad_master(url, std::string(" (at most ") + std::to_string(most) + " " + what + ")");
  if (failure != std::errc{} || end != word.data() + word.size())
    bad_master(url, "");
  if (value == 0)
    bad_master(url, std::string(" (at least 1 of: ") + what + ")");
  return value;
}

} // namespace

master_url parse_master(std::string_view text) {
  constexpr std::uint32_t any = std::numeric_limits<std::uint32_t>::max();
  const auto url = trimmed(text);
  if (url == "local")
    return {};
  if (const auto words = bracketed(url, "local["); words.size() == 1 || words.size() == 2) {
    master_url asked;
    asked.cores =
        words[0] == "*" ? std::max(1U, std::thread::hardware_concurrency()) : count_in(text, words[0], "threads", local_threads_max);
    if (words.size() == 2)
      asked.task_failures_max = count_in(text, words[1], "task failures", any);
    return asked;
  }
  if (const auto words = bracketed(url, "local-cluster["); words.size() == 3) {
    master_url asked;
    asked.how = master_url::kind::local_cluster;
    asked.executors = count_in(text, words[0], "executors", local_cluster_executors_max);
    asked.cores = count_in(text, words[1], "cores", local_threads_max);
    asked.memory_bytes = std::uint64_t{count_in(text, words[2], "MiB of memory", any)} << 20;
    asked.task_failures_max = 0;
    return asked;
  }
  if (url.starts_with("salamander://") && url.size() > std::string_view("salamander://").size()) {
    master_url asked;
    asked.how = master_url::kind::cluster;
    asked.task_failures_max = 0;
    asked.masters = url;
    return asked;
  }
  bad_master(text, "");
}

} // namespace core
} // namespace salamander
