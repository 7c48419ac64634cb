// What functions that run in tasks know about their task.
#include "fixture.hpp"

#include <thread>

namespace {

struct seen {
  std::uint32_t partition = 0;
  std::uint32_t attempt = 0;
  std::uint64_t id = 0;
  std::uint64_t read = 0;
};

} // namespace

TEST_CASE_FIXTURE(api, "a function knows its stage, partition and attempt, and the driver is in none") {
  CHECK_FALSE(sal::current_task());
  const auto tasks =
      sc.range(0, 6, 1, 3)
          .map([](std::int64_t) {
            const auto task = sal::current_task();
            return task ? seen{task->partition(), task->attempt() + task->stage_attempt(), task->task_attempt_id(), task->records_read()}
                        : seen{77, 77, 0, 0};
          })
          .collect();
  REQUIRE(tasks.size() == 6);
  std::set<std::uint64_t> ids;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    CHECK(tasks[i].partition == i / 2);
    CHECK(tasks[i].attempt == 0);
    CHECK(tasks[i].read <= 2);
    ids.insert(tasks[i].id);
  }
  CHECK(ids.size() == 3);
  const auto stages = sc.range(0, 4, 1, 2)
                          .map([](std::int64_t x) {
                            return std::pair{x, sal::current_task()->stage()};
                          })
                          .group_by_key(2)
                          .map([](const auto& one) {
                            return std::pair{*one.second.begin(), sal::current_task()->stage()};
                          })
                          .collect();
  for (const auto& [mapped, reduced] : stages)
    CHECK(mapped < reduced);
}

TEST_CASE_FIXTURE(api, "properties of the thread that starts a job reach its tasks") {
  const auto property = [](const std::string& key) {
    return sal::bind_front([](const std::string& name, std::int64_t) { return sal::current_task()->local_property(name).value_or("none"); },
                           key);
  };
  const auto in_task = [&](const std::string& key) { return sc.range(0, 2, 1, 2).map(property(key)).distinct().collect(); };
  using texts = std::vector<std::string>;
  CHECK(in_task("tenant") == texts{"none"});
  sc.set_local_property("tenant", "a");
  sc.set_job_description("what for");
  CHECK(in_task("tenant") == texts{"a"});
  // threads have their own, unless they inherit
  texts here;
  std::thread([&] { here = in_task("tenant"); }).join();
  CHECK(here == texts{"none"});
  std::thread(sc.inheriting([&] { here = in_task("tenant"); })).join();
  CHECK(here == texts{"a"});
  CHECK(sc.range(0, 1, 1, 1).map(property("tenant")).collect_async().get() == texts{"a"});
  sc.set_local_property("tenant", std::nullopt);
  CHECK(in_task("tenant") == texts{"none"});
  CHECK(code_of([&] { sc.set_local_property("large", std::string(100'000, 'x')); }) == sal::errc::invalid_argument);
}

TEST_CASE_FIXTURE(api, "callbacks are called when a task is over, the last one first, and after those for failures") {
  const auto order = sc.accumulator(std::string());
  const auto note = [order](char what) { return [order, what](const sal::task_context&) { order += what; }; };
  sc.range(0, 1, 1, 1)
      .map([note, order](std::int64_t x) {
        const auto task = *sal::current_task();
        task.on_completion(note('1'));
        task.on_completion(note('2'));
        task.on_failure([order](const sal::task_context&, const std::string&) { order += 'f'; });
        order += 'x';
        return x;
      })
      .count();
  CHECK(order.value() == "x21");
}

TEST_CASE_FIXTURE(api, "callbacks of a failure hear why, and their own failures are told") {
  const scratch notes;
  const auto fails = [&](bool in_function) {
    return sal::bind_front(
        [in_function](const std::string& file, std::int64_t x) {
          const auto task = *sal::current_task();
          task.on_failure([file](const sal::task_context& at, const std::string& why) {
            std::ofstream(file) << at.partition() << ": " << why;
            throw std::runtime_error("no more");
          });
          task.on_completion([in_function](const sal::task_context&) {
            if (!in_function)
              throw std::runtime_error("at the end");
          });
          if (in_function)
            throw std::runtime_error("in between");
          return x;
        },
        notes / "why");
  };
  std::string text;
  CHECK(code_of([&] { sc.range(0, 1, 1, 1).map(fails(true)).count(); }, &text) == sal::errc::task_failed);
  CAPTURE(text);
  CHECK(text.find("in between; then an on_failure callback failed, too: no more") != std::string::npos);
  std::ifstream in(notes / "why");
  const std::string noted{std::istreambuf_iterator<char>(in), {}};
  CHECK(noted.find("0: map at test_current_task.cpp:") == 0);
  CHECK(code_of([&] { sc.range(0, 1, 1, 1).map(fails(false)).count(); }, &text) == sal::errc::task_failed);
  CHECK(text.find("at the end") != std::string::npos);
}
