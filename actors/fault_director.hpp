// The driver's side of fault injection: hears what the scheduler does, decides by the plan, acts, and keeps the report.
#pragma once

#include <salamander/actors/fault_messages.hpp>
#include <salamander/actors/fault_signals.hpp>
#include <salamander/rdd/fault_report.hpp>
#include <salamander/rdd/fault_task.hpp>
#include <salamander/scheduler/events.hpp>

#include <atomic>
#include <set>
#include <unordered_map>

namespace salamander::actors {

struct fault_setup {
  testing::fault_plan plan;
  std::uint32_t executors = 1; ///< the ones that start with the application
  /// Sends a signal to an executor's process; returns the process, 0 if there is none. Null where executors are no processes.
  std::function<std::int64_t(std::uint32_t executor, int signal)> signal;
  std::shared_ptr<std::atomic<std::uint64_t>> refused_messages;
  std::function<void(const std::string&)> log;
};

/// Exists only in applications with a plan or a report. The functions in the first group are called by the scheduler's actor.
/// Threads: any. Limits: remembers each partition that was ever computed; fault_report::records_max.
class fault_director {
public:
  explicit fault_director(fault_setup setup);
  fault_director(const fault_director&) = delete;
  fault_director& operator=(const fault_director&) = delete;
  ~fault_director();

  void job_started(std::uint32_t job);
  /// Before its user is told. `counts` is completed here.
  void job_ended(std::uint32_t job, const std::string& title, job_report counts);
  void executor_joined(std::uint32_t executor);
  void executor_gone(std::uint32_t executor);
  void stage_started(const scheduler::stage_started& stage, bool reads_shuffle);
  /// What the attempts that are about to be sent shall suffer.
  std::vector<core::armed_fault> launching(const scheduler::launch_tasks& launch);
  /// Before the reports of the tasks themselves.
  void happened(std::uint32_t executor, const std::vector<core::fault_note>& notes);
  enum class task_end : std::uint8_t { succeeded, failed, cancelled };
  void task_ended(std::uint64_t task, task_end how);

  /// Faults for fetching the result that this task kept; null if there are none. Give them back with `result_fetched`.
  std::shared_ptr<core::task_faults> faults_of_result(std::uint64_t task);
  void result_fetched(std::uint32_t executor, core::task_faults& faults);

  /// Null when the plan says nothing about messages.
  const std::shared_ptr<fault_messages>& messages() const noexcept {
    return messages_;
  }
  testing::fault_report report() const;
  /// Processes go on, and nothing more is done to them.
  void end();

private:
  using clock = std::chrono::steady_clock;
  using key = std::pair<std::uint32_t, std::uint32_t>; ///< stage id, partition
  struct running_task {
    core::task_place place;
    std::uint32_t stage = 0; ///< id
    std::vector<core::armed_fault> armed;
  };
  struct open_record {
    std::size_t index = 0; ///< of report_.injected
    clock::time_point since;
  };

  void strike(const core::fault_decider::hit& hit, std::optional<std::uint32_t> stage, const core::task_place* task);
  std::string strike_process(const core::fault_spec& spec, std::uint32_t executor);
  testing::injected_fault_record& record(std::uint32_t fault, std::string detail);
  void broke(const key& what);
  void mended(const key& what);
  void give_back(const running_task& task);
  std::string why_missed(std::uint32_t fault) const;

  const fault_setup setup_;
  const clock::time_point start_ = clock::now();
  fault_signals signals_;
  std::shared_ptr<fault_messages> messages_;

  mutable std::mutex mutex_;
  core::fault_decider decider_;
  testing::fault_report report_;
  testing::injected_fault_record overflow_; ///< of faults beyond records_max
  std::vector<std::uint64_t> happened_;     ///< by fault
  std::set<std::uint32_t> alive_;
  std::uint32_t joined_ = 0;
  std::map<std::uint32_t, clock::time_point> jobs_;           ///< running ones, with their start
  std::unordered_map<std::uint32_t, std::uint32_t> ordinals_; ///< of stages, by id
  std::unordered_map<std::uint64_t, running_task> running_;
  std::set<key> done_;
  std::set<key> broken_;
  std::vector<open_record> open_; ///< whose job still runs
};

} // namespace salamander::actors
