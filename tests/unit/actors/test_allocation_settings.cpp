#include <salamander/actors/scheduling.hpp>
#include <salamander/rdd/error.hpp>

#include <doctest/doctest.h>

namespace {

using namespace salamander;
using actors::allocation_of;

config dynamic() {
  config made;
  made.set("salamander.dynamicAllocation.enabled", "true");
  return made;
}

const auto cluster = core::parse_master("salamander://localhost:7077");

std::string refusal_of(const config& settings) {
  try {
    allocation_of(settings, cluster);
  } catch (const error& failure) {
    CHECK(failure.code() == errc::bad_config_value);
    return failure.what();
  }
  return "";
}

} // namespace

TEST_CASE("executors are allocated dynamically on a cluster that is asked for it, and nowhere else") {
  CHECK_FALSE(allocation_of(config(), cluster));
  CHECK_FALSE(allocation_of(dynamic(), core::parse_master("local[2]")));
  CHECK_FALSE(allocation_of(dynamic(), core::parse_master("local-cluster[2,1,512]")));
  const auto usual = allocation_of(dynamic(), cluster);
  REQUIRE(usual);
  CHECK(usual->executors_min == 0);
  CHECK(usual->executors_initial == 0);
  CHECK(usual->idle_timeout == std::chrono::seconds(60));
  CHECK(usual->hands_over);
  CHECK_FALSE(usual->cached_idle_timeout);
}

TEST_CASE("limits of dynamic allocation that contradict each other are refused with both values") {
  auto settings = dynamic();
  settings.set("salamander.dynamicAllocation.minExecutors", "5");
  settings.set("salamander.dynamicAllocation.maxExecutors", "3");
  const auto text = refusal_of(settings);
  CHECK(text.find("minExecutors (5) must be less than or equal to salamander.dynamicAllocation.maxExecutors (3)") != std::string::npos);
  settings.set("salamander.dynamicAllocation.maxExecutors", "8");
  settings.set("salamander.dynamicAllocation.initialExecutors", "4");
  CHECK(refusal_of(settings).find("initialExecutors (4)") != std::string::npos);
  settings.set("salamander.dynamicAllocation.initialExecutors", "6");
  CHECK(refusal_of(settings).empty());
  settings.set("salamander.dynamicAllocation.executorAllocationRatio", "1.5");
  CHECK(refusal_of(settings).find("executorAllocationRatio") != std::string::npos);
}

TEST_CASE("each round of asking for executors waits as long as the first one unless it is said") {
  auto settings = dynamic();
  settings.set("salamander.dynamicAllocation.schedulerBacklogTimeout", "3s");
  CHECK(allocation_of(settings, cluster)->sustained_timeout == std::chrono::seconds(3));
  settings.set("salamander.dynamicAllocation.sustainedSchedulerBacklogTimeout", "7s");
  CHECK(allocation_of(settings, cluster)->sustained_timeout == std::chrono::seconds(7));
}
