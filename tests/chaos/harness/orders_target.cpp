// The files that one process writes and another reads, damaged in between: what a new executor shall do, and where the tasks of a dead
// one were. There are no others: blocks are kept in memory.
#include "harness/target.hpp"

#include "random.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

namespace chaos {
namespace {

/// How long the driver gets to write the orders of a replacement.
constexpr milliseconds writing_max{500};

/// The next orders that are written in a directory.
class orders_watch {
public:
  explicit orders_watch(const std::filesystem::path& directory)
      : directory_(directory), events_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    ::inotify_add_watch(events_, directory.c_str(), IN_CLOSE_WRITE);
  }
  orders_watch(const orders_watch&) = delete;
  orders_watch& operator=(const orders_watch&) = delete;
  ~orders_watch() {
    ::close(events_);
  }

  std::filesystem::path wait() const {
    const auto deadline = std::chrono::steady_clock::now() + writing_max;
    for (;;) {
      const auto left = std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
      pollfd ready{events_, POLLIN, 0};
      if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0)
        return {};
      alignas(inotify_event) char buffer[4096];
      const auto size = ::read(events_, buffer, sizeof buffer);
      for (ssize_t at = 0; at < size;) {
        inotify_event event{};
        std::memcpy(&event, buffer + at, sizeof event);
        const std::string name(event.len > 0 ? buffer + at + sizeof event : "");
        if (name.ends_with(".spec"))
          return directory_ / name;
        at += static_cast<ssize_t>(sizeof event + event.len);
      }
    }
  }

private:
  std::filesystem::path directory_;
  int events_;
};

/// Changes one bit, or cuts the file short if it `may_be_cut`.
injection damage(const std::filesystem::path& path, random_source& random, bool may_be_cut) {
  const auto name = path.filename().string();
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  struct stat facts {};
  if (file < 0 || ::fstat(file, &facts) != 0 || facts.st_size == 0) {
    ::close(file);
    return injection::none(name + " was gone");
  }
  const auto at = static_cast<off_t>(random.below(static_cast<std::uint64_t>(facts.st_size)));
  const bool cut = may_be_cut && random.chance(0.3);
  bool done = false;
  if (cut) {
    done = ::ftruncate(file, at) == 0;
  } else {
    unsigned char byte = 0;
    done = ::pread(file, &byte, 1, at) == 1;
    byte = static_cast<unsigned char>(byte ^ (1U << random.below(8)));
    done = done && ::pwrite(file, &byte, 1, at) == 1;
  }
  ::close(file);
  return {done, name + (done ? "" : " not") + (cut ? " cut at byte " : " damaged at byte ") + std::to_string(at)};
}

constexpr const char* positions = "damage an executor's positions";

class orders_target final : public target {
public:
  std::vector<fault_kind> kinds() const override {
    constexpr milliseconds at_once{0};
    return {{"damage an executor's orders", 1, at_once, at_once, cause::orders_damaged | cause::executor_gone},
            {positions, 1, at_once, at_once, cause::executor_gone}};
  }

  injection inject(const planned_fault& fault, scene& on) override {
    const auto directory = on.application_directory();
    const auto all = on.executors();
    if (directory.empty() || all.empty())
      return injection::none("there is no executor");
    random_source random(fault.choice);
    const auto& chosen = all[random.below(all.size())];
    const process_handle process(chosen.facts.id);
    if (executor_number(process.id()) != chosen.number)
      return injection::none("the executor is gone already");
    return fault.kind.name == positions ? damage_positions(directory, chosen.number, process, random)
                                        : damage_orders(directory, chosen.number, process, random);
  }

private:
  static injection damage_orders(const std::filesystem::path& directory, std::uint32_t number, const process_handle& process,
                                 random_source& random) {
    const orders_watch watch(directory);
    process.send(SIGKILL);
    const auto orders = watch.wait();
    if (orders.empty())
      return injection::none("executor " + std::to_string(number) + " killed; no new orders were written in time");
    auto made = damage(orders, random, true);
    made.what = "executor " + std::to_string(number) + " killed; " + made.what;
    return made;
  }

  /// Mapped by driver and executor: it cannot be cut short by a bad disk, only changed.
  static injection damage_positions(const std::filesystem::path& directory, std::uint32_t number, const process_handle& process,
                                    random_source& random) {
    process.send(SIGSTOP); // it would write them again at once
    auto made = damage(directory / ("executor-" + std::to_string(number) + ".positions"), random, false);
    process.send(SIGKILL);
    made.what += "; executor " + std::to_string(number) + " killed";
    return made;
  }
};

} // namespace

std::unique_ptr<target> make_orders_target() {
  return std::make_unique<orders_target>();
}

} // namespace chaos
