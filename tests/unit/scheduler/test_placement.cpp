#include "driver_fixture.hpp"

#include <salamander/scheduler/pipeline.hpp>

#include <deque>

using namespace salamander;
using namespace salamander::scheduler;
using namespace salamander::scheduler::testing;
using namespace std::chrono_literals;
using vec = std::vector<std::uint32_t>;

namespace {

/// Two executors of one core each; the blocks of `cached` are where `places` says.
struct cached_data : driver_fixture {
  explicit cached_data(const vec& places) : cached(source(static_cast<std::uint32_t>(places.size()))) {
    cached->cached = true;
    const auto executors = *std::max_element(places.begin(), places.end()) + 1;
    for (std::uint32_t id = 0; id < executors; ++id) {
      join_executor(id, 1);
      for (std::uint32_t other = 0; other < executors; ++other)
        tell(other < id ? event{executor_suspected{executor_id{other}}} : event{executor_recovered{executor_id{other}}});
      vec here;
      for (std::uint32_t p = 0; p < places.size(); ++p)
        if (places[p] == id)
          here.push_back(p);
      submit(cached, here);
      while (!running.empty())
        succeed_caching(running.begin()->first, cached);
    }
    for (std::uint32_t id = 0; id < executors; ++id)
      tell(executor_recovered{executor_id{id}});
    launches.clear();
    actions.clear();
  }

  dataset cached;
};

} // namespace

TEST_CASE("tasks are spread evenly, one message for each executor") {
  driver_fixture f;
  for (std::uint32_t id = 0; id < 3; ++id)
    f.join_executor(id, 4);
  f.submit(f.source(8));
  CHECK(f.now_decided<launch_tasks>().size() == 3);
  CHECK(f.on(0).size() == 3);
  CHECK(f.on(1).size() == 3);
  CHECK(f.on(2).size() == 2);
  f.submit(f.source(4));
  for (std::uint32_t id = 0; id < 3; ++id)
    CHECK(f.on(id).size() == 4);
}

TEST_CASE("a task goes to the host that its partition prefers, and elsewhere only after a while") {
  driver_fixture f;
  f.join_executor(0, 2, "host-a");
  f.join_executor(1, 2, "host-b");
  const auto placed = f.source(4);
  placed->places = {{"host-b"}, {"host-b"}, {"host-b"}, {"nowhere"}};
  f.submit(f.map(placed));
  CHECK(f.on(1).size() == 2);
  CHECK(f.on(0).size() == 1); // the one whose host has no executor may run anywhere
}

TEST_CASE("a task goes where its nearest cached block is") {
  cached_data f({1, 0, 1, 0});
  const auto job = f.submit(f.map(f.map(f.cached)));
  f.run_until_idle();
  CHECK(f.finished(job));
  REQUIRE(f.launches.size() == 4);
  for (const auto& task : f.launches)
    CHECK(task.executor == executor_id{task.partition % 2 == 0 ? 1U : 0U});
}

