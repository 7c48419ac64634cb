// The guide's example for GoogleTest.
#include <gtest/gtest.h>

#include <salamander/salamander.hpp>
#include <salamander/testing.hpp>

namespace sal = salamander;

namespace {

std::int64_t sum_of_squares(sal::context& sc) {
  return sc.range(0, 1000, 1, 8).map([](std::int64_t x) { return x * x; }).fold(0, std::plus<>{});
}

} // namespace

TEST(SumOfSquares, SurvivesAnyOneFault) {
  const auto verdict = sal::testing::survives_any_one_fault(sum_of_squares);
  EXPECT_TRUE(verdict) << verdict.text();
}

TEST(SumOfSquares, SurvivesTheLossOfAnExecutor) {
  const auto plan = sal::testing::fault_plan().with(sal::testing::kill_executor().after_tasks(3));
  sal::context sc{sal::testing::with_faults(sal::config{}.set_master("local-cluster[2,1,256]"), plan)};
  EXPECT_EQ(sum_of_squares(sc), 332833500);
  const auto report = sal::testing::report(sc);
  EXPECT_EQ(report.count(sal::testing::fault_kind::kill_executor), 1U) << report;
}

int main(int argc, char** argv) {
  sal::init(argc, argv); // before GoogleTest: executors are this same program
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
