#include "fixture.hpp"

#include <limits>
#include <thread>

using namespace std::chrono_literals;

namespace {

constexpr auto long_enough = 300s;

/// Partition 0 is not done before somebody cancels its job; the others are done at once.
sal::rdd<std::int64_t> with_one_slow_partition(sal::context& sc) {
  return sc.range(0, 1'000'000, 1, 4).map([](std::int64_t x) {
    if (x < 250'000)
      std::this_thread::sleep_for(50us);
    return x;
  });
}

/// Asks for more and more time until something is known. The job is cancelled then.
template <class Ask>
auto first_bounds(Ask&& ask) {
  for (auto timeout = 20ms;; timeout *= 2) {
    auto result = ask(timeout);
    result.cancel();
    if (result.value().confidence > 0)
      return result;
  }
}

} // namespace

TEST_CASE_FIXTURE(api, "approximate actions that end in time give the exact result") {
  const auto data = sc.range(0, 1000, 1, 7);
  auto count = data.count_approx(long_enough);
  CHECK(count.is_final());
  CHECK(count.value() == sal::bounded_double{1000, 1, 1000, 1000});
  CHECK(count.final_value() == count.value());
  count.cancel(); // of no effect
  CHECK(data.sum_approx(long_enough).value() == sal::bounded_double{499'500, 1, 499'500, 499'500});
  CHECK(data.mean_approx(long_enough, 0.5).value().mean == doctest::Approx(499.5));
  const auto by_digit = data.key_by([](std::int64_t x) { return x % 10; }).count_by_key_approx(long_enough).value();
  CHECK(by_digit.size() == 10);
  CHECK(by_digit.at(3) == sal::bounded_double{100, 1, 100, 100});
  const auto words = sc.parallelize(std::vector<std::string>{"a", "b", "a"}, 2).count_by_value_approx(long_enough).value();
  CHECK(words.size() == 2);
  CHECK(words.at("a").mean == 2);
  CHECK(sc.empty_rdd<int>().count_approx(0ms).value() == sal::bounded_double{0, 1, 0, 0});
}

TEST_CASE_FIXTURE(api, "approximate actions tell bounds when their time is over, and the job goes on") {
  const auto data = with_one_slow_partition(sc);
  const auto count = first_bounds([&](auto timeout) { return data.count_approx(timeout); });
  CHECK_FALSE(count.is_final());
  CHECK(count.value().low > 250'000);
  CHECK(count.value().low <= count.value().mean);
  CHECK(count.value().mean <= count.value().high);
  CHECK(count.value().confidence == 0.95);
  const auto sum = first_bounds([&](auto timeout) { return data.sum_approx(timeout, 0.9); });
  CHECK(sum.value().low < sum.value().mean);
  CHECK(sum.value().mean < sum.value().high);
  const auto mean = first_bounds([&](auto timeout) { return data.mean_approx(timeout); });
  CHECK(mean.value().mean > 250'000);

  auto goes_on = sc.range(0, 8, 1, 4)
                     .map([](std::int64_t x) {
                       std::this_thread::sleep_for(20ms);
                       return x;
                     })
                     .count_approx(0ms);
  CHECK(goes_on.final_value().mean == 8);
  CHECK(goes_on.is_final());
}

TEST_CASE_FIXTURE(api, "approximate actions pass on what is wrong") {
  const auto data = sc.range(0, 100, 1, 4);
  std::string text;
  CHECK(code_of([&] { data.count_approx(1ms, 1.5); }, &text) == sal::errc::invalid_argument);
  CHECK(text.find("confidence (1.5") != std::string::npos);
  CHECK(text.find("must be in [0, 1]") != std::string::npos);
  CHECK(code_of([&] { data.mean_approx(1ms, std::nan("")); }) == sal::errc::invalid_argument);
  const auto failing = data.map([](std::int64_t) -> int { throw std::runtime_error("no"); });
  CHECK(code_of([&] { failing.count_approx(long_enough); }) == sal::errc::task_failed);
  auto later = with_one_slow_partition(sc).sum_approx(0ms);
  later.cancel("nobody waits");
  CHECK(code_of([&] { later.final_value(); }, &text) == sal::errc::job_cancelled);
  CHECK(text.find("nobody waits") != std::string::npos);
}
