// Two tasks that want one cached partition which is not there yet.
#include "runtime_fixture.hpp"

#include <future>
#include <thread>

namespace {

using namespace runtime_test;

constexpr core::rdd_id dataset{4};

/// Tasks of which partition 0 computes the cached partition (dataset, 0) when told to, and the others want it meanwhile.
struct two_tasks {
  std::atomic<int> computed{0};
  std::atomic<int> waiting{0};
  std::promise<void> claimed;
  std::promise<void> go_on;
  std::function<void(core::task_context&)> end; ///< what the first one does after it was told to go on

  std::shared_ptr<const core::byte_buffer> plan() {
    return result_plan([this](std::uint32_t p, core::task_context& context) -> std::shared_ptr<const core::block_object> {
      if (p != 0)
        ++waiting;
      if (auto found = context.services.find_cached(dataset, 0))
        return text(std::to_string(p) + " found " + text_in(found));
      ++computed;
      if (p == 0) {
        claimed.set_value();
        go_on.get_future().wait();
        end(context);
      } else {
        context.services.store_cached(dataset, 0, text("by " + std::to_string(p)));
      }
      return text(std::to_string(p) + " computed");
    });
  }
};

/// Starts the first task, then `others`, and lets the first go on when they have asked.
std::vector<task_report> run(running_executor& executor, two_tasks& tasks, std::uint32_t others) {
  executor.stage = 1;
  executor.runtime.add_stage({1, 0, tasks.plan(), {}, {}});
  executor.runtime.launch({{1, 1, 0, 0, 0, false}});
  tasks.claimed.get_future().wait();
  std::vector<task_order> more;
  for (std::uint32_t p = 1; p <= others; ++p)
    more.push_back({p + 1ULL, 1, 0, p, 0, false});
  executor.runtime.launch(more);
  while (tasks.waiting != static_cast<int>(others))
    std::this_thread::yield();
  tasks.go_on.set_value();
  return executor.reports(others + 1);
}

std::string result_of(const task_report& report) {
  return text_in(std::get<task_report::success>(report.outcome).result);
}

} // namespace

TEST_CASE("a partition that one task computes for the cache is not computed by others, which wait for it") {
  running_executor executor(local_options(4));
  two_tasks tasks;
  tasks.end = [](core::task_context& context) { context.services.store_cached(dataset, 0, text("by the first")); };
  const auto reports = run(executor, tasks, 3);
  CHECK(tasks.computed == 1);
  CHECK(result_of(reports[0]) == "0 computed");
  for (std::size_t p = 1; p < 4; ++p)
    CHECK(result_of(reports[p]) == std::to_string(p) + " found by the first");
  CHECK(reports[0].cached.size() == 1);
}

TEST_CASE("when the task that computes a partition fails, one that waited computes it") {
  running_executor executor(local_options(4));
  two_tasks tasks;
  tasks.end = [](core::task_context&) { throw std::runtime_error("failed"); };
  const auto reports = run(executor, tasks, 3);
  CHECK(std::holds_alternative<task_report::user_error>(reports[0].outcome));
  CHECK(tasks.computed == 2);
  int found = 0;
  for (std::size_t p = 1; p < 4; ++p)
    found += result_of(reports[p]).find("found by") != std::string::npos ? 1 : 0;
  CHECK(found == 2);
}

TEST_CASE("when a partition does not fit the cache those that waited for it compute it, one after the other") {
  auto options = local_options(3);
  options.memory_bytes = 100;
  running_executor executor(options);
  two_tasks tasks;
  tasks.end = [](core::task_context& context) { CHECK_FALSE(context.services.store_cached(dataset, 0, text(std::string(1000, 'x')))); };
  const auto reports = run(executor, tasks, 2);
  CHECK(tasks.computed == 2);
  CHECK(std::holds_alternative<task_report::success>(reports[1].outcome));
  CHECK(std::holds_alternative<task_report::success>(reports[2].outcome));
}

