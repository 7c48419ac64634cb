// Faults on purpose: what shall go wrong in a run, where and when. A plan is a value; a context that gets one lets it happen.
//
//   kill executor=1 at-stage=1; corrupt block=shuffle stage=1 probability=0.2; throw task stage=0 partition=3
//
// Words of the text form are the names of the functions below, with - for _. docs/testing_faults.md is the guide.
#pragma once

#include <salamander/rdd/config.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace salamander {
class context;

namespace testing {

enum class fault_kind : std::uint8_t {
  kill_executor,   ///< SIGKILL for an executor's process
  stop_executor,   ///< SIGSTOP, and SIGCONT after a time
  slow_executor,   ///< stopped and continued in turns, so that everything takes `factor` times as long
  cut_executor,    ///< no control message passes for a time
  lose_block,      ///< an executor drops a block just when a task wants it
  corrupt_block,   ///< a bit of a block changes on its way to another process
  delay_block,     ///< a block comes late
  throw_task,      ///< an exception in a task, as if user code had thrown it
  delay_task,      ///< a task takes longer
  fail_allocation, ///< std::bad_alloc in a task
  fail_write,      ///< the disk refuses a write of an output file
  drop_message,    ///< a control message is lost
  repeat_message,  ///< a control message arrives twice
  delay_message,   ///< a control message arrives late, and so after others that were sent later
  count_
};

/// Which blocks: map outputs, cached partitions, or results too large for a message.
enum class blocks : std::uint8_t { any, shuffle, cached, result };
enum class direction : std::uint8_t { both, to_executor, from_executor };
enum class disk_error : std::uint8_t { enospc, eio };

/// "kill executor", "corrupt block", ...
std::string_view name_of(fault_kind kind) noexcept;
/// Every kind there is, in the order of fault_kind.
std::vector<fault_kind> all_fault_kinds();

} // namespace testing

namespace core {

/// What a fault is made of; the words are explained at testing::fault.
struct fault_spec {
  testing::fault_kind kind = testing::fault_kind::kill_executor;
  testing::blocks block = testing::blocks::any;
  testing::disk_error error = testing::disk_error::enospc;
  testing::direction way = testing::direction::both;
  std::optional<std::uint32_t> executor;
  std::optional<std::uint32_t> stage;
  std::optional<std::uint32_t> partition;
  std::optional<std::uint32_t> at_stage;
  std::optional<std::uint32_t> after_tasks;
  std::optional<std::uint32_t> nth;
  std::optional<double> probability;
  std::optional<std::uint32_t> times; ///< 0: without limit
  std::optional<std::uint32_t> batch;
  std::optional<std::uint32_t> read;
  std::optional<std::uint32_t> chunk;
  std::optional<std::uint32_t> tries;
  std::optional<double> factor;
  std::optional<std::chrono::milliseconds> time; ///< `for` of executors, `by` of delays

  /// How often it may happen; 0: without limit.
  std::uint32_t limit() const noexcept {
    return times.value_or(probability ? 0 : 1);
  }
  friend bool operator==(const fault_spec&, const fault_spec&) = default;
};

} // namespace core

namespace testing {

/// One fault: what, on whom, when, how often. Made by the functions below; every member returns the fault itself.
///
/// Who: `executor(n)` is the n-th executor started, from 0; replacements get further numbers. `stage(s)` is the s-th stage that the
/// application started, from 0; a stage that is tried again keeps its number. `partition(p)` is the task's within its stage.
/// When: exactly one of `at_stage`, `after_tasks`, `nth`, `probability`; without any, the first occasion (`nth(1)`) for faults of
/// tasks and blocks.
/// Errors: errc::invalid_argument for a number out of range; what does not fit the kind is refused by fault_plan::with.
class fault {
public:
  explicit fault(fault_kind kind) noexcept {
    spec_.kind = kind;
  }
  explicit fault(core::fault_spec spec) noexcept : spec_(spec) {}

  fault& executor(std::uint32_t number);
  fault& stage(std::uint32_t ordinal);
  fault& partition(std::uint32_t index);

