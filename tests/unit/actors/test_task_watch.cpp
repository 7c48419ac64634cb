#include "runtime_fixture.hpp"

#include <salamander/actors/task_watch.hpp>

#include <future>
#include <thread>

namespace {

using namespace runtime_test;
using namespace std::chrono_literals;
using kind = task_watch::kind;

constexpr watched_task::time_point start{1000h};

watched_task at(std::uint64_t task, std::uint64_t record, std::uint32_t dataset = 5) {
  return {task, 3, 2, 1, dataset, record, start};
}

watch_limits limits_of(std::chrono::milliseconds timeout, std::chrono::milliseconds warning) {
  watch_limits limits;
  limits.timeout = timeout;
  limits.kill_grace = 5s;
  limits.progress_warning = warning;
  return limits;
}

/// Looked at every 10 ms: where the clock is the test's, nothing else depends on it.
watch_limits quick() {
  watch_limits limits;
  limits.timeout = 100ms;
  limits.kill_grace = 50ms;
  return limits;
}

/// What the watch finds about one thread; more than one thing at a time is wrong.
std::optional<kind> find(task_watch& watch, const watched_task& where, watched_task::time_point now) {
  const auto found = watch.look({&where, 1}, now);
  CHECK(found.size() <= 1);
  if (found.empty())
    return std::nullopt;
  CHECK(found[0].where.task == where.task);
  return found[0].what;
}

/// A clock that only the test moves.
struct hand_clock {
  std::atomic<std::int64_t> milliseconds{0};
  watched_task::time_point now() const {
    return start + std::chrono::milliseconds(milliseconds);
  }
};

executor_options watched_options(hand_clock& clock, watch_limits limits, std::uint32_t cores = 1) {
  auto options = local_options(cores);
  options.watch = limits;
  options.now = [&clock] { return clock.now(); };
  return options;
}

void wait_for(const std::atomic<bool>& flag) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!flag) {
    REQUIRE(std::chrono::steady_clock::now() < end);
    std::this_thread::yield();
  }
}

} // namespace

TEST_CASE("a task that moves is left alone, one that does not is named once until it moves again") {
  task_watch watch(limits_of(0ms, 60s));
  CHECK_FALSE(find(watch, {}, start));
  CHECK_FALSE(find(watch, at(1, 0), start));
  CHECK_FALSE(find(watch, at(1, 2048), start + 59s));
  CHECK_FALSE(find(watch, at(1, 2048), start + 118s));
  CHECK(find(watch, at(1, 2048), start + 119s) == kind::no_progress);
  CHECK_FALSE(find(watch, at(1, 2048), start + 600s));
  CHECK_FALSE(find(watch, at(1, 2048, 6), start + 601s)); // into another dataset: that is progress
  CHECK(find(watch, at(1, 2048, 6), start + 661s) == kind::no_progress);
  CHECK_FALSE(find(watch, at(2, 2048, 6), start + 662s)); // another task
  CHECK_FALSE(find(watch, {}, start + 900s));
  CHECK_FALSE(find(watch, at(3, 0), start + 1000s));
}

TEST_CASE("a task whose time is over is told to stop, and given up after the grace") {
  task_watch watch(limits_of(10s, 60s));
  CHECK_FALSE(find(watch, at(1, 0), start));
  CHECK_FALSE(find(watch, at(1, 10), start + 9999ms));
  CHECK(find(watch, at(1, 20), start + 10s) == kind::timed_out);
  CHECK_FALSE(find(watch, at(1, 30), start + 14s));
  CHECK(find(watch, at(1, 40), start + 15s) == kind::stuck);
  CHECK_FALSE(find(watch, at(1, 40), start + 500s));
  SUBCASE("one that stops is not") {
    task_watch other(limits_of(10s, 0ms));
    CHECK(find(other, at(1, 0), start + 11s) == kind::timed_out);
    CHECK_FALSE(find(other, {}, start + 12s));
    CHECK_FALSE(find(other, at(2, 0), start + 5s));
  }
  SUBCASE("a task that has the name of the last one is another if it began at another time") {
    auto again = at(1, 40);
    again.started = start + 16s;
    CHECK_FALSE(find(watch, again, start + 17s));
    CHECK(find(watch, again, start + 26s) == kind::timed_out);
  }
}

