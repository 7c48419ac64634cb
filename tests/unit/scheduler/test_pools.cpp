#include "driver_fixture.hpp"

#include <salamander/scheduler/pools.hpp>

using namespace salamander;
using namespace salamander::scheduler;
using namespace salamander::scheduler::testing;

namespace {

scheduler_options fair(std::vector<pool_options> pools = {}) {
  scheduler_options options;
  options.fair = true;
  options.pools = std::move(pools);
  return options;
}

std::uint32_t running_of(const driver_fixture& f, std::uint32_t stage) {
  return static_cast<std::uint32_t>(f.of(stage_id{stage}).size());
}

std::string refusal_of(const std::string& text) {
  try {
    parse_pools(text, "pools.conf");
  } catch (const error& refused) {
    CHECK(refused.code() == errc::bad_config_value);
    return refused.what();
  }
  return "accepted";
}

} // namespace

TEST_CASE("jobs of fair pools share the executors by weight, as cores become free") {
  driver_fixture f(fair({{"heavy", 3, 0, false}}));
  f.join_executor(0, 4);
  f.submit_to_pool(f.source(100), "light");
  CHECK(running_of(f, 0) == 4); // alone it has all
  f.submit_to_pool(f.source(100), "heavy");
  for (int i = 0; i < 4; ++i)
    f.succeed(f.of(stage_id{0}).front().task);
  CHECK(running_of(f, 0) == 1);
  CHECK(running_of(f, 1) == 3);
  f.succeed(f.of(stage_id{1}).front().task);
  CHECK(running_of(f, 1) == 3);
}

TEST_CASE("a pool below its least share goes first, whatever its weight") {
  driver_fixture f(fair({{"heavy", 1000, 0, false}, {"entitled", 1, 2, false}}));
  f.submit_to_pool(f.source(100), "heavy");
  f.submit_to_pool(f.source(100), "entitled");
  f.join_executor(0, 4);
  CHECK(running_of(f, 1) == 2);
  CHECK(running_of(f, 0) == 2);
}

TEST_CASE("within a pool the older job goes first, unless the pool is fair itself") {
  bool inside = false;
  SUBCASE("first come first served") {}
  SUBCASE("fair") {
    inside = true;
  }
  driver_fixture f(fair({{"p", 1, 0, inside}}));
  f.submit_to_pool(f.source(100), "p");
  f.submit_to_pool(f.source(100), "p");
  f.join_executor(0, 4);
  CHECK(running_of(f, 0) == (inside ? 2 : 4));
}

TEST_CASE("a pool that nobody declared has weight one, and jobs without a pool share the default one") {
  driver_fixture f(fair());
  f.submit(f.source(100));
  f.submit(f.source(100));
  f.submit_to_pool(f.source(100), "new");
  f.join_executor(0, 4);
  CHECK(running_of(f, 0) == 2);
  CHECK(running_of(f, 1) == 0);
  CHECK(running_of(f, 2) == 2);
}

TEST_CASE("first come first served does not look at pools") {
  scheduler_options options;
  options.pools = {{"heavy", 1000, 100, false}};
  driver_fixture f(options);
  f.submit_to_pool(f.source(100), "light");
  f.submit_to_pool(f.source(100), "heavy");
  f.join_executor(0, 4);
  CHECK(running_of(f, 0) == 4);
}

TEST_CASE("a stage that two jobs share counts for the pool of the older one that is active") {
  driver_fixture f(fair({{"first", 1, 0, false}, {"second", 1, 4, false}}));
  const auto shared = f.source(100);
  const auto first = f.submit_to_pool(f.shuffle(shared, 1), "first");
  const auto reduced = f.shuffle(f.map(shared), 1);
  f.submit_to_pool(reduced, "first");
  f.submit_to_pool(f.map(reduced), "second");
  f.tell(job_cancelled{first, ""});
  f.join_executor(0, 2);
  REQUIRE(f.running.size() == 2);
  const auto map_stage = f.running.begin()->second.stage;
  f.tell(job_cancelled{job_id{1}, ""});
  CHECK(f.of(map_stage).size() == 2); // goes on for the second pool
  f.run_until_idle();
  CHECK(f.finished(job_id{2}));
}

TEST_CASE("tasks of fair pools go to the executor that holds their data") {
  driver_fixture f(fair());
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  const auto cached = f.map(f.source(2));
  cached->cached = true;
  f.submit(cached);
  const auto home = f.task_of(stage_id{0}, 1).executor;
  while (!f.running.empty())
    f.succeed_caching(f.running.begin()->first, cached);
  f.submit(cached, {1});
  CHECK(f.only().executor == home);
}

TEST_CASE("while pools share, nothing is sent ahead of a free core") {
  driver_fixture f(fair());
  f.join_executor(0, 2);
  f.submit_to_pool(f.source(500), "a");
  f.submit_to_pool(f.source(500), "b");
  task_succeeded quick;
  quick.run_time = std::chrono::microseconds(50);
  for (int i = 0; i < 100; ++i) {
    f.succeed(f.running.begin()->first, quick);
    REQUIRE(f.running.size() == 2);
    REQUIRE(running_of(f, 0) == 1);
  }
}

TEST_CASE("the order of pools is that of need, then of weight, then of names") {
  using pool = pool_table::pool;
  const auto first = [](const pool& a, const pool& b) { return pool_table::goes_first(a, b) && !pool_table::goes_first(b, a); };
  const pool needy{{"needy", 1, 10, false}, 9};
  const pool rich{{"rich", 100, 0, false}, 0};
  CHECK(first(needy, rich));
  CHECK(first(pool{{"z", 1, 4, false}, 1}, pool{{"a", 1, 2, false}, 1})); // a quarter of its share against a half
  CHECK(first(pool{{"z", 4, 0, false}, 7}, pool{{"a", 2, 0, false}, 4})); // 1.75 tasks for each weight against 2
  CHECK(first(pool{{"a", 2, 0, false}, 2}, pool{{"b", 1, 0, false}, 1}));
  CHECK_FALSE(pool_table::goes_first(rich, rich));
}

TEST_CASE("pools are declared in lines of text") {
  const auto pools = parse_pools(
      "# shares\r\n\npool.a.weight = 2\n pool.a.minShare=3\npool.b.c.schedulingMode = FAIR\npool.a.schedulingMode=fifo", "pools.conf");
  REQUIRE(pools.size() == 2);
  CHECK(pools[0].name == "a");
  CHECK(pools[0].weight == 2);
  CHECK(pools[0].min_share == 3);
  CHECK_FALSE(pools[0].fair);
  CHECK(pools[1].name == "b.c");
  CHECK(pools[1].weight == 1);
  CHECK(pools[1].fair);
  CHECK(parse_pools("", "pools.conf").empty());
}

TEST_CASE("what is no declaration of a pool is refused with file and line") {
  CHECK(refusal_of("pool.a.weight=0") == "pools.conf:1: expected a whole number from 1 to 1000000, found '0'");
  CHECK(refusal_of("\npool.a.minShare=-1").find("pools.conf:2: ") == 0);
  CHECK(refusal_of("pool.a.schedulingMode=LIFO").find("FIFO or FAIR") != std::string::npos);
  for (const auto* text : {"pool.a.wieght=1", "pool.weight=1", "weight=1", "pool.a.weight", "pool..weight=1", "pool.a b.weight=1",
                           "pool.a.weight=1.5", "pool.a.weight=99999999999", "pool.a.weight="})
    CHECK(refusal_of(text).find("pools.conf:1: expected ") == 0);
}
