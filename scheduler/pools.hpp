// Shares of the executors for groups of jobs: FAIR scheduling.
#pragma once

#include <salamander/scheduler/driver_scheduler.hpp>

#include <map>
#include <string>
#include <string_view>

namespace salamander::scheduler {

/// The pool of jobs that name none.
inline constexpr std::string_view default_pool = "default";

/// Reads the declaration of pools, one setting a line:
///     # nightly jobs get what is left
///     pool.interactive.weight = 3
///     pool.interactive.minShare = 4
///     pool.interactive.schedulingMode = FAIR
/// A name may hold dots, but no blanks. Limits: weights from 1 to 1,000,000, shares up to as much; 1,000 pools.
/// Errors: errc::bad_config_value with `where` and the line for everything else; Spark takes its defaults and goes on, so that a
/// misspelt weight is found out under load.
std::vector<pool_options> parse_pools(std::string_view text, const std::string& where);

/// The pools there are, and how many tasks of each run.
class pool_table {
public:
  struct pool {
    pool_options options;
    std::uint32_t running = 0;
  };

  explicit pool_table(const std::vector<pool_options>& declared);

  /// A pool nobody declared is made with defaults. The address stays valid.
  pool& of(const std::string& name);

  /// Whether `a` is to get the next free core rather than `b`: below its least share before one that is not, then the one that has
  /// less of its share, then the one with fewer tasks for its weight, then by name.
  static bool goes_first(const pool& a, const pool& b);

private:
  std::map<std::string, pool, std::less<>> pools_;
};

} // namespace salamander::scheduler