TEST_CASE("threads are told apart") {
  task_watch watch(limits_of(10s, 0ms));
  const std::vector tasks{at(1, 0), watched_task{}, at(2, 0)};
  const auto found = watch.look(tasks, start + 10s);
  REQUIRE(found.size() == 2);
  CHECK(found[0].slot == 0);
  CHECK(found[1].slot == 2);
  CHECK(found[1].where.task == 2);
}

TEST_CASE("what is found is said with the place, the record and the setting that decides it") {
  const auto limits = limits_of(10s, 60s);
  const task_watch::finding found{0, kind::no_progress, at(7, 4096), 70s, 61s};
  CHECK(describe(found, limits, "map at a.cpp:3") ==
        "the task of stage 3, partition 2, attempt 1 has made no progress for 61.0 s (salamander.task.progressWarning): it is in map at "
        "a.cpp:3, in the batch from record 4096");
  const task_watch::finding late{0, kind::timed_out, at(7, 4096), 10500ms, 1s};
  CHECK(describe(late, limits, "") == "stage 3, partition 2, attempt 1: the task ran longer than salamander.task.timeout, which is 10.0 s: "
                                      "after 10.5 s it was in dataset 5, in the batch from record 4096");
  const task_watch::finding stuck{0, kind::stuck, at(7, 4096), 16s, 1s};
  CHECK(describe(stuck, limits, "map at a.cpp:3").find("did not stop within salamander.task.killGrace, which is 5.0 s") !=
        std::string::npos);
}

TEST_CASE("tasks are looked at often enough for short limits and rarely for long ones") {
  CHECK_FALSE(watch_limits{}.wanted());
  CHECK(limits_of(0ms, 60s).look_interval() == 1s);
  CHECK(limits_of(2s, 60s).look_interval() == 200ms);
  CHECK(limits_of(1ms, 0ms).look_interval() == 10ms);
}

TEST_CASE("a task that runs for too long fails with the place where it was, and the next one runs") {
  hand_clock clock;
  running_executor executor(watched_options(clock, quick()));
  std::atomic<bool> began = false;
  executor.runtime.add_stage({1,
                              0,
                              result_plan([&](std::uint32_t p, core::task_context& context) {
                                if (p != 0)
                                  return text("ran");
                                context.position.dataset = 1;
                                context.position.record = 4096;
                                began = true;
                                for (;;)
                                  context.poll();
                              }),
                              {},
                              {}});
  executor.stage = 1;
  executor.launch(2);
  wait_for(began);
  clock.milliseconds = 100;
  const auto reports = executor.reports(2);
  const auto& failure = std::get<task_report::user_error>(reports[0].outcome);
  CHECK(static_cast<errc>(failure.code) == errc::task_timeout);
  CHECK(failure.text.find("partition 0") != std::string::npos);
  CHECK(failure.text.find("test at test.cpp:1, in the batch from record 4096") != std::string::npos);
  CHECK(failure.text.find("salamander.task.timeout") != std::string::npos);
  CHECK(text_in(std::get<task_report::success>(reports[1].outcome).result) == "ran");
}

TEST_CASE("a result that comes although the time is over counts, a failure after it is the timeout's") {
  hand_clock clock;
  running_executor executor(watched_options(clock, quick()));
  std::atomic<bool> began = false;
  const auto late = [&](bool fails) {
    began = false;
    clock.milliseconds = 0;
    ++executor.stage;
    executor.runtime.add_stage({executor.stage,
                                0,
                                result_plan([&, fails](std::uint32_t, core::task_context& context) {
                                  began = true;
                                  while (!context.cancelled)
                                    std::this_thread::yield();
                                  if (fails)
                                    throw std::runtime_error("stopped in the middle");
                                  return text("late");
                                }),
                                {},
                                {}});
    executor.launch(1);
    wait_for(began);
    clock.milliseconds = 110;
    return executor.reports(1);
  };
  CHECK(text_in(only<task_report::success>(late(false)).result) == "late");
  CHECK(static_cast<errc>(only<task_report::user_error>(late(true)).code) == errc::task_timeout);
}