TEST_CASE("a task that gives a partition up is not waited for until its end") {
  running_executor executor(local_options(2));
  two_tasks tasks;
  std::promise<void> other_done;
  tasks.end = [&](core::task_context& context) {
    context.services.give_up_cached(dataset, 0);
    other_done.get_future().wait();
  };
  executor.stage = 1;
  executor.runtime.add_stage({1, 0, tasks.plan(), {}, {}});
  executor.runtime.launch({{1, 1, 0, 0, 0, false}});
  tasks.claimed.get_future().wait();
  executor.runtime.launch({{2, 1, 0, 1, 0, false}});
  while (tasks.waiting != 1)
    std::this_thread::yield();
  tasks.go_on.set_value();
  CHECK(result_of(executor.reports(1)[0]) == "1 computed");
  other_done.set_value();
  CHECK(result_of(executor.reports(1)[0]) == "0 computed");
}

TEST_CASE("a task that waits for another's partition can be cancelled") {
  running_executor executor(local_options(2));
  two_tasks tasks;
  tasks.end = [](core::task_context&) {};
  executor.stage = 1;
  executor.runtime.add_stage({1, 0, tasks.plan(), {}, {}});
  executor.runtime.launch({{1, 1, 0, 0, 0, false}});
  tasks.claimed.get_future().wait();
  executor.runtime.launch({{2, 1, 0, 1, 0, false}});
  while (tasks.waiting != 1)
    std::this_thread::yield();
  executor.runtime.cancel({2});
  CHECK(std::holds_alternative<task_report::cancelled>(executor.reports(1)[0].outcome));
  tasks.go_on.set_value();
  CHECK(result_of(executor.reports(1)[0]) == "0 computed");
  CHECK(tasks.computed == 1);
}

TEST_CASE("a task may want a partition again that it is computing itself, and nested ones") {
  running_executor executor(local_options(1));
  const auto reports = executor.run(result_plan([](std::uint32_t, core::task_context& context) {
                                      auto& services = context.services;
                                      CHECK_FALSE(services.find_cached({9}, 0));
                                      CHECK_FALSE(services.find_cached({9}, 0));
                                      CHECK_FALSE(services.find_cached({8}, 0)); // what it is made from
                                      CHECK(services.store_cached({8}, 0, text("inner")));
                                      CHECK(services.store_cached({9}, 0, text("outer")));
                                      return text(text_in(services.find_cached({9}, 0)) + text_in(services.find_cached({8}, 0)));
                                    }),
                                    1);
  CHECK(result_of(reports[0]) == "outerinner");
}

TEST_CASE("a dataset that is dropped while a task computes it leaves no block behind, and can be cached again") {
  running_executor executor(local_options(1));
  std::promise<void> began;
  std::promise<void> dropped;
  executor.stage = 1;
  const auto keep = [](core::task_context& context) { return context.services.store_cached(dataset, 0, text("kept")); };
  executor.runtime.add_stage({1,
                              0,
                              result_plan([&](std::uint32_t p, core::task_context& context) {
                                if (p == 0) {
                                  began.set_value();
                                  dropped.get_future().wait();
                                }
                                keep(context);
                                return text("");
                              }),
                              {},
                              {}});
  executor.launch(2); // the second one begins after the drop, but was ordered before it
  began.get_future().wait();
  executor.runtime.drop_cached(dataset.value);
  dropped.set_value();
  for (const auto& report : executor.reports(2)) {
    CHECK(std::holds_alternative<task_report::success>(report.outcome));
    CHECK(report.cached.empty());
  }
  CHECK(executor.runtime.cached_bytes() == 0);
  const auto again = executor.run(result_plan([&](std::uint32_t, core::task_context& context) {
                                    keep(context);
                                    return text("");
                                  }),
                                  1);
  CHECK(again[0].cached.size() == 1);
  CHECK(executor.runtime.cached_bytes() != 0);
}
