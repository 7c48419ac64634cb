// What tasks add up: each partition once, whatever happens to the tasks.
#include "fixture.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <limits>

namespace {

using counts = std::map<std::string, std::int64_t>;

/// A user's type with a merge function of its own.
struct range_seen {
  std::int64_t low = std::numeric_limits<std::int64_t>::max();
  std::int64_t high = std::numeric_limits<std::int64_t>::min();
};
struct widening {
  void operator()(range_seen& into, std::int64_t value) const {
    into.low = std::min(into.low, value);
    into.high = std::max(into.high, value);
  }
  void operator()(range_seen& into, const range_seen& other) const {
    into.low = std::min(into.low, other.low);
    into.high = std::max(into.high, other.high);
  }
};

/// True once, over all processes.
bool first_caller(const std::string& mark) {
  const int file = ::open(mark.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file >= 0)
    ::close(file);
  return file >= 0;
}

} // namespace

TEST_CASE_FIXTURE(api, "an accumulator adds up what tasks add to it") {
  const auto sum = sc.accumulator<std::int64_t>(0, "numbers");
  static_assert(std::is_trivially_copyable_v<std::decay_t<decltype(sum)>>);
  sc.range(1, 11, 1, 10).foreach ([sum](std::int64_t x) { sum += x; });
  CHECK(sum.value() == 55);
  sum += 5;
  CHECK(sum.value() == 60);
  sum.reset();
  CHECK(sum.value() == 0);
  sc.range(0, 1000, 1, 7)
      .map([sum](std::int64_t x) {
        sum.add(1);
        return x;
      })
      .count();
  CHECK(sum.value() == 1000);
}

TEST_CASE_FIXTURE(api, "accumulators take the largest, collect, count by key, and merge types of the user") {
  const auto largest = sc.accumulator(std::numeric_limits<int>::min(), sal::maximum{});
  const auto smallest = sc.accumulator(std::numeric_limits<int>::max(), sal::minimum{});
  const auto odd = sc.accumulator(std::set<int>{});
  const auto all = sc.accumulator(std::vector<int>{});
  const auto by_key = sc.accumulator(counts{});
  const auto text = sc.accumulator(std::string("digits: "));
  const auto seen = sc.accumulator(range_seen{}, widening{});
  const auto product = sc.accumulator(std::int64_t{1}, [](std::int64_t a, std::int64_t b) { return a * b; });
  sc.parallelize({-5, -3, -4, -9}, 3).foreach ([=](int x) {
    largest += x;
    smallest += x;
    if (x % 2 != 0)
      odd += x;
    all.add(x);
    by_key.add(std::pair{x % 2 == 0 ? "even" : "odd", 1});
    text += std::to_string(-x);
    seen += x;
    product += x;
  });
  CHECK(largest.value() == -3);
  CHECK(smallest.value() == -9);
  CHECK(odd.value() == std::set<int>{-5, -3, -9});
  CHECK(sorted(all.value()) == std::vector<int>{-9, -5, -4, -3});
  CHECK(by_key.value() == counts{{"even", 1}, {"odd", 3}});
  CHECK(text.value().size() == 12);
  CHECK(seen.value().low == -9);
  CHECK(seen.value().high == -3);
  CHECK(product.value() == 540);
}

TEST_CASE_FIXTURE(api, "named accumulators are listed with their values") {
  const auto lines = sc.accumulator(0, "lines");
  const auto nameless = sc.accumulator(0);
  const auto words = sc.accumulator(std::set<std::string>{}, "words");
  nameless += 1;
  sc.range(0, 3, 1, 3).foreach ([lines, words](std::int64_t x) {
    lines += 2;
    words += x == 0 ? "a" : "b";
  });
  const auto named = sc.named_accumulators();
  REQUIRE(named.size() == 2);
  CHECK(named[0].name == "lines");
  CHECK(named[0].id == lines.id());
  CHECK(named[0].value == "6");
  CHECK(named[1].name == "words");
  CHECK(named[1].value == "[a, b]");
}

TEST_CASE_FIXTURE(api, "attempts that fail count nothing") {
  const scratch marks;
  const auto sum = sc.accumulator(0);
  const auto fails_once = sal::bind_front(
      [sum](const std::string& mark, std::int64_t x) {
        sum += 1;
        if (x == 7 && first_caller(mark))
          throw std::runtime_error("the first time");
        return x;
      },
      marks / "once");
  const bool retries = sc.executors().size() > 1; // local masters run each task once
  if (retries) {
    CHECK(sc.range(0, 10, 1, 2).map(fails_once).count() == 10);
    CHECK(sum.value() == 10);
    CHECK(sc.last_job().tasks_failed == 1);
  } else {
    CHECK(code_of([&] { sc.range(0, 10, 1, 1).map(fails_once).count(); }) == sal::errc::task_failed);
    CHECK(sum.value() == 0);
  }
}

