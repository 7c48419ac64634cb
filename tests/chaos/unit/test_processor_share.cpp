// On a busy machine the harness is patient.
#include <doctest/doctest.h>

#include "harness/processor_share.hpp"

#include <unistd.h>

namespace {

using namespace chaos;
using namespace std::chrono_literals;

} // namespace

TEST_CASE("threads that are never kept waiting have their full share, and so have those that wait for events") {
  CHECK(share_of({100ms, 0ms}, 200ms, 2) == 1);
  CHECK(share_of({0ms, 0ms}, 200ms, 2) == 1);
  CHECK(share_of({1ms, 2ms}, 200ms, 2) == 1);
}

TEST_CASE("threads that wait for each other on processors of their own have their full share") {
  CHECK(share_of({400ms, 1200ms}, 200ms, 2) == 1);
}

TEST_CASE("threads that wait while others run have the share of the time that they got") {
  CHECK(share_of({50ms, 150ms}, 200ms, 2) == doctest::Approx(0.25));
  CHECK(share_of({20ms, 380ms}, 200ms, 2) == doctest::Approx(0.05));
  CHECK(share_of({0ms, 400ms}, 200ms, 2) > 0);
}

TEST_CASE("the time that threads run is counted") {
  const auto sum = [] {
    processor_time all;
    for (const auto& [thread, time] : processor_times_of(::getpid()))
      all.ran += time.ran;
    return all.ran;
  };
  const auto before = sum();
  if (before.count() == 0)
    return; // this kernel does not count
  for (volatile int i = 0; sum() < before + 5ms; i = i + 1)
    ;
  CHECK(sum() > before);
  CHECK(processor_times_of(0).empty());
}
