// The process that cleans up when a driver dies: without it, the next application does that.
#include "harness/target.hpp"

#include <signal.h>

namespace chaos {
namespace {

class keeper_target final : public target {
public:
  std::vector<fault_kind> kinds() const override {
    using namespace std::chrono_literals;
    return {{"kill the keeper", 0.5, 0ms, 0ms, cause::none}, {"stop the keeper", 1, 1s, 20s, cause::none}};
  }

  injection inject(const planned_fault& fault, scene& on) override {
    const auto keepers = on.keepers();
    if (keepers.empty())
      return injection::none("there is no keeper");
    const auto name = "the keeper (process " + std::to_string(keepers[0].id) + ")";
    const process_handle process(keepers[0].id);
    if (fault.kind.name == "kill the keeper") {
      on.keeper_killed = true;
      process.send(SIGKILL);
      return injection::of("signal 9 to " + name);
    }
    process.send(SIGSTOP);
    return injection::of(name + " stands still");
  }

  void lift(const planned_fault&, scene& on) override {
    heal(on);
  }

  void heal(scene& on) override {
    for (const auto& one : on.keepers())
      process_handle(one.id).send(SIGCONT);
  }

  std::vector<std::string> problems(scene& on) override {
    const auto keepers = on.keepers().size();
    if (keepers == (on.keeper_killed ? 0U : 1U))
      return {};
    return {std::to_string(keepers) + " keepers"};
  }
};

} // namespace

std::unique_ptr<target> make_keeper_target() {
  return std::make_unique<keeper_target>();
}

} // namespace chaos
