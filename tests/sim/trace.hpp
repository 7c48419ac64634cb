// What happened in a run, as a hash that is the same for the same run, and as lines for a reader who asks for them.
#pragma once

#include "event_queue.hpp"
#include "random.hpp"

#include <cstdio>
#include <functional>
#include <string>

namespace salamander::sim {

/// Threads: use from one thread.
class trace {
public:
  explicit trace(bool printing = false) : printing_(printing) {}

  /// Something happened: `what` and numbers that say more. The text is made for readers only.
  template <class... Numbers>
  void add(time_point now, std::string_view what, Numbers... numbers) {
    for (const char c : what)
      hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    hash_ = mix(hash_ ^ static_cast<std::uint64_t>(now.time_since_epoch().count()));
    ((hash_ = mix(hash_ ^ static_cast<std::uint64_t>(numbers))), ...);
    if (printing_)
      print(now, what, {static_cast<std::int64_t>(numbers)...});
  }
  /// For readers only.
  void say(time_point now, const std::function<std::string()>& text) const {
    if (printing_)
      print(now, text(), {});
  }

  std::uint64_t hash() const noexcept {
    return hash_;
  }
  bool printing() const noexcept {
    return printing_;
  }

private:
  static void print(time_point now, std::string_view what, std::initializer_list<std::int64_t> numbers);

  bool printing_;
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

} // namespace salamander::sim
