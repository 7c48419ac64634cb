#include <salamander/scheduler/executor_queue.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace salamander::scheduler;

namespace {

struct order {
  std::uint64_t task = 0;
  std::uint32_t stage = 0;
  std::uint32_t stage_attempt = 0;
};
using queue = executor_queue<order, std::string>;
using answer = queue::answer;

} // namespace

TEST_CASE("attempts run in the order in which they were sent, with what their stage needs") {
  queue it;
  it.add_stage(3, 0, "first");
  it.add_stage(3, 1, "second");
  CHECK(it.add({1, 3, 0}) == answer::queued);
  CHECK(it.add({2, 3, 1}) == answer::queued);
  CHECK(it.waiting() == 2);
  const auto one = it.take();
  REQUIRE(one);
  CHECK(one->task.task == 1);
  CHECK(one->stage == "first");
  CHECK(it.take()->stage == "second");
  CHECK_FALSE(it.take());
  CHECK(it.running() == 2);
  CHECK(it.ended(1));
  CHECK(it.running() == 1);
}

TEST_CASE("an order that comes again is ignored while its attempt waits, runs or has just ended") {
  queue it;
  it.add_stage(3, 0, "stage");
  CHECK(it.add({1, 3, 0}) == answer::queued);
  CHECK(it.add({1, 3, 0}) == answer::duplicate);
  it.take();
  CHECK(it.add({1, 3, 0}) == answer::duplicate);
  it.ended(1);
  CHECK(it.add({1, 3, 0}) == answer::duplicate);
  CHECK(it.waiting() == 0);
  it.forget_stage(3);
  CHECK(it.add({1, 3, 0}) == answer::duplicate);
}

TEST_CASE("a cancelled order that comes again is ignored, too") {
  queue it;
  it.add_stage(3, 0, "stage");
  it.add({1, 3, 0});
  CHECK(it.cancel([](std::uint64_t) { return true; }).waiting.size() == 1);
  CHECK(it.add({1, 3, 0}) == answer::duplicate);
  CHECK(it.empty());
}

TEST_CASE("a task of a stage or stage attempt that is not known is refused once, and then for good") {
  queue it;
  CHECK(it.add({1, 3, 0}) == answer::unknown_stage);
  it.add_stage(3, 0, "stage");
  CHECK(it.add({1, 3, 0}) == answer::duplicate);
  CHECK(it.add({2, 3, 1}) == answer::unknown_stage);
  CHECK(it.add({3, 3, 0}) == answer::queued);
  it.forget_stage(3);
  CHECK(it.add({4, 3, 0}) == answer::unknown_stage);
}

TEST_CASE("tasks of a forgotten stage that wait keep what they need") {
  queue it;
  it.add_stage(3, 0, "kept");
  it.add_stage(3, 1, "second");
  it.add_stage(4, 0, "other");
  it.add({1, 3, 0});
  CHECK(it.forget_stage(3) == std::vector<std::string>{"kept", "second"});
  CHECK(it.take()->stage == "kept");
  CHECK(it.forget_stage(3).empty());
  CHECK(it.add({2, 4, 0}) == answer::queued);
}

TEST_CASE("a stage that is told again replaces what was known for later tasks") {
  queue it;
  CHECK_FALSE(it.add_stage(3, 0, "old"));
  it.add({1, 3, 0});
  CHECK(it.add_stage(3, 0, "new") == "old");
  it.add({2, 3, 0});
  CHECK(it.take()->stage == "old");
  CHECK(it.take()->stage == "new");
}

TEST_CASE("cancelling drops what waits and names what runs") {
  queue it;
  it.add_stage(3, 0, "stage");
  for (std::uint64_t task = 1; task <= 6; ++task)
    it.add({task, 3, 0});
  it.take();
  it.take();
  it.take();
  const auto dropped = it.cancel([](std::uint64_t task) { return task % 2 == 0 || task == 1; });
  REQUIRE(dropped.waiting.size() == 2);
  CHECK(dropped.waiting[0].task.task == 4);
  CHECK(dropped.waiting[1].task.task == 6);
  CHECK(dropped.running == std::vector<std::uint64_t>{1, 2});
  CHECK(it.waiting() == 1);
  CHECK(it.running() == 3);
  CHECK(it.take()->task.task == 5);
}

TEST_CASE("an attempt ends once") {
  queue it;
  it.add_stage(3, 0, "stage");
  it.add({1, 3, 0});
  CHECK_FALSE(it.ended(1));
  it.take();
  CHECK(it.ended(1));
  CHECK_FALSE(it.ended(1));
}

TEST_CASE("an order that comes again is ignored however it is out of order") {
  queue it;
  it.add_stage(3, 0, "stage");
  for (const std::uint64_t task : {100, 7, 65'000, 8, 1})
    CHECK(it.add({task, 3, 0}) == answer::queued);
  for (const std::uint64_t task : {1, 8, 65'000, 7, 100})
    CHECK(it.add({task, 3, 0}) == answer::duplicate);
  CHECK(it.add({2, 3, 0}) == answer::queued);
}

TEST_CASE("attempts long ago are remembered as long as they wait or run") {
  queue it;
  it.add_stage(3, 0, "stage");
  const std::uint64_t much_later = 10 + recent_numbers::window;
  for (const std::uint64_t task : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3}, much_later})
    it.add({task, 3, 0});
  it.take();
  it.take();
  it.ended(1);
  CHECK(it.add({2, 3, 0}) == answer::duplicate); // runs
  CHECK(it.add({3, 3, 0}) == answer::duplicate); // waits
  CHECK(it.add({much_later, 3, 0}) == answer::duplicate);
  CHECK(it.add({1, 3, 0}) == answer::queued); // nobody can tell any more
}

TEST_CASE("numbers far apart are told apart") {
  recent_numbers seen;
  using told = recent_numbers::answer;
  CHECK(seen.add(5) == told::fresh);
  CHECK(seen.add(5 + recent_numbers::window) == told::fresh); // the same place in the ring
  CHECK(seen.add(5) == told::too_old);
  CHECK(seen.add(6) == told::fresh);
  CHECK(seen.add(5 + 10 * recent_numbers::window) == told::fresh);
  CHECK(seen.add(6 + 9 * recent_numbers::window) == told::fresh);
  CHECK(seen.add(5 + 10 * recent_numbers::window) == told::seen);
}
