// Executors: killed, stopped for a while, or without memory; their driver has to replace them.
#include "harness/target.hpp"

#include "random.hpp"

#include <signal.h>
#include <sys/resource.h>

#include <map>
#include <set>

namespace chaos {
namespace {

// With a sanitizer limits mean nothing, and a process takes what it likes.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_means_something = false;
#else
constexpr bool memory_means_something = true;
#endif

/// Code, stacks, the allocator's arenas: what a process holds besides its budget.
constexpr std::uint64_t overhead_bytes = 256ULL << 20;
constexpr std::size_t descriptors_max = 160;

class executor_target final : public target {
public:
  std::vector<fault_kind> kinds() const override {
    using namespace std::chrono_literals;
    return {{"kill an executor", 4, 0ms, 0ms, cause::executor_gone},
            {"stop an executor briefly", 4, 500ms, 2000ms, cause::executor_gone},
            {"stop an executor for long", 1, 30s, 30s, cause::executor_gone},
            {"limit an executor's memory", 2, 2s, 8s, cause::memory_short | cause::executor_gone}};
  }

  injection inject(const planned_fault& fault, scene& on) override {
    const auto all = on.executors();
    if (all.empty())
      return injection::none("there is no executor");
    random_source random(fault.choice);
    const auto& chosen = all[random.below(all.size())];
    const auto name = "executor " + std::to_string(chosen.number) + " (process " + std::to_string(chosen.facts.id) + ")";
    process_handle process(chosen.facts.id);
    if (executor_number(process.id()) != chosen.number)
      return injection::none(name + " is gone already");
    if (fault.kind.name == "kill an executor") {
      constexpr int signals[] = {SIGKILL, SIGKILL, SIGKILL, SIGSEGV, SIGTERM};
      const auto signal = signals[random.below(std::size(signals))];
      process.send(signal);
      return injection::of("signal " + std::to_string(signal) + " to " + name);
    }
    if (fault.kind.name == "limit an executor's memory") {
      if (!memory_means_something)
        return injection::none("no limit on memory in this build");
      const auto more = random.below(8) << 17;
      if (!process.limit(RLIMIT_DATA, data_bytes_of(process.id()) + more))
        return injection::none(name + " could not be limited");
      limited_.insert_or_assign(fault.choice, std::move(process));
      return injection::of(name + " may take " + std::to_string(more >> 10) + " KiB more");
    }
    process.send(SIGSTOP);
    stopped_.insert_or_assign(fault.choice, std::move(process));
    return injection::of(name + " stands still");
  }

  void lift(const planned_fault& fault, scene&) override {
    if (const auto at = stopped_.find(fault.choice); at != stopped_.end()) {
      at->second.send(SIGCONT);
      stopped_.erase(at);
    }
    if (const auto at = limited_.find(fault.choice); at != limited_.end()) {
      at->second.limit(RLIMIT_DATA, RLIM_INFINITY);
      limited_.erase(at);
    }
  }

  void heal(scene&) override {
    for (const auto& [choice, process] : stopped_)
      process.send(SIGCONT);
    for (const auto& [choice, process] : limited_)
      process.limit(RLIMIT_DATA, RLIM_INFINITY);
    stopped_.clear();
    limited_.clear();
  }

  std::vector<std::string> problems(scene& on) override {
    std::vector<std::string> found;
    const auto all = on.executors();
    if (all.size() != on.shape.executors)
      found.push_back(std::to_string(all.size()) + " executors instead of " + std::to_string(on.shape.executors));
    std::set<std::string> expected{"driver.sock"};
    for (const auto& one : all) {
      const auto name = "executor " + std::to_string(one.number);
      for (const char* const file : {".sock", ".spec", ".positions"})
        expected.insert("executor-" + std::to_string(one.number) + file);
      if (const auto open = descriptors_of(one.facts.id); open > descriptors_max)
        found.push_back(name + " has " + std::to_string(open) + " open files and sockets");
      if (memory_means_something && one.facts.resident_bytes > (on.shape.memory_mib << 20) + overhead_bytes)
        found.push_back(name + " holds " + std::to_string(one.facts.resident_bytes >> 20) + " MiB with a budget of " +
                        std::to_string(on.shape.memory_mib) + " MiB");
    }
    look_for_leftovers(on, expected, found);
    return found;
  }

private:
  /// Files of executors that are no more.
  static void look_for_leftovers(const scene& on, const std::set<std::string>& expected, std::vector<std::string>& found) {
    const auto directory = on.application_directory();
    if (directory.empty())
      return found.push_back("the application has no directory");
    for (const auto& name : expected)
      if (!std::filesystem::exists(directory / name))
        found.push_back(name + " is missing");
    std::error_code gone;
    for (std::filesystem::directory_iterator at(directory, gone), end; !gone && at != end; at.increment(gone)) {
      const auto name = at->path().filename().string();
      if (name.starts_with("executor-") && !expected.contains(name) &&
          (name.ends_with(".sock") || name.ends_with(".spec") || name.ends_with(".positions")))
        found.push_back(name + " is left of an executor that is no more");
    }
  }

  std::map<std::uint64_t, process_handle> stopped_;
  std::map<std::uint64_t, process_handle> limited_;
};

} // namespace

std::unique_ptr<target> make_executor_target() {
  return std::make_unique<executor_target>();
}

} // namespace chaos
