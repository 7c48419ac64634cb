#include <salamander/scheduler/cluster/master_impl.hpp>

#include <algorithm>

namespace salamander::scheduler::cluster {
namespace {

/// Longer positions are not carried.
constexpr std::size_t positions_bytes_max = 4096;

} // namespace

void master::impl::read_status(application_entry& application, std::uint32_t number, executor_entry& executor,
                               const executor_status& status) {
  executor.reported = true;
  if (!executor.living())
    return;
  if (status.state == process_state::ended) {
    if (status.positions.size() <= positions_bytes_max)
      executor.positions = status.positions;
    return end_executor(application, number, status.end, plain_text(status.reason));
  }
  if (status.state == process_state::running && executor.state == process_state::starting) {
    executor.state = process_state::running;
    executor.running_since = now_;
    touch(application);
  }
  prove(application, executor);
}

void master::impl::prove(application_entry& application, executor_entry& executor) {
  if (executor.proven || executor.state != process_state::running || now_ - executor.running_since < settings_.proven_after)
    return;
  executor.proven = true;
  application.failures = 0;
  application.failures_at.erase(executor.worker);
}

void master::impl::end_executor(application_entry& application, std::uint32_t number, process_end end, const std::string& reason) {
  auto& executor = application.executors.at(number);
  executor.state = process_state::ended;
  executor.end = end;
  executor.reason = reason;
  touch(application);
  touch_worker(executor.worker);
  dirty_ = true;
  if (end == process_end::driver_gone && application.peer == no_peer)
    return watch_application(application);
  // Exit code 0 is a failure, too, of an executor that nobody asked to end; and so is losing a driver that is there.
  const bool unasked =
      end == process_end::failed || end == process_end::not_started || end == process_end::finished || end == process_end::driver_gone;
  if (unasked && !executor.leaving)
    count_failure(application, executor);
}

void master::impl::count_failure(application_entry& application, const executor_entry& executor) {
  application.last_failure = executor.reason + " (on " + executor.host + ")";
  if (executor.proven)
    return; // it is replaced at once
  ++application.failures;
  auto& row = application.failures_at[executor.worker];
  const auto doubled = settings_.restart_wait * (1LL << std::min(row.failures++, 16U));
  row.not_before = now_ + std::min<duration>(doubled, settings_.restart_wait_max);
  wake(row.not_before);
  const bool any_works =
      std::ranges::any_of(application.executors, [](const auto& each) { return each.second.living() && each.second.proven; });
  if (settings_.executor_retries != no_limit && application.failures >= settings_.executor_retries && !any_works)
    end_application(application, application_state::failed,
                    "its executors failed " + std::to_string(application.failures) + " times in a row; the last one: " +
                        application.last_failure + ". Their messages: salamander logs " + application.id);
}

void master::impl::dismiss(application_entry& application, std::uint32_t number) {
  const auto at = application.executors.find(number);
  if (at == application.executors.end())
    return;
  const auto& executor = at->second;
  if (number < application.restored_below)
    application.given_up.insert(number);
  if (auto* const worker = find_worker(executor.worker)) {
    worker->executors.erase({application.number, number});
    if (executor.living() && executor.sent && !worker->dead)
      worker->strays.insert_or_assign({application.id, executor.incarnation},
                                      stray{executor.cores, executor.memory_bytes, executor.reported, now_, worker->sequence});
    touch(*worker);
  }
  application.executors.erase(at);
  touch(application);
  dirty_ = true;
}

} // namespace salamander::scheduler::cluster
