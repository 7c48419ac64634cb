// Settings of an application.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace salamander {

/// Settings by name. Keys are Spark's with `salamander.` for `spark.` wherever the meaning is the same.
///
/// A new config holds, weakest first: built-in defaults, `salamander-defaults.conf` of the directory named by
/// SALAMANDER_CONF_DIR (lines of "key value" or "key=value", # comments), SALAMANDER_MASTER, SALAMANDER_CREDENTIALS, the lines of SALAMANDER_CONF
/// (what `salamander submit` sets), and SALAMANDER_FAULTS_PLAN, _SEED and
/// _REPORT for the keys salamander.faults.*. `set` overrides them.
/// Errors: an unknown `salamander.*` key is errc::unknown_config_key and names the nearest known one; keys without that prefix
/// are the user's own and are kept. A value that does not parse is errc::bad_config_value, thrown by `set`.
/// Threads: as a std::map. A context takes a copy; later changes have no effect on it.
class config {
public:
  /// Errors: errc::io_error for a defaults file that exists but cannot be read; what `set` throws, with file and line.
  config();

  config& set(std::string_view key, std::string_view value);
  config& set_if_missing(std::string_view key, std::string_view value);
  config& set_all(const std::vector<std::pair<std::string, std::string>>& settings);
  config& set_master(std::string_view url);
  config& set_app_name(std::string_view name);

  /// The value set, or the built-in default. Errors: errc::invalid_argument if there is neither.
  std::string get(std::string_view key) const;
  std::string get(std::string_view key, std::string_view fallback) const; ///< `fallback` if neither set nor with a default
  std::optional<std::string> find(std::string_view key) const;            ///< the value set, or the built-in default, or nothing
  bool contains(std::string_view key) const;                              ///< set by somebody, not only a default
  std::vector<std::pair<std::string, std::string>> get_all() const;       ///< what was set, sorted by key

  /// Typed getters. Units: bytes take b k m g t p (binary), "64m"; times take us ms s m min h d, "10s"; a bare number means
  /// bytes, or seconds. Errors: errc::bad_config_value with key, value and what is expected; those of `get`.
  std::int64_t get_int(std::string_view key) const;
  double get_double(std::string_view key) const;
  bool get_bool(std::string_view key) const;
  std::uint64_t get_bytes(std::string_view key) const;
  std::chrono::milliseconds get_time(std::string_view key) const;

  /// One "key=value" a line, sorted; values of keys that look like secrets are replaced.
  std::string to_debug_string() const;

private:
  std::map<std::string, std::string, std::less<>> values_;
};

namespace core {

/// One known key, for documentation and checks.
struct config_entry {
  enum class type : std::uint8_t { text, integer, number, boolean, bytes, time };
  std::string_view key; ///< with a dot at its end: every key that begins so
  type kind;
  std::string_view fallback; ///< empty: unset
  std::string_view meaning;
  std::int64_t least = 0;        ///< integer, bytes and time (milliseconds): the smallest value allowed
  std::string_view choices = {}; ///< text: the values allowed, separated by blanks; empty: any
};

/// All keys the library knows, sorted by key.
const std::vector<config_entry>& known_config();

/// Bytes of "64m", "1g", "4096". Errors: errc::bad_config_value naming `key`.
std::uint64_t parse_bytes(std::string_view key, std::string_view text);

/// Time of "10s", "100ms", "3" (seconds); parts of a millisecond count as a whole one. Errors: errc::bad_config_value naming `key`.
std::chrono::milliseconds parse_time(std::string_view key, std::string_view text);

/// Checks what no single key can tell, such as that an executor is suspected before it is given up. Called when a context starts.
/// Errors: errc::bad_config_value naming both keys.
void check_consistent(const config& settings);

/// What a master URL asks for.
struct master_url {
  enum class kind : std::uint8_t { local, local_cluster, cluster };
  kind how = kind::local;
  std::uint32_t executors = 1;
  std::uint32_t cores = 1;             ///< of each executor; `*` is what this process may use
  std::uint64_t memory_bytes = 0;      ///< per executor; local-cluster only
  std::uint32_t task_failures_max = 1; ///< local: 1 unless given; else 0, which is salamander.task.maxFailures
  std::string masters = {};            ///< cluster: the whole URL, whose hosts are read by those who connect
};

inline constexpr std::uint32_t local_threads_max = 1024;
inline constexpr std::uint32_t local_cluster_executors_max = 256;

/// Reads local, local[N], local[*], local[N,maxFailures], local[*,maxFailures], local-cluster[executors,cores,memoryMiB],
/// salamander://host:port[,host:port...].
/// Errors: errc::bad_master_url listing the forms that exist.
master_url parse_master(std::string_view text);

} // namespace core
} // namespace salamander
