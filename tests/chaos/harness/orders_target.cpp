// The file that tells a new executor what to do, damaged between its writing and its reading.
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

std::string damage(const std::filesystem::path& path, random_source& random) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  struct stat facts {};
  if (file < 0 || ::fstat(file, &facts) != 0 || facts.st_size == 0)
    return path.filename().string() + " was gone";
  const auto at = static_cast<off_t>(random.below(static_cast<std::uint64_t>(facts.st_size)));
  std::string done;
  if (random.chance(0.3)) {
    done = ::ftruncate(file, at) == 0 ? " cut at byte " : " not cut at byte ";
  } else {
    unsigned char byte = 0;
    const bool read = ::pread(file, &byte, 1, at) == 1;
    byte = static_cast<unsigned char>(byte ^ (1U << random.below(8)));
    done = read && ::pwrite(file, &byte, 1, at) == 1 ? " damaged at byte " : " not damaged at byte ";
  }
  ::close(file);
  return path.filename().string() + done + std::to_string(at);
}

class orders_target final : public target {
public:
  std::vector<fault_kind> kinds() const override {
    return {{"damage an executor's orders", 1, milliseconds(0), milliseconds(0), cause::orders_damaged | cause::executor_gone}};
  }

  std::string inject(const planned_fault& fault, scene& on) override {
    const auto directory = on.application_directory();
    const auto all = on.executors();
    if (directory.empty() || all.empty())
      return "there is no executor";
    random_source random(fault.choice);
    const auto& chosen = all[random.below(all.size())];
    const orders_watch watch(directory);
    const process_handle process(chosen.facts.id);
    if (executor_number(process.id()) != chosen.number)
      return "the executor is gone already";
    process.send(SIGKILL);
    const auto orders = watch.wait();
    const auto name = "executor " + std::to_string(chosen.number) + " killed; ";
    return name + (orders.empty() ? "no new orders were written in time" : damage(orders, random));
  }
};

} // namespace

std::unique_ptr<target> make_orders_target() {
  return std::make_unique<orders_target>();
}

} // namespace chaos
