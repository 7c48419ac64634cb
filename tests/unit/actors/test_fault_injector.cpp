#include <salamander/actors/fault_injector.hpp>
#include <salamander/actors/fault_messages.hpp>
#include <salamander/actors/fault_signals.hpp>
#include <salamander/rdd/task_context.hpp>

#include <doctest/doctest.h>

#include <signal.h>

#include <condition_variable>
#include <mutex>
#include <vector>

namespace {

using namespace salamander;
using namespace salamander::actors;
using namespace salamander::testing;
using namespace std::chrono_literals;

core::armed_fault armed(std::uint64_t task, const fault& one, std::uint32_t place = 0) {
  return core::arm(task, place, one.spec(), 5);
}

/// Signals as they are sent, and a way to wait for them.
struct signal_log {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<int> sent;

  void add(int number) {
    {
      const std::lock_guard lock(mutex);
      sent.push_back(number);
    }
    changed.notify_all();
  }
  void wait_for(std::size_t count) {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, 30s, [&] { return sent.size() >= count; }));
  }
};

} // namespace

TEST_CASE("faults wait for their task and are handed out once") {
  fault_injector injector;
  injector.add({armed(1, throw_task(), 0), armed(2, delay_task(1ms), 1), armed(1, fail_write(), 2)});
  CHECK_FALSE(injector.take(3));
  const auto one = injector.take(1);
  REQUIRE(one);
  CHECK_FALSE(injector.take(1));
  CHECK_THROWS_AS(one->start(), injected_fault);
  CHECK(one->write() != 0);
  injector.done(*one);
  CHECK(injector.take_notes(1).size() == 1);
  CHECK(injector.take_notes(10).size() == 1);
  CHECK(injector.take_notes(10).empty());
}

TEST_CASE("faults of tasks that never begin are forgotten in time") {
  fault_injector injector;
  for (std::uint64_t task = 1; task <= fault_injector::waiting_max + 1; ++task)
    injector.add({armed(task, throw_task())});
  CHECK_FALSE(injector.take(1));
  CHECK(injector.take(2));
}

TEST_CASE("a corrupted block counts when a bit was really flipped") {
  core::task_faults faults({armed(1, corrupt_block(blocks::shuffle).read(2))});
  const auto near = storage::block_id::shuffle(0, 0, 0);
  const auto far = storage::block_id::shuffle(0, 1, 0);
  const auto other = storage::block_id::shuffle(0, 2, 0);
  {
    block_faults reading(faults, nullptr);
    CHECK_FALSE(reading.loses(near));
    CHECK_FALSE(reading.spoiler(far));
    auto* const spoiler = reading.spoiler(other);
    REQUIRE(spoiler);
    CHECK(spoiler->times == 1);
    CHECK_FALSE(reading.spoiler(storage::block_id::source(0, 0))); // the driver's data is no block of a fault
    spoiler->done = 1;
  }
  const auto notes = faults.take_notes();
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].detail == "flipped a bit of " + other.text() + " on its way");

  core::task_faults unlucky({armed(1, corrupt_block())});
  {
    block_faults reading(unlucky, nullptr);
    CHECK(reading.spoiler(far));
  }
  CHECK(unlucky.take_notes().empty());
}

TEST_CASE("a task that is held up notices that it was cancelled") {
  const std::atomic<bool> cancelled{true};
  CHECK_THROWS_AS(hold_up(1h, &cancelled), core::task_cancelled);
  CHECK_NOTHROW(hold_up(0ms, nullptr));
}

TEST_CASE("a message may be lost, sent twice or held back") {
  std::vector<std::string> seen;
  fault_messages messages(fault_plan()
                              .with(drop_message(direction::to_executor).executor(0).nth(1))
                              .with(repeat_message(direction::to_executor).executor(1).nth(1))
                              .with(delay_message(40ms, direction::from_executor).executor(1).nth(2)),
                          [&](std::uint32_t, std::uint32_t, const std::string& detail) { seen.push_back(detail); });
  const auto now = fault_messages::clock::now();
  const auto* const order = "salamander.numbered_order";
  const auto* const report = "salamander.numbered_report";
  CHECK_FALSE(messages.pass(0, direction::to_executor, "salamander.heartbeat_seen", now).lost);
  CHECK(messages.pass(0, direction::to_executor, order, now).lost);
  CHECK_FALSE(messages.pass(0, direction::to_executor, order, now).lost);
  CHECK(messages.pass(1, direction::to_executor, order, now).twice);
  CHECK(messages.pass(1, direction::from_executor, report, now).delay == 0ms);
  CHECK(messages.pass(1, direction::from_executor, "salamander.heartbeat", now).delay == 0ms);
  CHECK(messages.pass(1, direction::from_executor, report, now).delay == 40ms);
  CHECK(seen == std::vector<std::string>{"numbered_order to executor 0 was lost", "numbered_order to executor 1 was sent twice",
                                         "numbered_report from executor 1 was held back"});
}

TEST_CASE("a longer cut is not shortened by a shorter one") {
  fault_messages messages(fault_plan(), [](std::uint32_t, std::uint32_t, const std::string&) {});
  const auto now = fault_messages::clock::now();
  messages.cut(0, direction::both, now + 10s);
  messages.cut(0, direction::to_executor, now + 1s);
  CHECK(messages.pass(0, direction::to_executor, "m", now + 5s).lost);
  CHECK(messages.pass(0, direction::from_executor, "m", now + 5s).lost);
  CHECK_FALSE(messages.pass(0, direction::to_executor, "m", now + 10s).lost);
}

TEST_CASE("a stopped process goes on after its time") {
  signal_log log;
  fault_signals signals([&](std::uint32_t executor, int number) {
    CHECK(executor == 4);
    log.add(number);
  });
  signals.stop(4, 1ms);
  log.wait_for(2);
  signals.end();
  CHECK(log.sent == std::vector<int>{SIGSTOP, SIGCONT});
  signals.stop(4, 1ms); // too late
  CHECK(log.sent.size() == 2);
}

TEST_CASE("a slow process is stopped and continued in turns, and runs in the end") {
  signal_log log;
  fault_signals signals([&](std::uint32_t, int number) { log.add(number); });
  signals.slow(0, 40, 1h);
  log.wait_for(6);
  signals.end();
  for (std::size_t i = 0; i < log.sent.size(); ++i)
    CHECK(log.sent[i] == (i % 2 == 0 ? SIGSTOP : SIGCONT));
  CHECK(log.sent.back() == SIGCONT);
}
