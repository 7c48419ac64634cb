#include <salamander/rdd/barrier.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/task_context.hpp>

namespace salamander {

std::vector<std::string> barrier_task::meet(const std::string* gives) const {
  auto met = running_->services.wait_at_barrier(running_->barriers_passed, gives);
  ++running_->barriers_passed;
  return met;
}

void barrier_task::wait() const {
  meet(nullptr);
}

std::vector<std::string> barrier_task::all_gather(std::string text) const {
  if (text.size() > text_bytes_max)
    core::throw_error(errc::invalid_argument, "all_gather was given a text of " + std::to_string(text.size()) + " bytes, and takes " +
                                                  std::to_string(text_bytes_max) +
                                                  " at most; it is for addresses and small numbers, and a shuffle or files for data");
  return meet(&text);
}

const std::vector<barrier_task_info>& barrier_task::task_infos() const noexcept {
  return running_->ordered->gang;
}

barrier_task barrier_here() {
  auto* const running = core::current_task();
  if (!running)
    core::throw_error(errc::invalid_argument,
                      "barrier_here() is for functions that run as tasks of a barrier stage, on the task's own thread; this one runs none");
  if (!running->ordered || running->ordered->gang.empty())
    core::throw_error(errc::invalid_argument, "barrier_here() is for functions that run as tasks of a barrier stage, and stage " +
                                                  std::to_string(running->stage_number) +
                                                  " is none: use dataset.barrier().map_partitions(f)");
  return barrier_task(*running);
}

} // namespace salamander
