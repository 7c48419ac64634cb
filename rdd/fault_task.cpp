#include <salamander/rdd/fault_task.hpp>

#include <cerrno>

namespace salamander::core {

using testing::fault_kind;

armed_fault arm(std::uint64_t task, std::uint32_t fault, const fault_spec& spec, std::uint32_t noise) {
  armed_fault made;
  made.task = task;
  made.fault = fault;
  made.kind = spec.kind;
  made.block = spec.block;
  made.error = spec.error;
  const bool from_start = spec.kind == fault_kind::throw_task || spec.kind == fault_kind::fail_allocation;
  made.piece = from_start ? spec.batch.value_or(0) : spec.kind == fault_kind::fail_write ? spec.chunk.value_or(1) : spec.read.value_or(1);
  made.tries = spec.tries.value_or(1);
  made.delay_ms = static_cast<std::uint32_t>(spec.time.value_or(std::chrono::milliseconds(0)).count());
  made.noise = noise;
  made.text = testing::fault(spec).text();
  return made;
}

std::vector<task_faults::counted_fault> task_faults::count(std::vector<armed_fault> faults) {
  std::vector<counted_fault> all;
  all.reserve(faults.size());
  for (auto& one : faults)
    all.push_back({std::move(one)});
  return all;
}

/// Counts an occasion for a fault of this kind; true when it is the one that was asked for.
bool task_faults::due(counted_fault& one, fault_kind kind) {
  return one.what.kind == kind && !one.done && ++one.seen == one.what.piece;
}

void task_faults::note(counted_fault& one, std::string detail) {
  one.done = true;
  notes_.push_back({one.what.task, one.what.fault, std::move(detail)});
}

void task_faults::break_off(counted_fault& one, const std::string& where) {
  note(one, (one.what.kind == fault_kind::throw_task ? "threw " : "failed an allocation ") + where);
  auto text = "injected " + where + " by salamander.faults: " + one.what.text;
  if (one.what.kind == fault_kind::throw_task)
    throw testing::injected_fault(std::move(text));
  throw testing::injected_bad_alloc(std::move(text));
}

std::chrono::milliseconds task_faults::delay() {
  std::uint32_t longest = 0;
  for (auto& one : faults_)
    if (one.what.kind == fault_kind::delay_task && !one.done) {
      longest = std::max(longest, one.what.delay_ms);
      note(one, "waited " + std::to_string(one.what.delay_ms) + " ms before it began");
    }
  return std::chrono::milliseconds(longest);
}

void task_faults::start() {
  for (auto& one : faults_)
    if ((one.what.kind == fault_kind::throw_task || one.what.kind == fault_kind::fail_allocation) && one.what.piece == 0 && !one.done)
      break_off(one, "before the first record");
}

void task_faults::batch() {
  for (auto& one : faults_)
    if (due(one, fault_kind::throw_task) || due(one, fault_kind::fail_allocation))
      break_off(one, "at batch " + std::to_string(one.what.piece));
}

int task_faults::write() {
  for (auto& one : faults_)
    if (due(one, fault_kind::fail_write)) {
      const bool full = one.what.error == testing::disk_error::enospc;
      note(one, std::string("refused write ") + std::to_string(one.what.piece) + " with " + (full ? "ENOSPC" : "EIO"));
      return full ? ENOSPC : EIO;
    }
  return 0;
}

task_faults::block_fault task_faults::block(testing::blocks which, bool travels, const std::string& name) {
  block_fault all;
  for (auto& one : faults_) {
    if (one.what.block != testing::blocks::any && one.what.block != which)
      continue;
    if (!travels && due(one, fault_kind::lose_block)) {
      note(one, "dropped " + name);
      all.lost = true;
    } else if (travels && due(one, fault_kind::corrupt_block)) {
      all.corruptions = one.what.tries;
      all.noise = one.what.noise;
      all.token = static_cast<std::uint32_t>(&one - faults_.data());
    } else if (due(one, fault_kind::delay_block)) {
      note(one, "held " + name + " back for " + std::to_string(one.what.delay_ms) + " ms");
      all.delay += std::chrono::milliseconds(one.what.delay_ms);
    }
  }
  return all;
}

void task_faults::corrupted(std::uint32_t token, const std::string& name) {
  if (auto& one = faults_[token]; !one.done)
    note(one, "flipped a bit of " + name + " on its way");
}

} // namespace salamander::core
