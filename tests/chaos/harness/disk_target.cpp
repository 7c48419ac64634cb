// Disks that are full: the one that jobs write to, and the one with the application's own directory.
#include "harness/target.hpp"

#include "harness/isolation.hpp"
#include "random.hpp"

#include <signal.h>

namespace chaos {
namespace {

namespace fs = std::filesystem;

constexpr const char* filler = "filler";
constexpr const char* full_output = "fill the output disk";

class disk_target final : public target {
public:
  std::vector<fault_kind> kinds() const override {
    using namespace std::chrono_literals;
    return {{full_output, 3, 1s, 8s, cause::output_disk_full},
            {"fill the local disk", 1, 1s, 8s, cause::local_disk_full | cause::executor_gone}};
  }

  injection inject(const planned_fault& fault, scene& on) override {
    if (!on.isolated)
      return injection::none("file systems of its own need root");
    const auto path = disk_of(fault, on) / filler;
    fill_up(path);
    random_source random(fault.choice);
    // Sometimes a little room is left, so that the disk gets full in the middle of a file.
    const bool output = fault.kind.name == full_output;
    const auto room = random.below(5) * (output ? 60000 : 4096);
    std::error_code gone;
    const auto size = fs::file_size(path, gone);
    if (!gone)
      fs::resize_file(path, size - std::min<std::uintmax_t>(size, room), gone);
    auto what = disk_of(fault, on).filename().string() + " has " + std::to_string(room) + " bytes left";
    if (!output)
      what += kill_one(on, random);
    return injection::of(what);
  }

  void lift(const planned_fault& fault, scene& on) override {
    std::error_code gone;
    fs::remove(disk_of(fault, on) / filler, gone);
  }

  void heal(scene& on) override {
    std::error_code gone;
    fs::remove(on.output / filler, gone);
    fs::remove(on.local / filler, gone);
  }

  std::vector<std::string> problems(scene& on) override {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(on.output))
      found.push_back(entry.path().filename().string() + " is left among the output");
    return found;
  }

private:
  /// The start of its replacement is what needs the application's own disk.
  static std::string kill_one(const scene& on, random_source& random) {
    const auto all = on.executors();
    if (all.empty())
      return "";
    const auto& chosen = all[random.below(all.size())];
    const process_handle process(chosen.facts.id);
    if (executor_number(process.id()) != chosen.number)
      return "";
    process.send(SIGKILL);
    // What the dead one gives back is taken, too.
    for (const auto end = std::chrono::steady_clock::now() + milliseconds(200); std::chrono::steady_clock::now() < end;)
      fill_up(on.local / filler);
    return "; executor " + std::to_string(chosen.number) + " killed";
  }

  static fs::path disk_of(const planned_fault& fault, const scene& on) {
    return fault.kind.name == full_output ? on.output : on.local;
  }
};

} // namespace

std::unique_ptr<target> make_disk_target() {
  return std::make_unique<disk_target>();
}

} // namespace chaos