TEST_CASE("a task waits for its executor, and after the wait goes anywhere") {
  cached_data f({0, 0, 1});
  const auto job = f.submit(f.cached, {0, 1});
  // One runs at home; the other waits although executor 1 is free.
  CHECK(f.running.size() == 1);
  CHECK(f.only().executor == executor_id{0});
  REQUIRE(f.now_decided<wake_at>().size() == 1);
  CHECK(f.now_decided<wake_at>()[0].when == f.now + 3s);
  f.advance(2999ms);
  CHECK(f.running.size() == 1);
  f.advance(1ms);
  REQUIRE(f.running.size() == 2);
  CHECK(f.on(1).size() == 1);
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("every local launch starts the wait anew") {
  cached_data f({0, 0, 0, 1});
  f.submit(f.cached, {0, 1, 2});
  f.advance(2s);
  f.succeed(f.only().task);
  f.advance(2s);
  CHECK(f.running.size() == 1);
  f.advance(1s);
  CHECK(f.running.size() == 2);
}

TEST_CASE("without a locality wait a task goes anywhere at once, at home first") {
  scheduler_options options;
  options.locality_wait = 0s;
  driver_fixture f(options);
  f.join_executor(1, 1);
  const auto data = f.source(3);
  data->cached = true;
  f.submit(data);
  while (!f.running.empty())
    f.succeed_caching(f.running.begin()->first, data);
  f.join_executor(0, 1);
  f.submit(data);
  CHECK(f.running.size() == 2);
  CHECK(f.on(1)[0].partition == 0);
}

TEST_CASE("other stages use the cores that waiting tasks leave") {
  cached_data f({0, 0, 1});
  f.submit(f.cached, {0, 1});
  const auto other = f.submit(f.source(1));
  CHECK(f.on(1).size() == 1);
  f.succeed(f.on(1)[0].task);
  CHECK(f.finished(other));
}

TEST_CASE("nobody waits for an executor that is gone") {
  cached_data f({0, 0, 1});
  f.submit(f.cached, {0, 1});
  f.lose(0);
  CHECK(f.on(1).size() == 1);
  f.succeed(f.only().task);
  CHECK(f.on(1).size() == 1);
}

TEST_CASE("tasks without a preference do not wait") {
  cached_data f({0, 0, 1});
  f.submit(f.shuffle(f.source(2), 1));
  CHECK(f.running.size() == 2);
  CHECK(f.all<wake_at>().empty());
}

TEST_CASE("the nearest cached block is found through unions, coalescing and several parents") {
  lineage_maker make;
  cache_table cache;
  const auto left = make.source(2);
  const auto right = make.source(3);
  right->cached = true;
  cache.add({right->id, 1}, executor_id{7});
  const auto both = make.unite({left, right});
  const auto few = make.coalesce(make.map(both), {{0, 1}, {2, 3}, {4}});
  const auto top = make.map(few);
  const block_finder found(*top, cache);
  CHECK(found.holders(0).empty());
  CHECK(found.holders(1) == std::vector{executor_id{7}});
  CHECK(found.holders(2).empty());
  top->cached = true;
  cache.add({top->id, 1}, executor_id{3});
  const block_finder nearer(*top, cache);
  CHECK(nearer.holders(1) == std::vector{executor_id{3}});
  CHECK(nearer.holders(0).empty());
}

TEST_CASE("long tasks are never sent ahead of a free core") {
  driver_fixture f;
  f.join_executor(0, 2);
  f.submit(f.source(50));
  task_succeeded slow;
  slow.run_time = 1ms;
  for (int i = 0; i < 40; ++i) {
    f.succeed(f.running.begin()->first, slow);
    CHECK(f.running.size() == 2);
  }
}

TEST_CASE("short tasks are sent ahead, several in a message, within the limit") {
  scheduler_options options;
  options.lookahead_tasks_max = 10;
  driver_fixture f(options);
  f.join_executor(0, 2);
  const auto job = f.submit(f.source(1000));
  task_succeeded quick;
  quick.run_time = 20us;
  std::size_t most = 0;
  for (int i = 0; i < 3; ++i) {
    f.succeed(f.running.begin()->first, quick);
    CHECK(f.running.size() == 2);
  }
  while (!f.running.empty()) {
    f.succeed(f.running.begin()->first, quick);
    most = std::max(most, f.running.size());
  }
  CHECK(most == 2 + 2 * 10);
  CHECK(f.finished(job));
  CHECK(f.all<launch_tasks>().size() < 200);
}

TEST_CASE("short tasks are not sent ahead behind tasks of another stage") {
  driver_fixture f;
  f.join_executor(0, 2);
  f.submit(f.source(1));
  const auto long_task = f.only().task;
  f.submit(f.source(100));
  task_succeeded quick;
  quick.run_time = 20us;
  for (int i = 0; i < 50; ++i) {
    const auto next = f.running.rbegin()->first;
    REQUIRE(next != long_task);
    f.succeed(next, quick);
    CHECK(f.running.size() == 2);
  }
}

TEST_CASE("a stage of a hundred thousand tasks with blocks, failures and a loss takes time in proportion") {
  driver_scheduler driver({});
  lineage_maker make;
  const auto data = make.map(make.source(100'000));
  data->cached = true;
  time_point now{};
  std::deque<std::pair<task_id, executor_id>> sent;
  std::uint32_t finished = 0;
  std::map<task_id, std::uint32_t> partition_of;
  const auto tell = [&](const event& what) {
    for (const auto& a : driver.handle(what, now)) {
      finished += std::holds_alternative<finish_job>(a) ? 1 : 0;
      if (const auto* launch = std::get_if<launch_tasks>(&a))
        for (const auto& t : launch->tasks) {
          sent.emplace_back(t.task, launch->executor);
          partition_of[t.task] = t.partition;
        }
    }
  };
  for (std::uint32_t id = 0; id < 4; ++id)
    tell(executor_joined{executor_id{id}, 4});
  std::vector<std::uint32_t> all(data->partitions);
  for (std::uint32_t p = 0; p < all.size(); ++p)
    all[p] = p;
  for (std::uint32_t round = 0; round < 2; ++round) {
    tell(job_submitted{job_id{round}, data, all});
    for (std::uint32_t step = 0; !sent.empty(); ++step) {
      const auto [task, executor] = sent.front();
      sent.pop_front();
      if (step == 50'000 && round == 1)
        tell(executor_lost{executor_id{3}, "killed by signal 9", {}});
      if (step % 7 == 0 && step < 100'000) {
        tell(task_failed{task, executor, task_was_cancelled{}});
        continue;
      }
      task_succeeded report;
      report.task = task;
      report.executor = executor;
      report.run_time = 5ms;
      report.cached = {{data->id, partition_of[task]}};
      tell(report);
    }
  }
  CHECK(finished == 2);
}
