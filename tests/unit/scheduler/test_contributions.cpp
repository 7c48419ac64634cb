// Whose contributions to accumulators count: the first of each partition that is accepted, and no other.
#include "driver_fixture.hpp"

using namespace salamander;
using namespace salamander::scheduler;
using namespace salamander::scheduler::testing;

namespace {

/// Every success brings contributions.
struct contributing : driver_fixture {
  using driver_fixture::driver_fixture;

  void add(task_id task, std::uint64_t fingerprint = 0) {
    task_succeeded with;
    with.contributes = true;
    with.output_fingerprint = fingerprint;
    succeed(task, with);
  }
  void add_all() {
    while (!running.empty())
      if (const auto task = running.begin()->first; running.at(task).cancelled)
        fail(task, task_was_cancelled{});
      else
        add(task);
  }
  std::size_t counted() const {
    return all<count_contributions>().size();
  }
  bool counts_now() const {
    return now_decided<count_contributions>().size() == 1;
  }
};

} // namespace

TEST_CASE("each partition of a stage counts for the jobs that asked for it, before they end") {
  contributing f;
  f.join_executor(0, 4);
  const auto reduced = f.shuffle(f.source(3), 2);
  const auto job = f.submit(reduced);
  const auto first = f.of(stage_id{0}).front().task;
  f.add(first);
  REQUIRE(f.counts_now());
  CHECK(f.now_decided<count_contributions>().front().task == first);
  CHECK(f.now_decided<count_contributions>().front().jobs == std::vector{job});
  f.add_all();
  CHECK(f.counted() == 5);
  std::optional<std::size_t> counted_at;
  std::optional<std::size_t> finished_at;
  for (std::size_t i = 0; i < f.actions.size(); ++i) {
    if (std::holds_alternative<count_contributions>(f.actions[i]))
      counted_at = i;
    if (std::holds_alternative<finish_job>(f.actions[i]))
      finished_at = i;
  }
  CHECK(counted_at < finished_at);
}

TEST_CASE("a task that added nothing asks for nothing") {
  contributing f;
  f.join_executor(0, 4);
  f.submit(f.shuffle(f.source(3), 2));
  f.run_until_idle();
  CHECK(f.counted() == 0);
}

TEST_CASE("map partitions that are computed again do not count again, in the same job or a later one") {
  contributing f;
  f.join_executor(0, 2);
  f.join_executor(1, 2);
  const auto reduced = f.shuffle(f.source(4), 2);
  const auto job = f.submit(reduced);
  f.add_all();
  REQUIRE(f.finished(job));
  CHECK(f.counted() == 6);
  f.lose(1);
  const auto again = f.submit(reduced);
  REQUIRE_FALSE(f.of(stage_id{2}).empty());
  f.add_all();
  REQUIRE(f.finished(again));
  CHECK(f.counted() == 8); // its own results
}

TEST_CASE("attempts that fail, are late, or lose against their copy count nothing") {
  contributing f;
  for (std::uint32_t i = 0; i < 3; ++i)
    f.join_executor(i, 1);
  const auto job = f.submit(f.source(2));
  f.fail(f.task_of(stage_id{0}, 0).task);
  CHECK(f.counted() == 0);
  // the other one runs on a suspect: a copy overtakes it
  const auto slow = f.task_of(stage_id{0}, 1);
  f.add(f.task_of(stage_id{0}, 0).task);
  f.suspect(slow.executor.value);
  const auto attempts = f.attempts_of(stage_id{0}, 1);
  REQUIRE(attempts.size() == 2);
  const auto copy = attempts[0].task == slow.task ? attempts[1].task : attempts[0].task;
  f.add(copy);
  CHECK(f.counted() == 2);
  CHECK(f.finished(job));
  f.add(slow.task);
  CHECK(f.counted() == 2);
}

TEST_CASE("after a rollback the first contributions stand") {
  contributing f;
  for (std::uint32_t i = 0; i < 3; ++i)
    f.join_executor(i, 1);
  const auto reduced = f.shuffle(f.map(f.source(2)), 3);
  const auto job = f.submit(reduced);
  f.add(f.task_of(stage_id{0}, 0).task, 100);
  f.add(f.task_of(stage_id{0}, 1).task, 200);
  f.add(f.task_of(stage_id{1}, 0).task);
  f.lose(1);
  f.fail_fetch(f.task_of(stage_id{1}, 2).task, reduced->dependencies[0].shuffle, 1, executor_id{1});
  f.add(f.task_of(stage_id{0}, 1).task, 999);
  CHECK(f.all<withdraw_results>().size() == 1);
  CHECK(f.counted() == 3);
  f.add_all();
  REQUIRE(f.finished(job));
  CHECK(f.counted() == 5);
}

TEST_CASE("a partition that is asked for twice counts for each place, and each job counts its own") {
  contributing f;
  f.join_executor(0, 4);
  const auto dataset = f.source(3);
  f.submit(dataset, {1, 1});
  f.add_all();
  CHECK(f.counted() == 2);
  f.submit(dataset, {1});
  f.add_all();
  CHECK(f.counted() == 3);
}

TEST_CASE("a partition of a cached dataset counts once for all jobs") {
  driver_fixture f;
  CHECK(f.scheduler.counts({rdd_id{7}, 3}));
  CHECK_FALSE(f.scheduler.counts({rdd_id{7}, 3}));
  CHECK(f.scheduler.counts({rdd_id{7}, 0}));
  CHECK(f.scheduler.counts({rdd_id{8}, 3}));
  CHECK_FALSE(f.scheduler.counts({rdd_id{7}, 0}));
}
