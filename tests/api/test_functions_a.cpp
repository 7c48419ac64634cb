#include "fixture.hpp"

#include "two_files.hpp"

// test_functions_b.cpp has a function of the same name with lambdas of the same shape: their mangled names are equal.
namespace {

sal::rdd<int> job(const sal::rdd<int>& in) {
  return in.map([](int x) { return x + 1; });
}

} // namespace

sal::rdd<int> job_a(const sal::rdd<int>& in) {
  return job(in);
}

TEST_CASE_FIXTURE(api, "lambdas of two files with equal names are told apart") {
  const auto one = sc.parallelize({1}, 1);
  CHECK(job_a(one).collect() == std::vector{2});
  CHECK(job_b(one).collect() == std::vector{10});
}

TEST_CASE_FIXTURE(api, "captured numbers travel, larger values go through bind_front") {
  const int offset = 5;
  const double factor = 0.5;
  const auto nums = sc.parallelize({1, 2, 3}, 2);
  CHECK(nums.map([offset, factor](int x) { return factor * (x + offset); }).collect() == std::vector{3.0, 3.5, 4.0});
  const std::string prefix = "a prefix that does not fit into the string itself: ";
  const std::vector<double> weights{1, 2, 3};
  const auto text = nums.map(sal::bind_front(
      [](const std::string& before, const std::vector<double>& w, int x) { return before + std::to_string(w[x - 1]); }, prefix, weights));
  CHECK(text.first() == prefix + std::to_string(1.0));
  CHECK(nums.filter(sal::bind_front([](const std::set<int>& wanted, int x) { return wanted.contains(x); }, std::set{2, 3})).count() == 2);
}

TEST_CASE_FIXTURE(api, "a captured pointer is refused where the function is given") {
  const auto nums = sc.parallelize({1, 2, 3}, 2);
  int local = 3;
  const int* pointer = &local;
  std::string text;
  CHECK(code_of([&] { nums.map([pointer](int x) { return x + *pointer; }); }, &text) == sal::errc::closure_refused);
  CHECK(text.find("stack") != std::string::npos);
  CHECK(text.find("test_functions_a.cpp:") != std::string::npos);
  const auto held = std::make_unique<int>(4);
  const int* heap = held.get();
  CHECK(code_of([&] { nums.filter([heap](int x) { return x < *heap; }); }, &text) == sal::errc::closure_refused);
  CHECK(text.find("filter") != std::string::npos);
  const char* literal = "abc";
  CHECK(code_of([&] { nums.map([literal](int) { return literal[0]; }); }, &text) == sal::errc::closure_refused);
  CHECK(text.find("literal") != std::string::npos);
}

TEST_CASE_FIXTURE(api, "a throwing function is reported with operation, place, partition, record and text") {
  const auto failing = sc.range(0, 100, 1, 4).map([](std::int64_t x) {
    if (x == 61)
      throw std::invalid_argument("sixty-one is not welcome");
    return x;
  });
  std::string text;
  CHECK(code_of([&] { failing.count(); }, &text) == sal::errc::task_failed);
  CHECK(text.find("map at test_functions_a.cpp:") != std::string::npos);
  CHECK(text.find("partition 2") != std::string::npos);
  CHECK(text.find("record 11") != std::string::npos);
  CHECK(text.find("std::invalid_argument") != std::string::npos);
  CHECK(text.find("sixty-one is not welcome") != std::string::npos);
  CHECK(sc.range(0, 10).count() == 10);
}

TEST_CASE_FIXTURE(api, "failures in every kind of function are described") {
  const auto nums = sc.range(0, 10, 1, 2);
  std::string text;
  const auto fails = [&](auto&& action, const char* operation) {
    CHECK(code_of(action, &text) == sal::errc::task_failed);
    CAPTURE(text);
    CHECK(text.find(operation) != std::string::npos);
    CHECK(text.find("boom") != std::string::npos);
  };
  const auto boom = [](std::int64_t x) -> std::int64_t { throw std::runtime_error("boom " + std::to_string(x)); };
  fails([&] { nums.foreach (boom); }, "foreach at");
  fails([&] { nums.filter([](std::int64_t) -> bool { throw std::runtime_error("boom"); }).count(); }, "filter at");
  fails([&] { nums.flat_map([](std::int64_t) -> std::vector<int> { throw std::runtime_error("boom"); }).count(); }, "flat_map at");
  fails([&] { nums.map_partitions([](auto) -> std::vector<int> { throw std::runtime_error("boom"); }).count(); }, "map_partitions at");
  fails([&] { nums.reduce([](std::int64_t, std::int64_t) -> std::int64_t { throw std::runtime_error("boom"); }); }, "reduce at");
  const auto pairs = nums.map([](std::int64_t x) { return std::pair{x % 2, x}; });
  fails([&] { pairs.reduce_by_key([](std::int64_t, std::int64_t) -> std::int64_t { throw std::runtime_error("boom"); }).count(); },
        "reduce_by_key at");
  fails([&] { pairs.map_values(boom).count(); }, "map_values at");
  CHECK(nums.count() == 10);
}

TEST_CASE_FIXTURE(api, "using a dataset inside a task is refused") {
  const auto nums = sc.parallelize({1, 2}, 1);
  // A pointer to the dataset would be refused already; a global is not seen by the scan, so the task itself has to notice.
  static const sal::rdd<int>* global = nullptr;
  global = &nums;
  std::string text;
  const auto nested = nums.map([](int x) { return global ? static_cast<int>(global->count()) + x : 0; });
  if (sc.settings().get("salamander.master").starts_with("local["))
    CHECK(code_of([&] { nested.collect(); }, &text) == sal::errc::nested_use);
  global = nullptr;
}
