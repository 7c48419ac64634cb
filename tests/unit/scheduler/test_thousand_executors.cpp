// A driver's side at the size of a thousand executors: sessions, heartbeats, placement, in virtual time.
#include <salamander/scheduler/driver_scheduler.hpp>
#include <salamander/scheduler/executor_session.hpp>

#include <doctest/doctest.h>

#include <ctime>
#include <deque>
#include <memory>

using namespace std::chrono_literals;
using namespace salamander::scheduler;
namespace core = salamander::core;

namespace {

using task_list = std::vector<task_id>;
using driver_end = executor_session<task_list, task_list>;
using executor_end = driver_session<task_list, task_list>;

constexpr std::uint32_t executors = 1000;
constexpr std::uint32_t cores = 4;
constexpr auto step = 250ms;
constexpr auto task_time = 1s;

/// One job on executors whose tasks all take a second. Whatever the scheduler orders and the executors report travels through their
/// sessions.
class large_cluster {
public:
  large_cluster() {
    for (std::uint32_t i = 0; i < executors; ++i) {
      machines_.push_back(std::make_unique<machine>(i, now_));
      executor_does(*machines_.back(), executor_end::welcomed{});
      tell(executor_joined{executor_id{i}, cores, "host-" + std::to_string(i / 10)});
    }
  }

  void submit(std::uint32_t tasks) {
    auto dataset = std::make_shared<core::lineage>();
    dataset->operation = "source";
    dataset->partitions = tasks;
    std::vector<std::uint32_t> all(tasks);
    for (std::uint32_t p = 0; p < tasks; ++p)
      all[p] = p;
    tell(job_submitted{job_id{1}, dataset, std::move(all)});
  }

  void pass() {
    now_ += step;
    for (auto& one : machines_) {
      task_list done;
      while (!one->running.empty() && one->running.front().second <= now_) {
        done.push_back(one->running.front().first);
        one->running.pop_front();
      }
      one->start(now_);
      if (!done.empty())
        executor_does(*one, executor_end::report_given{std::move(done), 64});
      if (now_.time_since_epoch() % 1s == duration::zero())
        executor_does(*one, executor_end::beat_due{});
      driver_does(*one, driver_end::tick{});
    }
    tell(tick{});
  }

  std::size_t launched = 0;
  std::size_t beats = 0;
  std::size_t messages = 0;
  std::size_t troubles = 0; ///< suspicions, ends, refusals
  std::size_t running_max = 0;
  bool finished = false;

private:
  struct machine {
    machine(std::uint32_t number, time_point now) : id{number}, driver(number + 1, {}, now), executor(number + 1, {}, now) {}

    void start(time_point now) {
      for (; !waiting.empty() && running.size() < cores; waiting.pop_front())
        running.emplace_back(waiting.front(), now + task_time);
    }

    executor_id id;
    driver_end driver;
    executor_end executor;
    std::deque<task_id> waiting;
    std::deque<std::pair<task_id, time_point>> running;
  };

  void tell(const event& what) {
    for (auto& action : scheduler_.handle(what, now_)) {
      if (const auto* launch = std::get_if<launch_tasks>(&action)) {
        task_list tasks;
        for (const auto& one : launch->tasks)
          tasks.push_back(one.task);
        launched += tasks.size();
        driver_does(*machines_[launch->executor.value], driver_end::order_given{std::move(tasks), 64});
      }
      finished = finished || std::holds_alternative<finish_job>(action);
    }
  }
  void driver_does(machine& at, driver_end::event what) {
    for (auto& one : at.driver.handle(std::move(what), now_))
      std::visit([&](auto& action) { driver_performs(at, action); }, one);
  }
  void executor_does(machine& at, executor_end::event what) {
    for (auto& one : at.executor.handle(std::move(what), now_))
      std::visit([&](auto& action) { executor_performs(at, action); }, one);
  }

  void driver_performs(machine& at, driver_end::send_parcel& one) {
    ++messages;
    executor_does(at, executor_end::parcel_arrived{std::move(one.what), 64});
  }
  void driver_performs(machine& at, driver_end::answer_beat& one) {
    ++beats;
    executor_does(at, executor_end::state_arrived{at.id.value + 1, one.state});
  }
  void driver_performs(machine& at, driver_end::deliver& one) {
    for (const auto task : one.message) {
      task_succeeded done;
      done.task = task;
      done.executor = at.id;
      done.run_time = task_time;
      tell(done);
    }
  }
  void driver_performs(machine& at, driver_end::send_state& one) {
    ++messages;
    executor_does(at, executor_end::state_arrived{one.incarnation, one.state});
  }
  template <class Other>
  void driver_performs(machine&, Other&) {
    ++troubles;
  }

  void executor_performs(machine& at, executor_end::send_parcel& one) {
    ++messages;
    driver_does(at, driver_end::parcel_arrived{std::move(one.what), 64});
  }
  void executor_performs(machine& at, executor_end::send_state& one) {
    ++messages;
    driver_does(at, driver_end::state_arrived{one.incarnation, one.state});
  }
  void executor_performs(machine& at, executor_end::send_beat& one) {
    driver_does(at, driver_end::beat_arrived{at.id.value + 1, one.sequence, one.state});
  }
  void executor_performs(machine& at, executor_end::deliver& one) {
    at.waiting.insert(at.waiting.end(), one.message.begin(), one.message.end());
    at.start(now_);
    running_max = std::max(running_max, at.running.size() + at.waiting.size());
  }
  template <class Other>
  void executor_performs(machine&, Other&) {
    ++troubles;
  }

  time_point now_{1000s};
  driver_scheduler scheduler_{scheduler_options{}};
  std::vector<std::unique_ptr<machine>> machines_;
};

double seconds_of_processor() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

} // namespace

TEST_CASE("a thousand executors of four cores cost their driver less than one core") {
  large_cluster it;
  for (int i = 0; i < 8; ++i) // nothing to do but to be there
    it.pass();
  constexpr int idle_seconds = 20;
  const auto beats = it.beats;
  auto began = seconds_of_processor();
  for (int i = 0; i < 4 * idle_seconds; ++i)
    it.pass();
  const double idle = (seconds_of_processor() - began) / idle_seconds;
  CHECK(it.beats - beats == std::size_t{executors} * idle_seconds);

  constexpr std::uint32_t tasks = 80000;
  began = seconds_of_processor();
  it.submit(tasks);
  int steps = 0;
  for (; !it.finished && steps < 400; ++steps)
    it.pass();
  const double busy = (seconds_of_processor() - began) / (0.25 * steps);
  CHECK(it.finished);
  CHECK(it.launched == tasks);
  CHECK(it.running_max <= cores); // none waits behind another while cores are free elsewhere
  CHECK(steps <= 4 * 21);         // 20 s of work for all cores
  CHECK(it.messages <= 3 * tasks);
  CHECK(it.troubles == 0);
  MESSAGE("seconds of a processor for a second of the cluster, both ends: idle " << idle << ", with 4000 tasks a second " << busy);
  CHECK(idle < 1);
  CHECK(busy < 1);
}
