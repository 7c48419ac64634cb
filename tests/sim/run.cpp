#include "run.hpp"

#include "driver_model.hpp"
#include "executor_model.hpp"

#include <algorithm>

namespace salamander::sim {

namespace {

using std::chrono::seconds;

constexpr seconds live_within{60}; ///< L1: of healthy time after the last fault is over
constexpr seconds live_at_last{1800};
constexpr std::chrono::milliseconds look_interval{500};
constexpr seconds stall_max{10};    ///< L2
constexpr seconds cancel_within{5}; ///< L3
constexpr seconds gone_within{30};  ///< L4
constexpr seconds quiet_within{10}; ///< a message that is lost is sent again after 3 s at most
constexpr std::uint64_t events_max = 3'000'000;

class runner {
public:
  runner(const scenario& what, bool printing) : plan_(what), world_(what, printing) {}

  void run() {
    world_.arm_faults();
    world_.start_driver();
    watch_progress();
    // The time without anybody who could work does not count, but has its limit, too.
    until([this] { return finished(); }, world_.healed() + live_at_last, "L1 live", "a job is not over, and there are no executors");
    over_ = true;
    world_.driver()->check_end();
    settle();
    clean_up();
  }

  world& around() noexcept {
    return world_;
  }
  std::string why_not_live() {
    return world_.driver() ? world_.driver()->why_not_live() : "  there is no driver\n";
  }

private:
  bool finished() {
    return world_.driver() && world_.driver()->all_jobs_over() && world_.now() >= world_.healed() &&
           !world_.queue.stopped(world_.driver()->self());
  }

  void step(time_point limit) {
    world_.queue.step(limit);
    world_.bury();
    for (const auto& [which, one] : world_.executors())
      one->check_after_event();
    if (auto* const driver = world_.driver())
      driver->check_after_event();
    check(world_.blocks.corruption().accepted == 0, "S3 corruption",
          [] { return std::string("a block that had changed on its way was taken for right"); });
    check(world_.queue.happened() < events_max, "S9 bounds", [] { return std::string("the run does not come to an end"); });
  }

  template <class Done>
  void until(Done done, time_point deadline, std::string_view name, const std::string& text) {
    while (!done()) {
      check(world_.now() < deadline, name, [&] { return text; });
      step(deadline);
    }
  }

  void wait(duration time) {
    const auto end = world_.now() + time;
    while (world_.now() < end)
      step(end);
  }

  /// L1 and L2: something goes on, unless nobody is there to do it.
  void watch_progress() {
    world_.queue.after(look_interval, event_queue::world, [this] {
      const auto now = world_.now();
      auto* const driver = world_.driver();
      const bool healthy = driver && !over_ && !world_.queue.stopped(driver->self()) && driver->can_work();
      const bool expected = healthy && !world_.disturbed() && !driver->no_job_runs();
      if (std::exchange(progress_, world_.counts.progress) != world_.counts.progress || !expected)
        progressed_ = now;
      const auto& exclusion = plan_.settings.scheduler.exclusion;
      const auto excluded =
          exclusion.application || exclusion.tasks_and_stages ? exclusion.timeout + exclusion.unschedulable_timeout : duration::zero();
      check(now - progressed_ <= stall_max + excluded, "L2 stall",
            [] { return std::string("nothing has happened for too long, and somebody could work"); });
      if (std::exchange(healed_, world_.healed()) != world_.healed())
        healthy_ = duration::zero();
      if (healthy && now >= world_.healed() && !driver->no_job_runs())
        healthy_ += look_interval;
      check(healthy_ <= live_within, "L1 live", [] { return std::string("a job is not over long after the last fault"); });
      watch_progress();
    });
  }

  /// Everything that is not wanted any more comes to its end.
  void settle() {
    const auto calm = std::max(world_.now(), world_.calm_since());
    until([this] { return world_.driver()->idle() && nothing_runs(); }, calm + cancel_within, "L3 cancel",
          "all jobs are over, and tasks still run");
    until([this] { return quiet(); }, std::max(world_.now(), world_.calm_since()) + quiet_within, "S7 idle",
          "all jobs are over, and messages are still on their way");
    for_executors([](executor_model& one) { one.check_idle(); });
    check(world_.disk.attempt_files() == 0 || restarted(), "S7 idle", [] { return std::string("an output attempt was left behind"); });
  }

  /// Those of a driver that died go by themselves, when they notice.
  template <class F>
  void for_executors(F what) {
    for (const auto& [which, one] : world_.executors())
      if (one->who().driver == world_.driver()->self())
        what(*one);
  }

  bool restarted() const {
    return world_.injected[static_cast<std::size_t>(fault_kind::driver_restart)] > 0;
  }

  bool nothing_runs() const {
    return std::all_of(world_.executors().begin(), world_.executors().end(),
                       [](const auto& one) { return one.second->running() == 0 && one.second->waiting() == 0; });
  }

  /// Whatever was said has been sent, has arrived and is confirmed, by both sides of every session.
  bool quiet() {
    const auto self = world_.driver()->self();
    return world_.driver()->all_confirmed() && std::all_of(world_.executors().begin(), world_.executors().end(), [&](const auto& one) {
             return one.second->who().driver != self ||
                    (!one.second->has_reports_to_send() && one.second->session().line().unconfirmed() == 0);
           });
  }

  /// The program forgets its data: nothing of it stays. Then it ends, and with it all executors.
  void clean_up() {
    auto& driver = *world_.driver();
    driver.forget_everything();
    wait(std::chrono::milliseconds(500));
    until([this] { return quiet(); }, std::max(world_.now(), world_.calm_since()) + quiet_within, "S7 idle",
          "orders are still on their way");
    for_executors([](executor_model& one) { one.check_empty(); });
    driver.check_empty();
    check(world_.blocks.active() == 0, "S7 idle", [] { return std::string("a fetch was left behind"); });
    const auto& corruption = world_.blocks.corruption();
    check(corruption.injected == corruption.refused + corruption.not_read + corruption.on_the_way, "S3 corruption",
          [] { return std::string("not every change of a block was noticed"); });
    world_.stop_program();
    until([this] { return world_.executors().empty() && world_.driver()->living_executors() == 0; }, world_.now() + gone_within,
          "L4 orphans", "the program has ended, and executors still live");
    wait(seconds(1));
    check(world_.executors().empty(), "L4 orphans", [] { return std::string("an executor was started after the end of the program"); });
  }

  const scenario& plan_;
  world world_;
  bool over_ = false;
  std::uint64_t progress_ = 0;
  time_point progressed_ = beginning;
  time_point healed_ = beginning;
  duration healthy_{0};
};

} // namespace

run_result run(const scenario& what, bool printing) {
  run_result result;
  result.seed = what.seed;
  const auto one = std::make_unique<runner>(what, printing);
  auto& around = one->around();
  try {
    one->run();
  } catch (const violation& broken) {
    result.failed = true;
    result.check = broken.check;
    result.text = broken.what();
  } catch (const std::exception& defect) {
    result.failed = true;
    result.check = "S8 exception";
    result.text = defect.what();
  }
  if (result.failed)
    result.why_not_live = one->why_not_live();
  around.log.add(around.now(), "end", around.queue.happened());
  result.hash = around.log.hash();
  result.events = around.queue.happened();
  result.virtual_time = around.now() - beginning;
  result.counts = around.counts;
  result.corruption = around.blocks.corruption();
  result.messages = around.net.seen();
  result.injected = around.injected;
  return result;
}

} // namespace salamander::sim
