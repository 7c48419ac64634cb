#include <salamander/rdd/fault_decider.hpp>

#include <salamander/rdd/fault_words.hpp>

#include <algorithm>

namespace salamander::core {
namespace {

/// splitmix64's finaliser: every bit of the input reaches every bit of the output.
std::uint64_t scramble(std::uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// Occasions of different sorts must not share their draws.
enum occasion : std::uint64_t { at_launch = 1, at_finish, at_stage, at_message };

template <class T>
bool fits(const std::optional<T>& wanted, T actual) noexcept {
  return !wanted || *wanted == actual;
}

} // namespace

double fault_draw(std::uint32_t seed, std::initializer_list<std::uint64_t> occasion) noexcept {
  auto hash = scramble(seed);
  for (const auto part : occasion)
    hash = scramble(hash ^ part);
  return static_cast<double>(hash >> 11) * 0x1.0p-53;
}

fault_decider::fault_decider(const testing::fault_plan& plan) : seed_(plan.seed()) {
  for (const auto& one : plan.faults()) {
    const auto object = grammar_of(one.kind()).object;
    const bool of_executor = object == fault_object::executor;
    states_.push_back({one.spec(), of_executor, !of_executor && object != fault_object::message, 0, 0, 0});
  }
}

std::vector<fault_decider::hit> fault_decider::stage_starts(std::uint32_t stage, std::uint32_t attempt,
                                                            std::span<const std::uint32_t> alive) {
  std::vector<hit> hits;
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    auto& one = states_[i];
    if (!one.of_executor || one.spec.at_stage != stage)
      continue;
    ++one.matches;
    if (exhausted(one) || alive.empty())
      continue;
    auto victim = one.spec.executor;
    if (!victim) {
      const auto draw = fault_draw(seed_, {i, at_stage, stage, attempt});
      victim = alive[static_cast<std::size_t>(draw * static_cast<double>(alive.size()))];
    }
    if (std::ranges::find(alive, *victim) == alive.end())
      continue;
    ++one.fired;
    hits.push_back({i, *victim});
  }
  return hits;
}

std::vector<fault_decider::hit> fault_decider::task_finishes(const task_place& task) {
  std::vector<hit> hits;
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    auto& one = states_[i];
    if (!one.of_executor || one.spec.at_stage || !fits(one.spec.executor, task.executor) || !fits(one.spec.stage, task.stage))
      continue;
    ++one.matches;
    if (exhausted(one))
      continue;
    const bool now = one.spec.after_tasks
                         ? one.matches % *one.spec.after_tasks == 0
                         : fault_draw(seed_, {i, at_finish, task.stage, task.stage_attempt, task.partition, task.attempt}) <
                               one.spec.probability.value_or(0);
    if (!now)
      continue;
    ++one.fired;
    hits.push_back({i, task.executor});
  }
  return hits;
}

std::vector<std::uint32_t> fault_decider::task_launches(const task_place& task) {
  std::vector<std::uint32_t> armed;
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    auto& one = states_[i];
    if (!one.of_task || !fits(one.spec.executor, task.executor) || !fits(one.spec.stage, task.stage) ||
        !fits(one.spec.partition, task.partition))
      continue;
    ++one.matches;
    if (exhausted(one))
      continue;
    // A turn that came to nothing is still due.
    const bool now = one.spec.probability ? drawn(i, task) : one.fired + one.armed < one.matches / one.spec.nth.value_or(1);
    if (!now)
      continue;
    ++one.armed;
    armed.push_back(i);
  }
  return armed;
}

bool fault_decider::drawn(std::uint32_t fault, const task_place& task) const noexcept {
  return fault_draw(seed_, {fault, at_launch, task.stage, task.stage_attempt, task.partition, task.attempt}) <
         states_[fault].spec.probability.value_or(0);
}

void fault_decider::spent(std::uint32_t fault, bool armed) {
  ++states_[fault].fired;
  if (armed)
    unspent(fault);
}

void fault_decider::unspent(std::uint32_t fault) {
  auto& one = states_[fault];
  one.armed -= std::min<std::uint64_t>(one.armed, 1);
}

message_decider::message_decider(const testing::fault_plan& plan) : seed_(plan.seed()) {
  for (std::uint32_t i = 0; i < plan.faults().size(); ++i)
    if (const auto& spec = plan.faults()[i].spec(); grammar_of(spec.kind).object == fault_object::message)
      faults_.push_back({i, spec, 0});
}

std::optional<message_decider::hit> message_decider::decide(std::uint32_t executor, testing::direction way, bool work) {
  const auto ordinal = ++ordinals_[{executor, way, work}];
  for (auto& one : faults_) {
    const auto& spec = one.spec;
    if (!fits(spec.executor, executor) || (spec.way != testing::direction::both && spec.way != way))
      continue;
    if (const auto limit = spec.limit(); limit != 0 && one.fired >= limit)
      continue;
    const bool now = spec.nth
                         ? work && ordinal % *spec.nth == 0
                         : fault_draw(seed_, {one.fault, at_message, executor, static_cast<std::uint64_t>(way), work ? 1U : 0U, ordinal}) <
                               spec.probability.value_or(0);
    if (!now)
      continue;
    ++one.fired;
    return hit{one.fault, spec.kind, spec.time.value_or(std::chrono::milliseconds(0))};
  }
  return std::nullopt;
}

} // namespace salamander::core
