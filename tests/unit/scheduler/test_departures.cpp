#include "driver_fixture.hpp"

using namespace salamander;
using namespace salamander::scheduler;
using namespace salamander::scheduler::testing;

namespace {

/// With executors that do as they are told when somebody leaves.
struct departure_fixture : driver_fixture {
  using driver_fixture::driver_fixture;

  void ask_to_leave(std::uint32_t id, bool may_stay = false) {
    tell(executor_leaving{executor_id{id}, "its worker leaves", may_stay});
    note_orders();
  }
  void note_orders() {
    for (const auto& order : now_decided<take_over>())
      for (const auto& block : order.blocks)
        orders.push_back({order.executor, order.from, block});
  }
  /// All blocks that are on their way arrive, or fare as told; and so do those that are sent for then.
  void move_all(move_outcome how = move_outcome::moved) {
    while (!orders.empty()) {
      const auto one = orders.front();
      orders.erase(orders.begin());
      tell(blocks_moved{one.to, {{one.block.move, how}}});
      note_orders();
    }
  }
  bool released(std::uint32_t id) const {
    const auto done = all<release_executor>();
    return std::any_of(done.begin(), done.end(), [&](const auto& one) { return one.executor == executor_id{id}; });
  }
  bool has_left(std::uint32_t id) {
    if (!released(id))
      return false;
    lose(id, "exited with code 0", {});
    return true;
  }
  shuffle_locations outputs_read_by(stage_id stage) const {
    return scheduler.inputs_of(stage).shuffles.at(0).second;
  }

  struct sent {
    executor_id to;
    executor_id from;
    moving_block block;
  };
  std::vector<sent> orders;
};

scheduler_options few_at_once() {
  scheduler_options options;
  options.handover.at_once_max = 2;
  return options;
}

} // namespace

TEST_CASE("an executor that leaves gets no more tasks, hands over what it holds, and nothing is computed again") {
  departure_fixture f;
  f.join_executor(0, 2);
  f.join_executor(1, 2);
  const auto cached = f.map(f.source(4));
  cached->cached = true;
  const auto shuffled = f.shuffle(cached, 4);
  f.submit(shuffled);
  while (!f.of(stage_id{0}).empty())
    f.succeed_caching(f.of(stage_id{0}).front().task, cached);
  f.run_until_idle();
  REQUIRE(f.scheduler.cached_partitions(cached->id) == 4);
  f.ask_to_leave(0);
  CHECK(f.scheduler.leaving(executor_id{0}));
  CHECK(f.orders.size() == 4); // two map outputs, two cached blocks
  CHECK_FALSE(f.released(0));
  f.move_all();
  REQUIRE(f.has_left(0));
  CHECK(f.noticed("executor 0 has left"));
  const auto again = f.submit(shuffled);
  CHECK(f.on(1).size() == 2);
  f.run_until_idle();
  CHECK(f.counts(again).stages_skipped == 1);
  CHECK(f.counts(again).tasks_succeeded == 4);
  const auto from_cache = f.submit(f.map(cached));
  f.run_until_idle();
  CHECK(f.finished(from_cache));
  CHECK(f.scheduler.cached_partitions(cached->id) == 4);
}

TEST_CASE("an executor that leaves ends its tasks first, and hands over what they leave") {
  departure_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  const auto job = f.submit(f.shuffle(f.source(2), 2));
  const auto last = f.on(0)[0];
  f.ask_to_leave(0);
  CHECK(f.orders.empty());
  f.succeed(last.task);
  f.note_orders();
  REQUIRE(f.orders.size() == 1);
  CHECK(f.orders[0].block.made_by == last.task);
  CHECK(f.on(0).empty());
  f.move_all();
  REQUIRE(f.has_left(0));
  f.run_until_idle();
  CHECK(f.counts(job).tasks_succeeded == 4);
  CHECK(f.counts(job).tasks_resubmitted == 0);
  CHECK(f.counts(job).stage_retries == 0);
}

