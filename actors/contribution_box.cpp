#include <salamander/actors/contribution_box.hpp>

#include <salamander/rdd/error.hpp>

namespace salamander::actors {
namespace {

std::shared_ptr<core::byte_buffer> encoded(const core::contribution& value) {
  auto bytes = std::make_shared<core::byte_buffer>();
  try {
    value.encode(*bytes);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& failure) {
    core::throw_error(errc::not_serializable,
                      "what was added to an accumulator could not be turned into bytes: " + std::string(failure.what()));
  }
  return bytes;
}

} // namespace

contributed_values to_values(core::contribution_list added, bool as_bytes) {
  contributed_values values;
  std::size_t size = 0;
  for (auto& [accumulator, value] : added) {
    // Within the process small values need no bytes; large ones are measured by them, so that limits are the same everywhere.
    if (!as_bytes && value->memory_bytes() <= contribution_bytes_max / added.size()) {
      values.push_back({accumulator, {std::move(value), nullptr}});
      continue;
    }
    auto bytes = encoded(*value);
    size += bytes->size();
    if (as_bytes)
      values.push_back({accumulator, {nullptr, std::move(bytes)}});
    else
      values.push_back({accumulator, {std::move(value), nullptr}});
  }
  if (size > contribution_bytes_max)
    core::throw_error(errc::result_too_large, "a partition added " + std::to_string(size) + " bytes to accumulators, more than the " +
                                                  std::to_string(contribution_bytes_max) +
                                                  " that may travel with a task's report; use more partitions, or make the values the "
                                                  "records of a dataset and collect or aggregate them");
  return values;
}

void contribution_box::put(cached_contribution one) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(one));
  filled_.store(true, std::memory_order_release);
}

std::vector<cached_contribution> contribution_box::take() {
  std::vector<cached_contribution> taken;
  if (!filled_.load(std::memory_order_acquire))
    return taken;
  const std::lock_guard lock(mutex_);
  taken.swap(waiting_);
  filled_.store(false, std::memory_order_relaxed);
  return taken;
}

} // namespace salamander::actors
