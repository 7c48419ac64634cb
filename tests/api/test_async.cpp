#include "fixture.hpp"

#include <thread>

using namespace std::chrono_literals;

namespace {

/// A job that runs until it is cancelled, for minutes; a batch of it takes less than a second, so that it ends soon then.
auto endless(sal::context& sc) {
  return sc.range(0, 4, 1, 4).flat_map([](std::int64_t) { return std::vector<int>(1'000'000, 1); }).map([](int x) {
    std::this_thread::sleep_for(20us);
    return x;
  });
}

} // namespace

TEST_CASE_FIXTURE(api, "actions run in the background and give what they give otherwise") {
  const auto data = sc.range(0, 100, 1, 4);
  auto all = data.collect_async();
  auto count = data.count_async();
  auto some = data.take_async(7);
  auto sum = data.reduce_async(std::plus<>{});
  auto nothing = data.foreach_async([](std::int64_t) {});
  auto top = data.top_async(2);
  auto shape = data.histogram_async(2);
  auto pairs = data.key_by([](std::int64_t x) { return x % 2; }).count_by_key_async();
  CHECK(all.get() == data.collect());
  CHECK(count.get() == 100);
  CHECK(some.get() == data.take(7));
  CHECK(sum.get() == 4950);
  nothing.get();
  CHECK(top.get() == std::vector<std::int64_t>{99, 98});
  CHECK(shape.get().second == std::vector<std::uint64_t>{50, 50});
  CHECK(pairs.get().at(1) == 50);
}

TEST_CASE_FIXTURE(api, "failures arrive in the future, and cancelling ends an action with its reason") {
  auto failing = sc.range(0, 4, 1, 2).map([](std::int64_t) -> int { throw std::runtime_error("no"); }).collect_async();
  CHECK(code_of([&] { failing.get(); }) == sal::errc::task_failed);
  auto slow = endless(sc).count_async();
  CHECK_FALSE(slow.wait_for(10ms));
  slow.cancel("nobody waits for it");
  std::string text;
  CHECK(code_of([&] { slow.get(); }, &text) == sal::errc::job_cancelled);
  CHECK(text.find("nobody waits for it") != std::string::npos);
  auto never = sc.range(0, 4).take_async(2);
  CHECK(never.get().size() == 2);
  never.cancel(); // of no effect
  CHECK(sc.range(0, 10).count() == 10);
}

TEST_CASE_FIXTURE(api, "jobs are cancelled by group and by tag, those to come too if that is wanted") {
  sc.set_job_group("slow ones", "they wait");
  auto first = endless(sc).count_async();
  sc.clear_job_group();
  sc.add_job_tag("night");
  sc.add_job_tag("low");
  auto second = endless(sc).count_async();
  sc.remove_job_tag("low");
  CHECK(sc.job_tags() == std::set<std::string>{"night"});
  sc.clear_job_tags();
  auto third = endless(sc).count_async();
  CHECK(third.progress().tasks_succeeded == 0);
  sc.cancel_jobs_with_tag("day");
  sc.cancel_job_group("fast ones");
  CHECK_FALSE(first.wait_for(50ms));
  sc.cancel_job_group("slow ones", "the group is over");
  std::string text;
  CHECK(code_of([&] { first.get(); }, &text) == sal::errc::job_cancelled);
  CHECK(text.find("the group is over") != std::string::npos);
  CHECK_FALSE(second.ready());
  sc.cancel_jobs_with_tag("low");
  CHECK(code_of([&] { second.get(); }) == sal::errc::job_cancelled);
  CHECK_FALSE(third.ready());
  third.cancel();
  CHECK(code_of([&] { third.get(); }) == sal::errc::job_cancelled);
  sc.cancel_job_group_and_future_jobs("doomed");
  sc.set_job_group("doomed");
  for (int i = 0; i < 20; ++i) // none of them wins a race
    CHECK(code_of([&] { sc.range(0, 10).count(); }, &text) == sal::errc::job_cancelled);
  CHECK(text.find("count at ") != std::string::npos);
  sc.clear_job_group();
  CHECK(sc.range(0, 10).count() == 10);
  CHECK(code_of([&] { sc.add_job_tag(""); }) == sal::errc::invalid_argument);
  CHECK(code_of([&] { sc.add_job_tag("a,b"); }) == sal::errc::invalid_argument);
  CHECK(code_of([&] { sc.set_job_group(""); }) == sal::errc::invalid_argument);
}

TEST_CASE_FIXTURE(api, "stopping the context ends actions in the background") {
  auto slow = endless(sc).count_async();
  sc.stop();
  CHECK(slow.ready());
  CHECK(code_of([&] { slow.get(); }) == sal::errc::context_stopped);
}

TEST_CASE_FIXTURE(api, "run_job runs a function on the partitions that are asked for") {
  const auto data = sc.range(0, 12, 1, 3);
  const auto total = [](auto records) {
    std::int64_t all = 0;
    for (const auto one : records)
      all += one;
    return all;
  };
  CHECK(sc.run_job(data, total) == std::vector<std::int64_t>{6, 22, 38});
  CHECK(sc.run_job(data, total, {2, 0}) == std::vector<std::int64_t>{38, 6});
  std::string text;
  CHECK(code_of([&] { sc.run_job(data, total, {3}); }, &text) == sal::errc::invalid_argument);
  CHECK(text.find("non-existent partition: 3") != std::string::npos);
}
