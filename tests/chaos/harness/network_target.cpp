// The lines between the processes: control messages to the driver, and blocks to the driver and to each executor.
#include "harness/target.hpp"

#include "random.hpp"

namespace chaos {
namespace {

constexpr const char* control = "control";
/// Executors have new numbers after each restart: their sockets are there before they are.
constexpr std::uint32_t executors_ahead = 24;

std::string block_line(std::uint32_t executor) {
  return "blocks of executor " + std::to_string(executor);
}
constexpr const char* driver_block_line = "blocks of the driver";

struct line_kind {
  const char* name;
  double per_two_minutes;
  line_mode mode;
  bool one_way;
};
constexpr line_kind line_kinds[] = {
    {"cut", 2, line_mode::hold, false},        {"cut one way", 1, line_mode::hold, true}, {"delay", 2, line_mode::delay, false},
    {"trickle", 1, line_mode::trickle, false}, {"flip bits", 2, line_mode::flip, false},  {"truncate", 1, line_mode::truncate, false},
};

class network_target final : public target {
public:
  std::vector<fault_kind> kinds() const override {
    using namespace std::chrono_literals;
    std::vector<fault_kind> all;
    for (const bool blocks : {false, true}) {
      const std::string of = blocks ? " blocks" : " control";
      const auto hurts = blocks ? cause::blocks_broken : cause::control_broken | cause::executor_gone;
      for (const auto& one : line_kinds)
        all.push_back({one.name + of, one.per_two_minutes, 500ms, 12s, hurts});
      all.push_back({"reset" + of, 2, 0ms, 0ms, hurts});
    }
    return all;
  }

  injection inject(const planned_fault& fault, scene& on) override {
    random_source random(fault.choice);
    const bool blocks = fault.kind.name.ends_with(" blocks");
    const auto line = blocks ? choose_block_line(on, random) : std::string(control);
    const auto open = on.proxy->connections(line);
    // An executor has one control connection, or none any more: mostly one of them suffers, sometimes all do, and those to come.
    const bool one = !blocks && open > 0 && random.chance(0.7);
    const auto which = one ? std::optional<std::size_t>(random.below(open)) : std::nullopt;
    const auto where = line + (which ? ", connection " + std::to_string(*which) + " of " : ", all ") + std::to_string(open);
    if (fault.kind.name.starts_with("reset")) {
      on.proxy->reset(line, which);
      return {open > 0, where + ": reset"};
    }
    const auto what = choose_fault(fault.kind.name, blocks, random);
    on.proxy->afflict(line, which, what);
    return injection::of(where + ": " + std::string(to_string(what.mode)) + " " + std::string(to_string(what.where)) + ", pause " +
                         std::to_string(what.pause.count()) + " ms, " + std::to_string(what.bytes) + " bytes");
  }

  /// Faults may overlap on a line; the first that ends ends them all.
  void lift(const planned_fault& fault, scene& on) override {
    if (!fault.kind.name.ends_with(" blocks")) {
      on.proxy->afflict(control, std::nullopt, {});
      return;
    }
    on.proxy->afflict(driver_block_line, std::nullopt, {});
    for (std::uint32_t executor = 0; executor < listened_; ++executor)
      on.proxy->afflict(block_line(executor), std::nullopt, {});
  }

  void heal(scene& on) override {
    on.proxy->heal();
  }

  /// The proxies' sockets follow the application's.
  void tick(scene& on) override {
    const auto directory = on.application_directory();
    if (directory.empty())
      return;
    if (directory != directory_) {
      close_all(on);
      directory_ = directory;
      on.proxy->listen_unix(driver_block_line, on.blocks / "driver.sock", directory / "driver.sock");
    }
    std::uint32_t wanted = executors_ahead;
    for (const auto& one : on.executors())
      wanted = std::max(wanted, one.number + executors_ahead);
    for (; listened_ < wanted; ++listened_) {
      const auto name = "executor-" + std::to_string(listened_) + ".sock";
      on.proxy->listen_unix(block_line(listened_), on.blocks / name, directory / name);
    }
  }

private:
  static std::string choose_block_line(const scene& on, random_source& random) {
    const auto all = on.executors();
    const auto at = random.below(all.size() + 1);
    return at == all.size() ? driver_block_line : block_line(all[at].number);
  }

  static line_fault choose_fault(const std::string& kind, bool blocks, random_source& random) {
    line_fault made;
    for (const auto& one : line_kinds)
      if (kind.starts_with(one.name)) { // the longer name comes later
        made.mode = one.mode;
        made.where = !one.one_way ? direction::both : random.chance(0.5) ? direction::forth : direction::back;
      }
    made.seed = random.next();
    switch (made.mode) {
    case line_mode::delay:
      made.pause = milliseconds(random.between(20, 900));
      break;
    case line_mode::trickle:
      made.pause = milliseconds(random.between(1, 20));
      made.bytes = static_cast<std::uint64_t>(random.between(64, 2048));
      break;
    case line_mode::flip:
      made.bytes = static_cast<std::uint64_t>(blocks ? random.between(200, 200000) : random.between(200, 20000));
      break;
    case line_mode::truncate:
      made.bytes = static_cast<std::uint64_t>(blocks ? random.between(1, 100000) : random.between(1, 5000));
      break;
    case line_mode::pass:
    case line_mode::hold:
      break;
    }
    return made;
  }

  void close_all(scene& on) {
    on.proxy->close(driver_block_line);
    for (std::uint32_t executor = 0; executor < listened_; ++executor)
      on.proxy->close(block_line(executor));
    listened_ = 0;
  }

  std::filesystem::path directory_;
  std::uint32_t listened_ = 0;
};

} // namespace

std::unique_ptr<target> make_network_target() {
  return std::make_unique<network_target>();
}

} // namespace chaos
