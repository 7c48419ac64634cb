// What must hold in an executor.
#include "executor_model.hpp"

namespace salamander::sim {

using storage::block_id;
using storage::memory_use;

void executor_model::check_after_event() {
  const auto name = [&] { return "executor " + std::to_string(who_.executor.value); };
  const auto& settings = world_.settings;
  check(running_.size() <= settings.slots_of_each() && queue_.running() == running_.size(), "S6 slots",
        [&] { return name() + " runs " + std::to_string(running_.size()) + " tasks"; });
  check(memory_.used_bytes(memory_use::execution) == reserved_by_tasks() + pressed_, "S7 memory", [&] {
    return name() + " accounts for " + std::to_string(memory_.used_bytes(memory_use::execution)) +
           " bytes of execution memory, its tasks hold " + std::to_string(reserved_by_tasks());
  });
  check(queue_.waiting() <= settings.slots_of_each() * settings.scheduler.lookahead_tasks_max, "S9 bounds",
        [&] { return name() + ": " + std::to_string(queue_.waiting()) + " tasks wait there"; });
  const auto& line = session_.line();
  check(line.unconfirmed() <= settings.channel.window_messages && line.held_back() <= 64, "S9 bounds",
        [&] { return name() + ": a queue of its session is longer than its limit"; });
}

void executor_model::check_idle() {
  const auto name = [&] { return "executor " + std::to_string(who_.executor.value); };
  check(reports_.empty() && running_.empty() && queue_.empty(), "S7 idle", [&] { return name() + " has work left"; });
  // Bytes accounted are bytes held.
  std::uint64_t cached = 0;
  std::uint64_t outputs = 0;
  for (const auto& [dataset, partition] : cached_)
    if (const auto found = store_.find(block_id::cached(dataset, partition)))
      cached += found->size_bytes;
  for (const auto& [shuffle, map] : map_outputs_)
    for (std::uint32_t p = 0; p < 64; ++p)
      if (const auto found = store_.find(block_id::shuffle(shuffle, map, p)); found && found->object)
        outputs += found->encode ? memory_bytes_of(*static_cast<const records*>(found->object.get()))
                                 : static_cast<const byte_buffer*>(found->object.get())->size();
  check(memory_.used_bytes(memory_use::cache) == cached, "S7 memory", [&] {
    return name() + " accounts for " + std::to_string(memory_.used_bytes(memory_use::cache)) + " bytes of cached blocks and holds " +
           std::to_string(cached);
  });
  check(memory_.used_bytes(memory_use::blocks) == outputs, "S7 memory", [&] {
    return name() + " accounts for " + std::to_string(memory_.used_bytes(memory_use::blocks)) +
           " bytes of map outputs and results and holds " + std::to_string(outputs);
  });
}

void executor_model::check_empty() {
  check(memory_.used_bytes() == 0, "S7 memory", [&] {
    return "executor " + std::to_string(who_.executor.value) + " still accounts for " + std::to_string(memory_.used_bytes()) + " bytes";
  });
}

} // namespace salamander::sim
