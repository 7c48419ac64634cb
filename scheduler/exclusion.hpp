// Which executors and nodes are kept away from tasks because tasks failed there. Spark's rules, with its names and counts.
#pragma once

#include <salamander/scheduler/driver_scheduler.hpp>
#include <salamander/scheduler/executor_table.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace salamander::scheduler {

/// The failures of one attempt of one stage, by executor and by node.
class stage_exclusion {
public:
  explicit stage_exclusion(const exclusion_options& options) : options_(options) {}

  /// A failure that counts: of the task's own doing, or of the place.
  void failed(std::uint32_t index, executor_id executor, const std::string& host, time_point now);

  /// Whether the task must not run there.
  bool forbids(std::uint32_t index, executor_id executor, const std::string& host) const;
  /// Whether no task of the stage may run there.
  bool forbids_all(executor_id executor, const std::string& host) const;

  struct record {
    std::string host;
    std::map<std::uint32_t, std::pair<std::uint32_t, time_point>> tasks; ///< by index: how often, and when last
  };
  const std::map<executor_id, record>& failures() const noexcept {
    return failures_;
  }

private:
  const exclusion_options& options_;
  std::map<executor_id, record> failures_;
  std::map<std::string, std::set<std::uint32_t>> tasks_off_node_;
  std::set<executor_id> executors_;
  std::set<std::string> nodes_;
};

/// What the application as a whole keeps away from. A failure counts here once its stage has succeeded elsewhere: a stage that
/// cannot succeed at all says nothing about executors.
class application_exclusion {
public:
  explicit application_exclusion(const exclusion_options& options) : options_(options) {}

  struct exclusion {
    executor_id executor = no_executor; ///< or, if none:
    std::string node;
    std::string why;
  };
  /// Returns who is excluded from now on.
  std::vector<exclusion> stage_succeeded(stage_id stage, std::uint32_t attempt, const stage_exclusion& failures, time_point now);
  std::vector<exclusion> fetch_failed(executor_id from, const std::string& host, time_point now);

  bool forbids(executor_id executor, const std::string& host) const;

  /// Lets go of what has been excluded for long enough; returns texts on whom.
  std::vector<std::string> expire(time_point now);
  std::optional<time_point> next_expiry() const;

  /// The executor is gone: nothing is known of it any more, but what it did still counts against its node.
  void forget(executor_id executor);

private:
  struct failure {
    stage_id stage;
    std::uint32_t attempt = 0;
    std::uint32_t index = 0;
    time_point expires;
  };

  void exclude(executor_id executor, const std::string& host, const std::string& why, time_point now, std::vector<exclusion>& made);

  const exclusion_options& options_;
  std::map<executor_id, std::vector<failure>> failures_;
  struct excluded {
    std::string host;
    time_point expires;
  };
  std::map<executor_id, excluded> executors_;
  std::map<std::string, std::set<executor_id>> executors_of_node_;
  std::map<std::string, time_point> nodes_;
};

} // namespace salamander::scheduler
