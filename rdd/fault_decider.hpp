// Which fault of a plan happens when: pure decisions, without clock, threads or processes.
//
// Counted triggers depend on what is counted and nothing else. What is drawn depends on the seed, the fault's place in the plan and
// the name of the occasion (stage, attempt, partition, ...), never on time or on the order in which things arrive.
#pragma once

#include <salamander/rdd/faults.hpp>

#include <map>
#include <span>
#include <tuple>

namespace salamander::core {

/// One attempt of one task as faults see it.
struct task_place {
  std::uint32_t stage = 0; ///< ordinal in the application, see testing::fault
  std::uint32_t stage_attempt = 0;
  std::uint32_t partition = 0;
  std::uint32_t attempt = 0;
  std::uint32_t executor = 0;
};

class fault_decider {
public:
  explicit fault_decider(const testing::fault_plan& plan);

  /// A fault of an executor that happens now.
  struct hit {
    std::uint32_t fault = 0; ///< place in the plan
    std::uint32_t executor = 0;
  };
  /// `alive`: executors that could be hit, ascending.
  std::vector<hit> stage_starts(std::uint32_t stage, std::uint32_t attempt, std::span<const std::uint32_t> alive);
  std::vector<hit> task_finishes(const task_place& task);

  /// The faults that an attempt shall suffer. Each has to be answered by one `spent` (it happened) or `unspent` (the attempt gave it
  /// no occasion: the next attempt that matches gets it).
  std::vector<std::uint32_t> task_launches(const task_place& task);
  /// `armed`: it was not given back before.
  void spent(std::uint32_t fault, bool armed = true);
  void unspent(std::uint32_t fault);

  /// Occasions that matched the fault's selectors so far.
  std::uint64_t matches(std::uint32_t fault) const noexcept {
    return states_[fault].matches;
  }

private:
  struct state {
    fault_spec spec;
    bool of_executor = false;
    bool of_task = false;
    std::uint64_t matches = 0;
    std::uint64_t fired = 0;
    std::uint64_t armed = 0;
  };

  bool exhausted(const state& one) const noexcept {
    const auto limit = one.spec.limit();
    return limit != 0 && one.fired + one.armed >= limit;
  }
  bool drawn(std::uint32_t fault, const task_place& task) const noexcept;

  std::uint32_t seed_;
  std::vector<state> states_;
};

/// Control messages on the links between the driver and its executors.
class message_decider {
public:
  explicit message_decider(const testing::fault_plan& plan);

  /// Whether any message could ever be hit.
  bool idle() const noexcept {
    return faults_.empty();
  }
  struct hit {
    std::uint32_t fault = 0;
    testing::fault_kind kind = testing::fault_kind::drop_message;
    std::chrono::milliseconds delay{0};
  };
  /// Called once for each message of a link and direction, in order. `way` is not `both`. `work`: it carries orders or reports; how
  /// many of the others there are depends on time, so they are numbered by themselves, and `nth` is not about them.
  std::optional<hit> decide(std::uint32_t executor, testing::direction way, bool work = true);

private:
  struct state {
    std::uint32_t fault = 0;
    fault_spec spec;
    std::uint64_t fired = 0;
  };
  std::uint32_t seed_;
  std::vector<state> faults_;
  std::map<std::tuple<std::uint32_t, testing::direction, bool>, std::uint64_t> ordinals_;
};

/// A number that depends on nothing but its arguments, evenly spread over [0, 1).
double fault_draw(std::uint32_t seed, std::initializer_list<std::uint64_t> occasion) noexcept;

} // namespace salamander::core
