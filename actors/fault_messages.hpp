// What happens to control messages on purpose: links between the driver and its executors ask here about each one.
#pragma once

#include <salamander/rdd/fault_decider.hpp>

#include <functional>
#include <map>
#include <mutex>

namespace salamander::actors {

/// What a link does with one message.
struct message_fate {
  bool lost = false;
  bool twice = false;
  std::chrono::milliseconds delay{0};
};

/// Threads: any. Cost: a link without faults has no object of this class.
class fault_messages {
public:
  using clock = std::chrono::steady_clock;
  /// Called for each fault that happens, on the link's thread.
  using listener = std::function<void(std::uint32_t fault, std::uint32_t executor, std::string detail)>;

  fault_messages(const testing::fault_plan& plan, listener on_fault) : decider_(plan), on_fault_(std::move(on_fault)) {}

  /// Nothing passes in that direction until then.
  void cut(std::uint32_t executor, testing::direction way, clock::time_point until);
  /// `way` is not `both`; `name` is the message's wire_name.
  message_fate pass(std::uint32_t executor, testing::direction way, const char* name, clock::time_point now);

private:
  std::mutex mutex_;
  core::message_decider decider_;
  std::map<std::pair<std::uint32_t, testing::direction>, clock::time_point> cuts_;
  const listener on_fault_;
};

} // namespace salamander::actors
