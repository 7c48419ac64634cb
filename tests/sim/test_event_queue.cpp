#include "event_queue.hpp"
#include "random.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace salamander::sim;
using std::chrono::milliseconds;

namespace {

struct fixture {
  event_queue queue;
  std::string seen;

  void ask(milliseconds delay, event_queue::process whose, char name) {
    queue.after(delay, whose, [this, name] { seen += name; });
  }
  void run_for(milliseconds time) {
    const auto until = queue.now() + time;
    while (queue.step(until)) {
    }
  }
};

} // namespace

TEST_CASE("events happen in the order of time, and at the same time in the order of asking") {
  fixture world;
  world.ask(milliseconds(3), event_queue::world, 'c');
  world.ask(milliseconds(1), event_queue::world, 'a');
  world.ask(milliseconds(3), event_queue::world, 'd');
  world.ask(milliseconds(2), event_queue::world, 'b');
  world.run_for(milliseconds(2));
  CHECK(world.seen == "ab");
  CHECK(world.queue.now() == beginning + milliseconds(2));
  world.run_for(milliseconds(10));
  CHECK(world.seen == "abcd");
  CHECK(world.queue.now() == beginning + milliseconds(12));
}

TEST_CASE("what a stopped process would have done happens when it goes on, in its old order") {
  fixture world;
  const auto process = world.queue.start();
  world.ask(milliseconds(1), process, 'a');
  world.ask(milliseconds(2), process, 'b');
  world.ask(milliseconds(3), event_queue::world, 'x');
  world.queue.stop(process);
  world.run_for(milliseconds(5));
  CHECK(world.seen == "x");
  CHECK(world.queue.waiting_for(process) == 2);
  world.queue.resume(process);
  world.ask(milliseconds(0), process, 'c');
  world.run_for(milliseconds(0));
  CHECK(world.seen == "xabc");
}

TEST_CASE("what a process that has ended would have done never happens") {
  fixture world;
  const auto process = world.queue.start();
  world.ask(milliseconds(1), process, 'a');
  world.queue.stop(process);
  world.run_for(milliseconds(2));
  world.queue.end(process);
  world.queue.resume(process);
  world.ask(milliseconds(1), process, 'b');
  world.run_for(milliseconds(5));
  CHECK(world.seen.empty());
  CHECK(world.queue.waiting_for(process) == 0);
}

TEST_CASE("streams of one seed are the same every time and have nothing to do with each other") {
  random_stream one(7, 1);
  random_stream again(7, 1);
  random_stream other(7, 2);
  int same = 0;
  for (int i = 0; i < 100; ++i) {
    const auto number = one.next();
    CHECK(number == again.next());
    same += number == other.next() ? 1 : 0;
  }
  CHECK(same == 0);
}