TEST_CASE("an executor that leaves stays until nobody can come to it for what has moved, and later tasks are told the new place") {
  departure_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  f.submit(f.shuffle(f.source(2), 3));
  f.run_stage(stage_id{0});
  const auto reader = f.on(1)[0];
  const auto there = f.on(0)[0];
  f.ask_to_leave(0);
  f.move_all();
  CHECK_FALSE(f.released(0));
  f.succeed(there.task);
  CHECK(f.all<renew_inputs>().size() == 1);
  CHECK(f.outputs_read_by(stage_id{1}) == shuffle_locations{executor_id{1}, executor_id{1}});
  CHECK_FALSE(f.released(0)); // the other task was sent before
  f.succeed(reader.task);
  CHECK(f.released(0));
  CHECK(f.on(1).size() == 1);
}

TEST_CASE("an executor that dies while it leaves takes along what has not moved, and no more") {
  departure_fixture f(few_at_once());
  f.join_executor(0, 4);
  f.submit(f.shuffle(f.source(4), 1));
  f.join_executor(1, 4);
  f.run_stage(stage_id{0});
  f.ask_to_leave(0);
  REQUIRE(f.orders.size() == 2);
  const auto moved = f.orders[0];
  f.tell(blocks_moved{moved.to, {{moved.block.move, move_outcome::moved}}});
  f.lose(0);
  auto partitions = f.launched_partitions(stage_id{0}, 1);
  CHECK(partitions.size() == 3);
  CHECK(std::count(partitions.begin(), partitions.end(), moved.block.partition) == 0);
  const auto late = f.orders[1];
  f.tell(blocks_moved{late.to, {{late.block.move, move_outcome::moved}}});
  CHECK(f.last.empty());
  f.run_until_idle();
  CHECK(f.finished(job_id{0}));
}

TEST_CASE("blocks on their way to an executor that dies are sent to another one") {
  departure_fixture f;
  f.join_executor(0, 2);
  f.submit(f.shuffle(f.source(2), 1));
  f.run_until_idle();
  f.join_executor(1, 2);
  f.ask_to_leave(0);
  REQUIRE(f.orders.size() == 2);
  f.orders.clear();
  f.join_executor(2, 2);
  f.lose(1);
  f.note_orders();
  REQUIRE(f.orders.size() == 2);
  CHECK(f.orders[0].to == executor_id{2});
  f.move_all();
  CHECK(f.released(0));
}

TEST_CASE("what nobody has room for stays, and is tried again with the next executor or after a while") {
  departure_fixture f;
  f.join_executor(0, 2);
  f.join_executor(1, 2);
  f.submit(f.shuffle(f.source(4), 1));
  f.run_until_idle();
  f.ask_to_leave(0);
  f.move_all(move_outcome::no_room);
  CHECK(f.noticed("executor 0 cannot hand over 2 blocks"));
  CHECK_FALSE(f.released(0));
  SUBCASE("with the next executor") {
    f.join_executor(2, 2);
    f.note_orders();
  }
  SUBCASE("after a while") {
    f.advance(std::chrono::seconds(30));
    f.note_orders();
  }
  CHECK(f.orders.size() == 2);
  f.move_all();
  CHECK(f.released(0));
}

TEST_CASE("an executor that may stay does so when nobody takes what it holds") {
  departure_fixture f;
  f.join_executor(0, 2);
  f.join_executor(1, 2);
  f.submit(f.shuffle(f.source(4), 1));
  f.run_until_idle();
  f.ask_to_leave(0, true);
  f.move_all(move_outcome::no_room);
  CHECK(f.all<executor_stays>().size() == 1);
  CHECK_FALSE(f.scheduler.leaving(executor_id{0}));
  f.submit(f.source(4));
  CHECK(f.on(0).size() == 2);
}

TEST_CASE("a reader that is sent to the old place of a block all the same does not count against its stage") {
  departure_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  const auto job = f.submit(f.shuffle(f.source(2), 1));
  const auto moved = f.on(0)[0].partition;
  f.run_stage(stage_id{0});
  const auto reader = f.only();
  f.ask_to_leave(0);
  f.move_all();
  f.fail_fetch(reader.task, shuffle_id{0}, moved, executor_id{0});
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.launched_partitions(stage_id{0}, 1).empty());
  CHECK_FALSE(f.noticed("warning"));
}

