// What was done to a run, and how it came through.
#pragma once

#include <salamander/rdd/engine.hpp>
#include <salamander/rdd/faults.hpp>

#include <iosfwd>
#include <optional>

namespace salamander::testing {

/// One fault that happened.
struct injected_fault_record {
  std::uint32_t ordinal = 0; ///< in the order in which the driver did it or heard of it, from 0
  std::uint32_t fault = 0;   ///< place in the plan, from 0
  fault_kind kind = fault_kind::kill_executor;
  std::string text;                  ///< of the fault, as in the plan
  std::string detail;                ///< what exactly was done: "sent SIGKILL to process 4711", "dropped shuffle block ..."
  std::chrono::microseconds when{0}; ///< since the context started; faults inside executors: when the driver heard of it
  std::optional<std::uint32_t> executor;
  std::optional<std::uint32_t> stage; ///< ordinal, as in plans
  std::optional<std::uint32_t> partition;
  std::optional<std::uint32_t> attempt; ///< of the task

  // Recovery. What was broken: task attempts that failed or were lost afterwards, and finished work that had to be done again.
  std::uint32_t tasks_broken = 0; ///< until the job's end; overlapping faults all count what broke meanwhile
  /// From the fault until all that was broken since was done again, for the last time before the job ended.
  std::optional<std::chrono::microseconds> caught_up_after;
  std::optional<std::uint32_t> job; ///< that ran then (the oldest, if there were several)
  std::optional<std::chrono::microseconds> job_ended_after;
  bool job_succeeded = false;
};

/// A fault of the plan that did not happen as often as it might have.
struct missed_fault {
  std::uint32_t fault = 0;
  std::string text;
  std::string why;
};

/// A stage that the application started.
struct stage_record {
  std::uint32_t ordinal = 0;
  std::string title; ///< "map at x.cpp:12"
  std::uint32_t tasks = 0;
  std::uint32_t attempts = 0;
  bool reads_shuffle = false;
};

/// Everything that salamander.faults.plan did to a context so far. A plain value.
/// Limits: the first records_max faults, jobs and stages are kept one by one; all are counted.
struct fault_report {
  static constexpr std::size_t records_max = 10000;

  fault_plan plan;
  std::vector<injected_fault_record> injected;
  std::uint64_t injected_total = 0;
  std::vector<missed_fault> missed; ///< faults that never happened
  std::vector<job_report> jobs;     ///< that faults happened to, ended ones
  std::vector<stage_record> stages;
  std::uint64_t tasks_finished = 0;
  std::uint32_t executors_replaced = 0;
  std::uint64_t refused_messages = 0; ///< of executors that had been given up

  /// How often a kind happened.
  std::uint64_t count(fault_kind kind) const noexcept;
  /// For people: what, where, when, how the jobs recovered, and how to do it again.
  std::string text() const;
};

std::ostream& operator<<(std::ostream& out, const fault_report& report);

/// The report of a context that has salamander.faults.plan or salamander.faults.report; an empty one for others. Also after stop().
/// Threads: any.
fault_report report(const context& sc);

} // namespace salamander::testing
