// Tasks that wait in an executor for tasks elsewhere.
#include "runtime_fixture.hpp"

#include <thread>

namespace {

using namespace runtime_test;

struct waiting_executor : running_executor {
  explicit waiting_executor(std::uint32_t cores) : running_executor(local_options(cores)) {}

  /// Runs `count` tasks, of which each waits and returns what it is given, with blanks between.
  void start(std::uint32_t count, bool gathers) {
    stage = 1;
    runtime.add_stage({1,
                       0,
                       result_plan([gathers](std::uint32_t p, core::task_context& context) {
                         const auto mine = "from " + std::to_string(p);
                         std::string all;
                         for (const auto& one : context.services.wait_at_barrier(0, gathers ? &mine : nullptr))
                           all += one + ' ';
                         return text(all);
                       }),
                       {},
                       {}});
    launch(count);
  }
  /// Blocks until so many tasks wait; ordered by task.
  std::vector<barrier_arrival> arrivals(std::size_t count) {
    std::vector<barrier_arrival> all;
    while (all.size() < count) {
      for (auto& one : runtime.take_barrier_arrivals())
        all.push_back(std::move(one));
      std::this_thread::yield();
    }
    std::ranges::sort(all, {}, &barrier_arrival::task);
    return all;
  }
};

std::string result_of(const task_report& report) {
  REQUIRE(std::holds_alternative<task_report::success>(report.outcome));
  return text_in(std::get<task_report::success>(report.outcome).result);
}

} // namespace

TEST_CASE("a task waits at a barrier until an answer names it, and gets what all have given") {
  waiting_executor executor(2);
  executor.start(2, true);
  const auto waiting = executor.arrivals(2);
  CHECK(waiting[1].epoch == 0);
  CHECK(waiting[1].gathers);
  CHECK(waiting[1].text == "from 1");
  CHECK(executor.calls >= 1); // whoever is to take them was told
  executor.runtime.pass_barrier({{waiting[0].task}, 0, {"a", "b"}, ""});
  CHECK(result_of(executor.reports(1)[0]) == "a b ");
  CHECK(executor.runtime.running_tasks() == 1);
  executor.runtime.pass_barrier({{waiting[1].task}, 0, {"c"}, ""});
  CHECK(result_of(executor.reports(1)[0]) == "c ");
}

TEST_CASE("a task that waits in vain fails with the reason") {
  waiting_executor executor(1);
  executor.start(1, false);
  const auto waiting = executor.arrivals(1);
  CHECK_FALSE(waiting[0].gathers);
  executor.runtime.pass_barrier({{waiting[0].task}, 0, {}, "not all will come"});
  const auto reports = executor.reports(1);
  const auto& failed = only<task_report::user_error>(reports);
  CHECK(failed.code == static_cast<std::uint8_t>(errc::task_failed));
  CHECK(failed.text.find("not all will come") != std::string::npos);
}

TEST_CASE("a task that waits at a barrier can be cancelled, and answers that come too late or for another call change nothing") {
  waiting_executor executor(2);
  executor.start(2, false);
  const auto waiting = executor.arrivals(2);
  executor.runtime.cancel({waiting[0].task});
  CHECK(std::holds_alternative<task_report::cancelled>(executor.reports(1)[0].outcome));
  executor.runtime.pass_barrier({{waiting[0].task, 99}, 0, {}, ""});
  executor.runtime.pass_barrier({{waiting[1].task}, 1, {}, "another call"});
  CHECK(executor.runtime.running_tasks() == 1);
  executor.runtime.pass_barrier({{waiting[1].task}, 0, {}, ""});
  CHECK(result_of(executor.reports(1)[0]).empty());
}

TEST_CASE("tasks that wait at a barrier end when their executor stops") {
  waiting_executor executor(2);
  executor.start(2, false);
  executor.arrivals(2);
  CHECK(executor.runtime.stop(std::chrono::seconds(20)));
  CHECK(executor.reports(2).size() == 2);
}

TEST_CASE("a task is told where the tasks of its stage run") {
  waiting_executor executor(1);
  executor.stage = 1;
  stage_order order{1,
                    0,
                    result_plan([](std::uint32_t, core::task_context& context) {
                      const auto& gang = context.ordered->gang;
                      return text(gang.at(1).address + " " + std::to_string(gang.at(1).executor));
                    }),
                    {},
                    {}};
  order.gang = {{"a", 3}, {"b", 4}};
  executor.runtime.add_stage(order);
  executor.launch(1);
  CHECK(result_of(executor.reports(1)[0]) == "b 4");
}
