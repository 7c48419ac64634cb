#include <salamander/rdd/current_task.hpp>

#include <salamander/rdd/task_context.hpp>

namespace salamander {

std::uint32_t task_context::stage() const noexcept {
  return running_->stage_number;
}

std::uint32_t task_context::stage_attempt() const noexcept {
  return running_->ordered ? running_->ordered->stage_attempt : 0;
}

std::uint32_t task_context::partition() const noexcept {
  return running_->partition_index;
}

std::uint32_t task_context::attempt() const noexcept {
  return running_->attempt_number;
}

std::uint64_t task_context::task_attempt_id() const noexcept {
  return running_->task_attempt;
}

bool task_context::cancelled() const noexcept {
  return running_->cancelled.load(std::memory_order_relaxed);
}

std::optional<std::string> task_context::local_property(const std::string& key) const {
  if (!running_->ordered)
    return std::nullopt;
  const auto found = running_->ordered->properties.find(key);
  return found == running_->ordered->properties.end() ? std::nullopt : std::optional(found->second);
}

std::uint64_t task_context::records_read() const noexcept {
  return running_->records_read;
}

std::uint64_t task_context::bytes_read() const noexcept {
  return running_->bytes_read;
}

std::size_t task_context::memory_claimed() const noexcept {
  return running_->reserved_bytes();
}

void task_context::on_completion(std::function<void(const task_context&)> call) const {
  running_->on_completion.push_back(std::move(call));
}

void task_context::on_failure(std::function<void(const task_context&, const std::string&)> call) const {
  running_->on_failure.push_back(std::move(call));
}

std::optional<task_context> current_task() noexcept {
  auto* const running = core::current_task();
  return running ? std::optional(task_context(*running)) : std::nullopt;
}

namespace core {

void task_context::complete() {
  on_failure.clear();
  const salamander::task_context handle(*this);
  while (!on_completion.empty()) {
    const auto call = std::move(on_completion.back());
    on_completion.pop_back();
    call(handle);
  }
}

std::string task_context::fail(const std::string& why) noexcept {
  std::string problems;
  const salamander::task_context handle(*this);
  const auto guarded = [&](const char* which, const auto& call) {
    try {
      call();
    } catch (const std::exception& failure) {
      problems += std::string("; then ") + which + " failed, too: " + failure.what();
    } catch (...) {
      problems += std::string("; then ") + which + " failed, too";
    }
  };
  while (!on_failure.empty()) {
    const auto call = std::move(on_failure.back());
    on_failure.pop_back();
    guarded("an on_failure callback", [&] { call(handle, why); });
  }
  while (!on_completion.empty()) {
    const auto call = std::move(on_completion.back());
    on_completion.pop_back();
    guarded("an on_completion callback", [&] { call(handle); });
  }
  return problems;
}

} // namespace core
} // namespace salamander
