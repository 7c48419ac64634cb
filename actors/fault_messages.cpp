#include <salamander/actors/fault_messages.hpp>

#include <algorithm>

namespace salamander::actors {

using testing::direction;

namespace {

constexpr std::string_view prefix = "salamander.";

/// The name as people know it: "numbered_order".
std::string_view plain(std::string_view name) noexcept {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

bool is_work(std::string_view name) noexcept {
  return plain(name).starts_with("numbered_");
}

} // namespace

void fault_messages::cut(std::uint32_t executor, direction way, clock::time_point until) {
  const std::lock_guard lock(mutex_);
  for (const auto one : {direction::to_executor, direction::from_executor})
    if (way == direction::both || way == one) {
      auto& end = cuts_[{executor, one}];
      end = std::max(end, until);
    }
}

message_fate fault_messages::pass(std::uint32_t executor, direction way, const char* name, clock::time_point now) {
  message_fate fate;
  std::optional<core::message_decider::hit> hit;
  {
    const std::lock_guard lock(mutex_);
    if (const auto at = cuts_.find({executor, way}); at != cuts_.end()) {
      if (now < at->second)
        return {true, false, {}};
      cuts_.erase(at);
    }
    hit = decider_.decide(executor, way, is_work(name));
  }
  if (!hit)
    return fate;
  const auto* const where = way == direction::to_executor ? " to executor " : " from executor ";
  const char* what = "lost";
  if (hit->kind == testing::fault_kind::drop_message) {
    fate.lost = true;
  } else if (hit->kind == testing::fault_kind::repeat_message) {
    fate.twice = true;
    what = "sent twice";
  } else {
    fate.delay = hit->delay;
    what = "held back";
  }
  on_fault_(hit->fault, executor, std::string(plain(name)) + where + std::to_string(executor) + " was " + what);
  return fate;
}

} // namespace salamander::actors
