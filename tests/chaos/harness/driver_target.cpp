// The driver: killed, stopped for a while, or asked to end; a new one follows.
#include "harness/target.hpp"

#include <signal.h>

#include <algorithm>

namespace chaos {
namespace {

// Connections to executors that come and go; more than that is a leak.
constexpr std::size_t descriptors_slack = 24;
constexpr const char* keeper_name = "sal-keeper";
constexpr std::uint64_t resident_max = 1ULL << 30;

class driver_target final : public target {
public:
  std::vector<fault_kind> kinds() const override {
    using namespace std::chrono_literals;
    return {{"kill the driver", 1, 0ms, 0ms, cause::driver_gone},
            {"restart the driver", 1, 0ms, 0ms, cause::driver_gone},
            {"stop the driver briefly", 1, 500ms, 2000ms, cause::driver_gone | cause::executor_gone},
            {"stop the driver for long", 0.5, 30s, 30s, cause::driver_gone | cause::executor_gone}};
  }

  injection inject(const planned_fault& fault, scene& on) override {
    const auto& process = on.driver->handle();
    if (fault.kind.name == "restart the driver") {
      on.driver->finish();
      if (on.expected_end == driver_end::none)
        on.expected_end = driver_end::asked;
      return injection::of("the driver is told to end");
    }
    if (fault.kind.name == "kill the driver") {
      constexpr int signals[] = {SIGKILL, SIGKILL, SIGTERM, SIGSEGV};
      const auto signal = signals[fault.choice % std::size(signals)];
      on.expected_end = driver_end::killed;
      process.send(signal);
      process.send(SIGCONT); // a stopped process takes no other signal than SIGKILL
      return injection::of("signal " + std::to_string(signal) + " to the driver");
    }
    process.send(SIGSTOP);
    return injection::of("the driver stands still");
  }

  void lift(const planned_fault& fault, scene& on) override {
    if (fault.lasts.count() > 0)
      heal(on);
  }

  void heal(scene& on) override {
    if (on.driver)
      on.driver->handle().send(SIGCONT);
  }

  void forget() override {
    usual_descriptors_ = 0;
  }

  std::vector<std::string> problems(scene& on) override {
    std::vector<std::string> found;
    const auto open = descriptors_of(on.driver->id());
    if (usual_descriptors_ == 0)
      usual_descriptors_ = open;
    if (open > usual_descriptors_ + descriptors_slack)
      found.push_back("the driver has " + std::to_string(open) + " open files and sockets; after its start there were " +
                      std::to_string(usual_descriptors_));
    for (const auto& one : descendants()) {
      if (one.id == on.driver->id()) {
        if (one.resident_bytes > resident_max)
          found.push_back("the driver's process holds " + std::to_string(one.resident_bytes >> 20) + " MiB");
      } else if (on.keeper_killed && one.state == 'Z' && one.parent == on.driver->id() && one.name == keeper_name) {
        continue; // nobody replaces it; the driver buries it when its context ends
      } else if (!executor_number(one.id) && !environment_of(one.id, "SALAMANDER_KEEPER")) {
        found.push_back("process " + std::to_string(one.id) + " (" + one.name + ") is neither driver nor executor nor keeper");
      }
    }
    if (const auto directories = on.application_directories().size(); directories != 1)
      found.push_back(std::to_string(directories) + " directories of applications");
    return found;
  }

private:
  std::size_t usual_descriptors_ = 0;
};

} // namespace

std::unique_ptr<target> make_driver_target() {
  return std::make_unique<driver_target>();
}

} // namespace chaos
