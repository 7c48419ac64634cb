#include <salamander/rdd/accumulator.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/node.hpp>
#include <salamander/rdd/task_context.hpp>

#include <map>

namespace salamander::core {
namespace {

/// Handles are mere numbers: what they stand for on the driver is found here.
struct kept_cells {
  struct kept {
    std::uint64_t application = 0;
    std::shared_ptr<accumulator_cell> cell;
  };
  std::mutex mutex;
  std::map<std::uint32_t, kept> cells;
  std::uint32_t next = 0;
};

kept_cells& all() {
  static kept_cells kept;
  return kept;
}

std::shared_ptr<accumulator_cell> find(std::uint32_t accumulator) {
  auto& kept = all();
  const std::lock_guard lock(kept.mutex);
  const auto found = kept.cells.find(accumulator);
  return found == kept.cells.end() ? nullptr : found->second.cell;
}

} // namespace

std::uint32_t keep_accumulator(std::uint64_t application, std::shared_ptr<accumulator_cell> cell) {
  auto& kept = all();
  const std::lock_guard lock(kept.mutex);
  const auto number = kept.next++;
  kept.cells.emplace(number, kept_cells::kept{application, std::move(cell)});
  return number;
}

void release_accumulators(std::uint64_t application) {
  auto& kept = all();
  std::vector<std::shared_ptr<accumulator_cell>> gone; // values die outside the lock
  const std::lock_guard lock(kept.mutex);
  std::erase_if(kept.cells, [&](auto& one) {
    if (one.second.application != application)
      return false;
    gone.push_back(std::move(one.second.cell));
    return true;
  });
}

std::vector<accumulator_info> named_accumulators(std::uint64_t application) {
  std::vector<std::pair<std::uint32_t, std::shared_ptr<accumulator_cell>>> named;
  {
    auto& kept = all();
    const std::lock_guard lock(kept.mutex);
    for (const auto& [number, one] : kept.cells)
      if (one.application == application && !one.cell->name().empty())
        named.emplace_back(number, one.cell);
  }
  std::vector<accumulator_info> infos;
  for (const auto& [number, cell] : named)
    infos.push_back({number, cell->name(), cell->text()});
  return infos;
}

std::shared_ptr<accumulator_cell> accumulator_cell_of(std::uint32_t accumulator, const char* operation) {
  auto cell = find(accumulator);
  if (!cell)
    throw_error(errc::context_stopped, std::string(operation) + " of accumulator " + std::to_string(accumulator) +
                                           " was called after its context was stopped, or by a thread that a task has started: only the "
                                           "task's own thread may add");
  return cell;
}

contributions* contributions_here() noexcept {
  auto* const task = current_task();
  return task ? &task->added : nullptr;
}

void refuse_accumulator_in_task(const char* operation, const source_location& where) {
  throw_error(errc::nested_use, std::string(operation) + "() of an accumulator at " + call_site::from(where).text() +
                                    " was called inside a function that runs in a task; a task knows only what it has added itself: "
                                    "read the value on the driver, after the action");
}

void merge_contribution(std::uint32_t accumulator, block&& added) {
  const auto cell = find(accumulator);
  if (!cell)
    return;
  const auto text = [&](const std::string& what) { return "merging what a task added to " + cell->title() + ": " + what; };
  try {
    cell->merge(std::move(added));
  } catch (const error& failure) {
    throw_error(failure.code(), text(failure.what()));
  } catch (const std::bad_alloc& failure) {
    throw_error(errc::out_of_memory, text(no_memory_text(failure)));
  } catch (const std::exception& failure) {
    throw_error(errc::task_failed, text(failure.what()));
  } catch (...) {
    throw_error(errc::task_failed, text("an exception that is no std::exception"));
  }
}

} // namespace salamander::core