TEST_CASE("what is moved of a shuffle that is made again, or released, meanwhile counts for nothing and is dropped") {
  departure_fixture f;
  f.join_executor(0, 2);
  f.join_executor(1, 2);
  const auto shuffled = f.shuffle(f.source(2), 1);
  f.submit(shuffled);
  f.run_until_idle();
  f.ask_to_leave(0);
  REQUIRE(f.orders.size() == 1);
  f.tell(shuffle_released{shuffle_id{0}});
  f.move_all();
  CHECK(f.all<discard_result>().size() == 1);
  CHECK(f.released(0));
}

TEST_CASE("an executor without anything leaves at once, and a second request changes nothing") {
  departure_fixture f;
  f.join_executor(0, 2);
  f.join_executor(1, 2);
  f.ask_to_leave(0);
  CHECK(f.released(0));
  f.ask_to_leave(0);
  CHECK(f.all<release_executor>().size() == 1);
  CHECK_FALSE(f.scheduler.leaving(executor_id{0}));
}

TEST_CASE("a message about moves from an executor that was lost changes nothing") {
  departure_fixture f;
  f.join_executor(0, 2);
  f.submit(f.shuffle(f.source(2), 1));
  f.run_until_idle();
  f.join_executor(1, 2);
  f.ask_to_leave(0);
  const auto late = f.orders[0];
  f.lose(1);
  f.tell(blocks_moved{late.to, {{late.block.move, move_outcome::moved}}});
  CHECK(f.last.empty());
  CHECK_FALSE(f.released(0));
}

TEST_CASE("without hand-over an executor that leaves ends when its tasks have ended") {
  scheduler_options options;
  options.handover.enabled = false;
  departure_fixture f(options);
  f.join_executor(0, 2);
  f.join_executor(1, 2);
  f.submit(f.shuffle(f.source(4), 1));
  f.run_stage(stage_id{0});
  f.run_until_idle();
  f.ask_to_leave(0);
  CHECK(f.orders.empty());
  CHECK(f.released(0));
}

TEST_CASE("a block that its holder has lost is computed again, and not sent for again and again") {
  departure_fixture f;
  f.join_executor(0, 2);
  f.join_executor(1, 2);
  const auto shuffled = f.shuffle(f.source(2), 1);
  f.submit(shuffled);
  f.run_until_idle();
  f.ask_to_leave(0);
  REQUIRE(f.orders.size() == 1);
  f.move_all(move_outcome::not_found);
  CHECK(f.released(0));
  const auto again = f.submit(shuffled);
  f.run_until_idle();
  CHECK(f.counts(again).tasks_succeeded == 2);
}

TEST_CASE("an executor that was taking over when it is asked to leave hands on what it has got") {
  departure_fixture f;
  f.join_executor(0, 2);
  f.submit(f.shuffle(f.source(2), 1));
  f.run_until_idle();
  f.join_executor(1, 2);
  f.ask_to_leave(0);
  REQUIRE(f.orders.size() == 2);
  f.join_executor(2, 2);
  f.ask_to_leave(1);
  CHECK_FALSE(f.released(1));
  f.move_all();
  CHECK(f.released(0));
  CHECK(f.released(1));
  f.lose(0);
  f.lose(1);
  CHECK_FALSE(f.noticed("is lost"));
}

TEST_CASE("readers are told the new places of what has moved from an executor that dies while it leaves") {
  departure_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  f.submit(f.shuffle(f.source(2), 4));
  f.run_stage(stage_id{0});
  f.ask_to_leave(0);
  f.move_all();
  REQUIRE(f.all<renew_inputs>().empty());
  f.lose(0);
  CHECK(f.all<renew_inputs>().size() == 1);
  CHECK(f.launched_partitions(stage_id{0}, 1).empty());
  f.run_until_idle();
  CHECK(f.finished(job_id{0}));
}
