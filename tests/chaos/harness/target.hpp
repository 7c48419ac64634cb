// Something that faults can be done to: one kind of process, the network, the disks. Another role is another file with another
// target, and a line in all_targets.
#pragma once

#include "harness/faults.hpp"
#include "harness/scene.hpp"

namespace chaos {

/// What became of a planned fault.
struct injection {
  bool done = false;
  std::string what; ///< in words: what was done, or why nothing was

  static injection of(std::string what) {
    return {true, std::move(what)};
  }
  static injection none(std::string why) {
    return {false, std::move(why)};
  }
};

/// Threads: the harness's main thread only.
class target {
public:
  virtual ~target() = default;

  virtual std::vector<fault_kind> kinds() const = 0;
  /// Does what was planned, if it can be done. Called only for its own kinds, and only while there is a driver.
  virtual injection inject(const planned_fault& fault, scene& on) = 0;
  /// The end of a fault that lasts.
  virtual void lift(const planned_fault&, scene&) {}
  /// The end of all faults.
  virtual void heal(scene&) {}
  /// Called several times a second.
  virtual void tick(scene&) {}
  /// What is not as it should be, now that all faults are healed, jobs succeed again, and none runs.
  virtual std::vector<std::string> problems(scene&) {
    return {};
  }
  /// A new driver was started.
  virtual void forget() {}
};

std::unique_ptr<target> make_driver_target();
std::unique_ptr<target> make_keeper_target();
std::unique_ptr<target> make_executor_target();
std::unique_ptr<target> make_orders_target();
std::unique_ptr<target> make_network_target();
std::unique_ptr<target> make_disk_target();

std::vector<std::unique_ptr<target>> all_targets();
/// Kinds of faults with `part` in their name.
std::vector<fault_kind> all_kinds(const std::string& part);

} // namespace chaos
