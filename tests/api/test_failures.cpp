// Where failures of the user's functions are said to be, wherever they run, and how tasks that take too much end.
#include "fixture.hpp"

#include <chrono>
#include <new>
#include <thread>

namespace {

/// The code is kept or made, and the text begins its tale with operation and call site.
template <class F>
void fails_at(sal::errc code, const std::string& place, const std::string& what, F&& f) {
  std::string text;
  const auto got = code_of(f, &text);
  CAPTURE(text);
  CHECK(sal::to_string(got) == sal::to_string(code));
  CHECK(text.find(place + " at test_failures.cpp:") != std::string::npos);
  CHECK(text.find(what) != std::string::npos);
}

std::int64_t refuse(std::int64_t) {
  throw sal::error(sal::errc::invalid_argument, "not this one");
}

} // namespace

TEST_CASE_FIXTURE(api, "a function that fails on the driver is told with its operation and call site") {
  // One record in each partition: only the driver has two of them to bring together. (Tasks compare a record with itself.)
  const auto nums = sc.range(0, 4, 1, 4);
  const auto fails = [](std::int64_t, std::int64_t) -> std::int64_t { throw std::range_error("no sums"); };
  const auto order = [](std::int64_t a, std::int64_t b) {
    if (a != b)
      throw std::range_error("no order");
    return false;
  };
  const std::string sums = "merging the results of partitions on the driver: std::range_error: no sums";
  fails_at(sal::errc::task_failed, "reduce", sums, [&] { nums.reduce(fails); });
  fails_at(sal::errc::task_failed, "aggregate", sums, [&] {
    nums.aggregate(
        std::int64_t{0}, [](std::int64_t a, std::int64_t b) { return a + b; }, fails);
  });
  const auto second = [](std::int64_t a, std::int64_t b) -> std::int64_t {
    if (a + b > 3)
      throw std::range_error("no sums");
    return a + b;
  };
  fails_at(sal::errc::task_failed, "fold", sums, [&] { nums.fold(0, second); });
  fails_at(sal::errc::task_failed, "take_ordered", "merging the results of partitions on the driver: std::range_error: no order",
           [&] { nums.take_ordered(2, order); });
  fails_at(sal::errc::task_failed, "sort_by_key", "ordering a sample of the keys on the driver: std::range_error: no order",
           [&] { nums.key_by([](std::int64_t x) { return x; }).sort_by_key(order); });
  fails_at(sal::errc::invalid_argument, "reduce", "not this one",
           [&] { nums.reduce([](std::int64_t a, std::int64_t) { return refuse(a); }); });
  fails_at(sal::errc::out_of_memory, "reduce", "std::bad_alloc",
           [&] { nums.reduce([](std::int64_t, std::int64_t) -> std::int64_t { throw std::bad_alloc(); }); });
  fails_at(sal::errc::task_failed, "reduce", "an exception of type int",
           [&] { nums.reduce([](std::int64_t, std::int64_t) -> std::int64_t { throw 7; }); });
}

TEST_CASE_FIXTURE(api, "an error of ours that a user's function throws keeps its code and gets a place") {
  const auto nums = sc.range(0, 40, 1, 2);
  fails_at(sal::errc::invalid_argument, "map", ", record 0: not this one",
           [&] { nums.map([](std::int64_t x) { return refuse(x); }).count(); });
  fails_at(sal::errc::invalid_argument, "filter", ", record 3: not this one",
           [&] { nums.filter([](std::int64_t x) { return x == 23 ? refuse(x) == 0 : true; }).count(); });
  fails_at(sal::errc::invalid_argument, "flat_map", ", record 0: not this one",
           [&] { nums.flat_map([](std::int64_t x) { return std::vector{refuse(x)}; }).count(); });
  fails_at(sal::errc::invalid_argument, "map_partitions", ", record 2: not this one", [&] {
    nums.map_partitions([](auto records) {
          std::int64_t sum = 0;
          for (const auto x : records)
            sum += x == 2 ? refuse(x) : x;
          return std::vector{sum};
        })
        .count();
  });
  fails_at(sal::errc::invalid_argument, "foreach", ", record 0: not this one", [&] { nums.foreach ([](std::int64_t x) { refuse(x); }); });
  const auto pairs = nums.map([](std::int64_t x) { return std::pair{x % 5, x}; });
  fails_at(sal::errc::invalid_argument, "reduce_by_key", "record 5: not this one",
           [&] { pairs.reduce_by_key([](std::int64_t a, std::int64_t) { return refuse(a); }).count(); });
  fails_at(sal::errc::invalid_argument, "partition_by", "not this one",
           [&] { pairs.partition_by(2, [](std::int64_t key) { return key == 3 ? refuse(key) : 0; }).count(); });
  fails_at(sal::errc::invalid_argument, "partition_by", "a partition function returned 2",
           [&] { pairs.partition_by(2, [](std::int64_t) { return 2; }).count(); });
  fails_at(sal::errc::task_failed, "partition_by", "std::logic_error: a mere exception",
           [&] { pairs.partition_by(2, [](std::int64_t) -> int { throw std::logic_error("a mere exception"); }).count(); });
}

TEST_CASE_FIXTURE(api, "memory that a user's function cannot have is told with the place and what the process holds") {
  std::string text;
  const auto code = code_of(
      [&] {
        sc.range(0, 40, 1, 2)
            .map([](std::int64_t x) {
              if (x == 25)
                throw std::bad_alloc();
              return x;
            })
            .count();
      },
      &text);
  CAPTURE(text);
  CHECK(code == sal::errc::out_of_memory);
  CHECK(text.find("map at test_failures.cpp:") != std::string::npos);
  CHECK(text.find("partition 1, record 5: the process could get no more memory (std::bad_alloc)") != std::string::npos);
  CHECK(text.find("the process holds ") != std::string::npos);
  CHECK(text.find("its budget is ") != std::string::npos);
}

TEST_CASE("a task that runs longer than it may is stopped and fails its job") {
  sal::context sc{sal::config{}.set_app_name("api tests").set("salamander.task.timeout", "100ms").set("salamander.log.level", "off")};
  const auto slow = sc.range(0, 20'000, 1, 2).map([](std::int64_t x) {
    if (x >= 10'000)
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    return x;
  });
  fails_at(sal::errc::task_timeout, "map", "salamander.task.timeout, which is 0.1 s", [&] { slow.count(); });
  CHECK(sc.range(0, 100, 1, 4).count() == 100);
}
