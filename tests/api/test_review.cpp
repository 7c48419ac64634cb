#include "fixture.hpp"

TEST_CASE_FIXTURE(api, "a function may carry megabytes of bound values on every master") {
  const std::vector<double> weights(1U << 19, 0.5); // 4 MiB, more than a control message
  const auto weighed =
      sc.range(0, 100, 1, 4)
          .map(sal::bind_front([](const std::vector<double>& all, std::int64_t x) { return all[static_cast<std::size_t>(x)]; }, weights));
  CHECK(weighed.sum() == doctest::Approx(50));
}

TEST_CASE_FIXTURE(api, "a zero value may be larger than a control message") {
  const std::string zero(4U << 20, 'z');
  const auto longest = [](std::string a, const std::string& b) { return a.size() >= b.size() ? std::move(a) : b; };
  CHECK(sc.parallelize(std::vector<std::string>{"a", "b"}, 2).fold(zero, longest) == zero);
}

TEST_CASE_FIXTURE(api, "datasets of a stopped context cannot be combined with those of its successor") {
  const auto old = sc.parallelize(std::vector{1, 2, 3, 4}, 2);
  sc.stop();
  sal::context next;
  const auto fresh = next.parallelize(std::vector{100, 200, 300, 400}, 2);
  CHECK(code_of([&] { fresh.union_with(old).collect(); }) != sal::errc::internal);
  CHECK(code_of([&] { next.union_of<int>({fresh, old}).collect(); }) != sal::errc::internal);
}

TEST_CASE_FIXTURE(api, "a negative number of partitions is refused by every operation that takes one") {
  const auto nums = sc.range(0, 10, 1, 2);
  const int negative = -1;
  CHECK(code_of([&] { nums.repartition(negative); }) == sal::errc::invalid_argument);
  CHECK(code_of([&] { nums.coalesce(negative, true); }) == sal::errc::invalid_argument);
  CHECK(code_of([&] { nums.distinct(negative); }) == sal::errc::invalid_argument);
}

TEST_CASE_FIXTURE(api, "an exception with megabytes of text fails its job and nothing else") {
  const auto loud = sc.range(0, 10, 1, 2).map([](std::int64_t x) {
    if (x == 7)
      throw std::runtime_error(std::string(std::size_t{4} << 20, 'x'));
    return x;
  });
  CHECK(code_of([&] { loud.count(); }) == sal::errc::task_failed);
  CHECK(sc.range(10).count() == 10);
}