TEST_CASE("a task that does not stop is reported, its thread is left behind, and another one takes its place") {
  hand_clock clock;
  std::promise<void> release;
  std::atomic<bool> ended = false;
  running_executor executor(watched_options(clock, quick()));
  std::atomic<bool> began = false;
  std::atomic<bool> told = false;
  executor.runtime.add_stage({1,
                              0,
                              result_plan([&](std::uint32_t p, core::task_context& context) {
                                if (p != 0)
                                  return text("ran");
                                began = true;
                                while (!context.cancelled)
                                  std::this_thread::yield();
                                told = true;
                                release.get_future().wait();
                                ended = true;
                                return text("too late");
                              }),
                              {},
                              {}});
  executor.stage = 1;
  executor.launch(3);
  wait_for(began);
  clock.milliseconds = 100;
  wait_for(told);
  CHECK(executor.runtime.running_tasks() == 1);
  clock.milliseconds = 150;
  const auto reports = executor.reports(3);
  const auto& failure = std::get<task_report::user_error>(reports[0].outcome);
  CHECK(static_cast<errc>(failure.code) == errc::task_timeout);
  CHECK(failure.text.find("salamander.task.killGrace") != std::string::npos);
  CHECK(std::holds_alternative<task_report::success>(reports[1].outcome));
  CHECK(std::holds_alternative<task_report::success>(reports[2].outcome));
  CHECK_FALSE(ended);
  CHECK_FALSE(executor.runtime.stop(1ms)); // its thread is still there
  release.set_value();
  CHECK(executor.runtime.stop(20s));
  CHECK(ended);
  CHECK(executor.runtime.take_reports().empty()); // nothing is said twice
  CHECK(executor.runtime.running_tasks() == 0);
}

TEST_CASE("where the process shall end with a task that does not stop, its failure is reported first") {
  hand_clock clock;
  std::promise<void> release;
  std::atomic<bool> stuck = false;
  std::string said;
  auto options = watched_options(clock, quick());
  options.on_stuck = [&](const std::string& what) {
    said = what;
    stuck = true;
  };
  running_executor executor(options);
  std::atomic<bool> told = false;
  std::atomic<bool> began = false;
  executor.runtime.add_stage({1,
                              0,
                              result_plan([&](std::uint32_t, core::task_context& context) {
                                began = true;
                                while (!context.cancelled)
                                  std::this_thread::yield();
                                told = true;
                                release.get_future().wait();
                                return text("");
                              }),
                              {},
                              {}});
  executor.stage = 1;
  executor.launch(1);
  wait_for(began);
  clock.milliseconds = 100;
  wait_for(told);
  clock.milliseconds = 150;
  CHECK(static_cast<errc>(only<task_report::user_error>(executor.reports(1)).code) == errc::task_timeout);
  wait_for(stuck);
  CHECK(said.find("did not stop within salamander.task.killGrace") != std::string::npos);
  release.set_value();
}

TEST_CASE("a task that makes no progress is named in a warning") {
  hand_clock clock;
  std::atomic<bool> warned = false;
  std::string said;
  auto options = watched_options(clock, limits_of(0ms, 60s));
  options.on_warning = [&](const std::string& what) {
    said = what;
    warned = true;
  };
  options.watch.progress_warning = 100ms; // looked at often; the clock is the test's
  running_executor executor(options);
  std::atomic<bool> began = false;
  executor.runtime.add_stage({1,
                              0,
                              result_plan([&](std::uint32_t, core::task_context& context) {
                                context.position.dataset = 0xffffffff;
                                began = true;
                                while (!warned) {
                                  clock.milliseconds += 10;
                                  std::this_thread::yield();
                                }
                                return text("");
                              }),
                              {},
                              {}});
  executor.stage = 1;
  executor.launch(1);
  only<task_report::success>(executor.reports(1));
  CHECK(said.find("has made no progress for") != std::string::npos);
  CHECK(said.find("record 0") != std::string::npos);
}
