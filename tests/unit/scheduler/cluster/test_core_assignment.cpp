#include <salamander/scheduler/cluster/core_assignment.hpp>

#include <doctest/doctest.h>

using namespace salamander::scheduler::cluster;
using cores = std::vector<std::uint32_t>;

namespace {
const std::vector<worker_room> three_of_eight(3, worker_room{8, 16});
constexpr std::uint32_t many = 1000;
} // namespace

TEST_CASE("spreading out gives each worker one executor in turn") {
  CHECK(assign_cores(three_of_eight, {2, 1, 10, many, true}) == cores{4, 4, 2});
}

TEST_CASE("packing fills a worker before the next one") {
  CHECK(assign_cores(three_of_eight, {2, 1, 10, many, false}) == cores{8, 2, 0});
}

TEST_CASE("without a size of executors each worker gets one, which grows as far as cores and the limit allow") {
  CHECK(assign_cores(three_of_eight, {0, 1, many, many, true}) == cores{8, 8, 8});
  CHECK(assign_cores(three_of_eight, {0, 1, 10, many, true}) == cores{4, 3, 3});
  CHECK(assign_cores(three_of_eight, {0, 1, 10, many, false}) == cores{8, 2, 0});
  CHECK(assign_cores(three_of_eight, {0, 1, many, 2, true}) == cores{8, 8, 0});
}

TEST_CASE("memory bounds the executors of a worker") {
  CHECK(assign_cores(three_of_eight, {1, 8, many, many, true}) == cores{2, 2, 2});
  CHECK(assign_cores(three_of_eight, {1, 17, many, many, true}) == cores{0, 0, 0});
  CHECK(assign_cores(three_of_eight, {1, 0, many, many, true}) == cores{8, 8, 8});
}

TEST_CASE("what is left of the limit and is too small for an executor is not given") {
  CHECK(assign_cores(three_of_eight, {3, 1, 8, many, true}) == cores{3, 3, 0});
  CHECK(assign_cores(three_of_eight, {3, 1, many, many, true}) == cores{6, 6, 6});
}

TEST_CASE("no more executors are given than are wanted") {
  CHECK(assign_cores(three_of_eight, {1, 1, many, 4, true}) == cores{2, 1, 1});
  CHECK(assign_cores(three_of_eight, {1, 1, many, 0, true}) == cores{0, 0, 0});
  CHECK(assign_cores({}, {1, 1, many, 1, true}).empty());
}