TEST_CASE_FIXTURE(api, "the map side of a shuffle counts once, however many jobs read it") {
  const auto seen = sc.accumulator(0);
  const auto sums = sc.range(0, 100, 1, 4)
                        .map([seen](std::int64_t x) {
                          seen += 1;
                          return std::pair{x % 3, x};
                        })
                        .reduce_by_key(std::plus<>{}, 3);
  CHECK(sums.count() == 3);
  CHECK(sums.collect().size() == 3);
  CHECK(seen.value() == 100);
  // what is not kept is computed by each job, and counted for each
  const auto plain = sc.range(0, 10, 1, 2).map([seen](std::int64_t x) {
    seen += 1;
    return x;
  });
  seen.reset();
  plain.count();
  plain.count();
  CHECK(seen.value() == 20);
}

TEST_CASE_FIXTURE(api, "a cached partition counts when it is computed first, and not when it is computed again") {
  const auto seen = sc.accumulator(0);
  const auto kept = sc.range(0, 100, 1, 4)
                        .map([seen](std::int64_t x) {
                          seen += 1;
                          return x;
                        })
                        .cache();
  CHECK(kept.take(1).size() == 1);
  CHECK(seen.value() == 25);
  CHECK(kept.count() == 100);
  CHECK(kept.map([](std::int64_t x) {
              return std::pair{x, x};
            })
            .join(kept.map([](std::int64_t x) {
              return std::pair{x, 1};
            }))
            .count() == 100);
  CHECK(seen.value() == 100);
  kept.unpersist(true);
  kept.cache();
  CHECK(kept.count() == 100);
  CHECK(seen.value() == 100);
}

TEST_CASE_FIXTURE(api, "a side of cartesian that is computed again and again counts once a task") {
  const auto seen = sc.accumulator(0);
  const auto large = sc.range(0, 2, 1, 1).flat_map([seen](std::int64_t) {
    seen += 1;
    return std::vector<std::string>(700, std::string(60000, 'x'));
  });
  CHECK(sc.parallelize({1, 2, 3}, 1).cartesian(large).count() == 4200);
  CHECK(seen.value() == 2);
  seen.reset();
  const auto small = sc.range(0, 5, 1, 1).map([seen](std::int64_t x) {
    seen += 1;
    return x;
  });
  CHECK(sc.parallelize({1, 2, 3}, 1).cartesian(small).count() == 15);
  CHECK(seen.value() == 5);
}

TEST_CASE_FIXTURE(api, "an exception in a merge function fails the job that brought the value, and nothing else") {
  const auto strict = sc.accumulator(
      0,
      [](int a, int b) {
        if (a != 0 && b != 0)
          throw std::range_error("two of them");
        return a + b;
      },
      "strict");
  const auto numbers = sc.range(0, 4, 1, 4);
  std::string text;
  CHECK(code_of([&] { numbers.foreach ([strict](std::int64_t) { strict += 1; }); }, &text) == sal::errc::task_failed);
  CAPTURE(text);
  CHECK(text.find("accumulator strict made at test_accumulator.cpp:") != std::string::npos);
  CHECK(text.find("two of them") != std::string::npos);
  CHECK(code_of([&] {
          numbers
              .map([strict](std::int64_t x) {
                strict += 1;
                return std::pair{x, x};
              })
              .group_by_key()
              .count();
        }) == sal::errc::task_failed);
  CHECK(code_of([&] {
          numbers
              .map([strict](std::int64_t x) {
                strict += 1;
                return x;
              })
              .cache()
              .count();
        }) == sal::errc::task_failed);
  CHECK(numbers.count() == 4);
}

TEST_CASE_FIXTURE(api, "an accumulator is read on the driver only, and not after its context") {
  const auto sum = sc.accumulator(1);
  std::string text;
  CHECK(code_of([&] { sc.range(0, 1, 1, 1).map([sum](std::int64_t) { return sum.value(); }).count(); }, &text) == sal::errc::nested_use);
  CHECK(text.find("value() of an accumulator at test_accumulator.cpp:") != std::string::npos);
  CHECK(code_of([&] { sc.range(0, 1, 1, 1).foreach ([sum](std::int64_t) { sum.reset(); }); }) == sal::errc::nested_use);
  sc.stop();
  CHECK(code_of([&] { static_cast<void>(sum.value()); }) == sal::errc::context_stopped);
  CHECK(code_of([&] { sc.accumulator(0); }) == sal::errc::context_stopped);
}

TEST_CASE_FIXTURE(api, "what a task may add is limited, and said so") {
  const auto heap = sc.accumulator(std::vector<std::int64_t>{});
  const auto all = sc.range(0, 100000, 1, 1);
  std::string text;
  CHECK(code_of([&] { all.foreach ([heap](std::int64_t x) { heap += x; }); }, &text) == sal::errc::result_too_large);
  CHECK(text.find("use more partitions") != std::string::npos);
  CHECK(heap.value().empty());
  sc.range(0, 20000, 1, 1).foreach ([heap](std::int64_t x) { heap += x; });
  CHECK(heap.value().size() == 20000);
}
