// Who waits for which piece of a log: questions of submitters, on their way to a worker and back.
#pragma once

#include <salamander/actors/caf.hpp>

#include <map>

namespace salamander::actors {

/// Limits: a thousand questions; the oldest is forgotten first, and whoever asked asks again. Threads: one at a time.
class log_relay {
public:
  struct question {
    caf::strong_actor_ptr asker;
    std::uint64_t request = 0; ///< the asker's number
    caf::actor_addr answerer;  ///< nobody else's answer counts
  };

  /// Returns the number under which it goes on.
  std::uint64_t add(question what) {
    if (open_.size() >= questions_max)
      open_.erase(open_.begin());
    open_[++last_] = std::move(what);
    return last_;
  }
  /// Nobody, if it is not known (any more), or was asked of somebody else.
  question take(std::uint64_t number, const caf::actor_addr& from) {
    const auto at = open_.find(number);
    if (at == open_.end() || at->second.answerer != from)
      return {};
    auto found = std::move(at->second);
    open_.erase(at);
    return found;
  }

private:
  static constexpr std::size_t questions_max = 1000;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, question> open_;
};

} // namespace salamander::actors
