// What a program does wrong is told at the earliest moment, with operation, place and advice.
#include "fixture.hpp"

namespace {

/// The text of the error of this code that f throws.
template <class F>
std::string refused(sal::errc code, F&& f) {
  std::string text;
  CHECK(code_of(f, &text) == code);
  return text;
}

bool has(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  CHECK_MESSAGE(found, text << "\n  does not have: " << part);
  return found;
}

const sal::rdd<std::int64_t>* other_dataset = nullptr;

} // namespace

TEST_CASE("a dataset used inside another's function is told with operation and place") {
  // What a function reaches through a global exists on the driver only, so this one can only run there.
  sal::context sc{sal::config{}.set_master("local[2]")};
  const auto other = sc.range(0, 3);
  other_dataset = &other;
  const auto text = refused(sal::errc::nested_use, [&] {
    sc.range(0, 4, 1, 2).map([](std::int64_t x) { return x * static_cast<std::int64_t>(other_dataset->count()); }).collect();
  });
  has(text, "map at ");
  has(text, "count at ");
  has(text, "test_misuse.cpp");
  has(text, "collect the other dataset first");
  const auto defined = refused(sal::errc::nested_use, [&] {
    sc.range(0, 4, 1, 2).foreach ([](std::int64_t) { other_dataset->map([](std::int64_t x) { return x; }); });
  });
  has(defined, "was called inside a function that runs in a task");
  sc.stop(); // a task of a job that has failed may still be at it
  other_dataset = nullptr;
}

TEST_CASE_FIXTURE(api, "a context created inside a task is refused") {
  const auto text = refused(sal::errc::nested_use, [&] { sc.range(0, 2).foreach ([](std::int64_t) { sal::context inner; }); });
  has(text, "contexts exist on the driver only");
}

TEST_CASE("what is left of a stopped context tells where it began and ended, and which runs now") {
  std::optional<sal::context> first(std::in_place);
  const auto data = first->range(0, 3);
  first->stop();
  const auto text = refused(sal::errc::context_stopped, [&] { data.count(); });
  has(text, "count at ");
  has(text, "was called on a stopped context; it was created at ");
  has(text, "and stopped at ");
  CHECK(text.find("active now") == std::string::npos);
  first.reset();
  const sal::context second;
  const auto later = refused(sal::errc::context_stopped, [&] { data.map([](std::int64_t x) { return x; }); });
  has(later, "and stopped at ");
  has(later, "; the one that is active now was created at ");
}

TEST_CASE_FIXTURE(api, "numbers of partitions that make no sense are refused") {
  const auto data = sc.range(0, 4);
  for (const auto& text : {refused(sal::errc::invalid_argument, [&] { sc.parallelize(std::vector<int>{1}, 0); }),
                           refused(sal::errc::invalid_argument, [&] { sc.parallelize(std::vector<int>{1}, -1); }),
                           refused(sal::errc::invalid_argument, [&] { sc.range(0, 4, 1, 0); })})
    has(text, "positive number of partitions required");
  has(refused(sal::errc::invalid_argument, [&] { data.repartition(0); }), "number of partitions (0) must be positive");
  has(refused(sal::errc::invalid_argument, [&] { data.coalesce(0); }), "number of partitions (0) must be positive");
  has(refused(sal::errc::invalid_argument, [&] { data.distinct(-3); }), "number of partitions (-3)");
}

TEST_CASE_FIXTURE(api, "zip refuses other numbers of partitions now and other lengths in the job") {
  const auto data = sc.range(0, 10, 1, 2);
  has(refused(sal::errc::invalid_argument, [&] { data.zip(sc.range(0, 10, 1, 3)); }), "zip at ");
  has(refused(sal::errc::invalid_argument, [&] { data.zip(sc.range(0, 11, 1, 2)).count(); }),
      "Can only zip RDDs with same number of elements in each partition");
}

TEST_CASE("results that are larger than the driver takes end the job with advice") {
  sal::context sc{sal::config{}.set("salamander.driver.maxResultSize", "1m")};
  const auto large = sc.range(0, 64, 1, 8).map([](std::int64_t) { return std::string(100'000, 'x'); });
  const auto text = refused(sal::errc::result_too_large, [&] { large.collect(); });
  has(text, "salamander.driver.maxResultSize");
  CHECK(large.count() == 64);
  CHECK(large.map([](const std::string& s) { return s.size(); }).collect().size() == 64);
}

TEST_CASE_FIXTURE(api, "datasets of two contexts cannot meet, and a partition has to exist") {
  const auto data = sc.range(0, 4, 1, 2);
  has(refused(sal::errc::invalid_argument,
              [&] { sc.run_job(data, [](auto records) { return std::distance(records.begin(), records.end()); }, {2}); }),
      "Attempting to access a non-existent partition: 2. Total number of partitions: 2");
  has(refused(sal::errc::invalid_argument, [&] { sal::context another; }), "only one may run in a process");
}