  /// Executors: when this stage starts. `times(k)`: also at its next k - 1 attempts.
  fault& at_stage(std::uint32_t ordinal);
  /// Executors: when `executor` has finished so many tasks; without `executor`, the one that finishes that many-th task of the run.
  fault& after_tasks(std::uint32_t count);
  /// Tasks and blocks: the n-th task attempt that is sent to an executor, of those that match. Messages: the n-th that carries orders
  /// or reports, for each executor and direction.
  fault& nth(std::uint32_t n);
  /// Drawn for every occasion: each finished task (executors), each attempt sent (tasks, blocks), each message.
  fault& probability(double p);
  /// Happens no more than so often. Default: 1, or without limit with `probability`.
  fault& times(std::uint32_t limit);
  fault& unlimited();

  fault& batch(std::uint32_t n); ///< throw_task, fail_allocation: at the task's n-th batch of records; default: before the first
  fault& read(std::uint32_t n);  ///< blocks: the n-th one that the task reads and that qualifies; default 1
  fault& chunk(std::uint32_t n); ///< fail_write: the n-th write of the task (256 KiB each, the last one shorter); default 1
  fault& tries(std::uint32_t n); ///< corrupt_block: so many times in a row; the library gives up on a block at the second

  fault_kind kind() const noexcept {
    return spec_.kind;
  }
  const core::fault_spec& spec() const noexcept {
    return spec_;
  }
  /// As a piece of a plan: "kill executor=1 at-stage=2".
  std::string text() const;

  friend bool operator==(const fault&, const fault&) = default;

private:
  core::fault_spec spec_;
};

// Need executors in processes of their own (local-cluster). Without `executor` the one that the trigger is about, or, at a stage's
// start, one drawn from those alive.
fault kill_executor();
fault stop_executor(std::chrono::milliseconds time);
fault slow_executor(double factor, std::chrono::milliseconds time);
fault cut_executor(std::chrono::milliseconds time, direction which = direction::both);
fault drop_message(direction which = direction::both);
fault repeat_message(direction which = direction::both);
fault delay_message(std::chrono::milliseconds time, direction which = direction::both);

/// Blocks that travel between processes; what a process reads of its own is never encoded. Needs local-cluster.
fault corrupt_block(blocks which = blocks::any);
/// Blocks that the reading task's executor holds itself: the map output, cached partition or result is gone and is computed again.
fault lose_block(blocks which = blocks::any);
fault delay_block(std::chrono::milliseconds time, blocks which = blocks::any);

fault throw_task();
fault delay_task(std::chrono::milliseconds time);
fault fail_allocation();
fault fail_write(disk_error error = disk_error::enospc);

/// Faults and the seed of what is drawn. Equal plans and seeds give equal decisions, see the guide on what is reproducible.
/// Limits: 1000 faults. Threads: as a std::vector.
class fault_plan {
public:
  static constexpr std::size_t faults_max = 1000;
  static constexpr std::uint32_t seed_max = 0x7fffffff;

  fault_plan() = default;
  /// Errors: errc::invalid_argument above seed_max.
  explicit fault_plan(std::uint32_t seed);

  /// Errors: errc::invalid_argument for a fault whose parts do not fit together; the text names the part and those that do.
  fault_plan& with(const fault& one);

  /// Reads faults separated by `;`. Errors: errc::bad_config_value with the piece that is wrong and the words that are known.
  static fault_plan parse(std::string_view text, std::uint32_t seed = 1);
  /// What `parse` reads; without the seed.
  std::string text() const;

  const std::vector<fault>& faults() const noexcept {
    return faults_;
  }
  std::uint32_t seed() const noexcept {
    return seed_;
  }
  bool empty() const noexcept {
    return faults_.empty();
  }

  friend bool operator==(const fault_plan&, const fault_plan&) = default;

private:
  std::uint32_t seed_ = 1;
  std::vector<fault> faults_;
};

/// The settings with the plan in them: salamander.faults.plan and salamander.faults.seed.
config with_faults(config settings, const fault_plan& plan);

/// The plan in the settings; empty when there is none. Errors: as fault_plan::parse.
fault_plan plan_of(const config& settings);

/// What a plan asks for and a master cannot do. Errors: errc::bad_config_value naming the fault and what to do instead.
void check_possible(const fault_plan& plan, const core::master_url& master);

} // namespace testing
} // namespace salamander
