#include <salamander/rdd/task_context.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/fault_task.hpp>

namespace salamander::core {
namespace {
thread_local task_context* running = nullptr;
}

const block_object& task_services::find_broadcast(std::uint32_t broadcast, std::uint64_t,
                                                  std::shared_ptr<const block_object> (*)(const byte_buffer&)) {
  throw_error(errc::internal, "broadcast value " + std::to_string(broadcast) + " is not known where this task runs");
}

std::vector<std::string> task_services::wait_at_barrier(std::uint32_t, const std::string*) {
  throw_error(errc::internal, "a task waits for others where no barrier stages are run");
}

void task_context::reserve(std::size_t bytes, const char* what) {
  if (!try_reserve(bytes))
    throw_error(errc::out_of_memory, shortage(bytes, what));
}

bool task_context::try_reserve(std::size_t bytes) {
  if (bytes == 0)
    return true;
  if (!services.reserve_memory(bytes))
    return false;
  reserved_ += bytes;
  return true;
}

bool task_context::try_reserve_to_cache(std::size_t bytes, rdd_id dataset) {
  if (bytes != 0 && !services.reserve_to_cache(bytes, dataset))
    return false;
  reserved_ += bytes;
  return true;
}

std::string task_context::shortage(std::size_t bytes, const char* what) const {
  return std::string(what) + " needs " + std::to_string(bytes) + " more bytes on top of " + std::to_string(reserved_) +
         " that this task holds, and the memory budget has no more; use more partitions, cache less, or raise "
         "salamander.executor.memory (salamander.driver.memory in local mode)";
}

void task_context::release(std::size_t bytes) noexcept {
  if (bytes > reserved_)
    bytes = reserved_;
  reserved_ -= bytes;
  services.release_memory(bytes);
}

void task_context::suffer() const {
  faults->batch();
}

bool inside_task() noexcept {
  return running != nullptr;
}

task_context* current_task() noexcept {
  return running;
}

task_scope::task_scope(task_context& context) noexcept {
  running = &context;
}

task_scope::~task_scope() {
  running = nullptr;
}

} // namespace salamander::core
