// Plans of injected faults as users write them: the text.
#include "fuzz.hpp"

#include <salamander/rdd/faults.hpp>

namespace {

using namespace fuzz;
using salamander::testing::fault_plan;

bool parse(input_bytes input) {
  fault_plan plan;
  if (!accepts([&] { plan = fault_plan::parse(text_of(input)); }, {errc::bad_config_value}))
    return false;
  expect(plan.faults().size() <= fault_plan::faults_max, "a plan has no more faults than it may");
  expect(fault_plan::parse(plan.text()) == plan, "a plan that was read is written and read the same");
  const auto settings = salamander::testing::with_faults({}, plan);
  expect(salamander::testing::plan_of(settings) == plan, "a plan goes through the settings as it is");
  for (const auto* master : {"local", "local-cluster[2,1,64]"})
    accepts([&] { salamander::testing::check_possible(plan, salamander::core::parse_master(master)); }, {errc::bad_config_value});
  return true;
}

std::vector<seed> seeds() {
  const auto plan = [](const char* name, const std::string& text, bool valid) { return seed{name, bytes_of(text), valid}; };
  std::string many;
  for (int i = 0; i < 1001; ++i)
    many += "throw task;";
  return {
      plan("executors", "kill executor=1 at-stage=1; stop executor for=2s after-tasks=30; slow executor factor=4 for=500ms probability=0.5",
           true),
      plan("blocks", "corrupt block=shuffle stage=1 probability=0.2 tries=2;lose block=cached nth=3; delay block by=10ms times=4", true),
      plan("tasks", "throw task stage=0 partition=3; delay task by=1s; fail allocation batch=2; fail write=eio chunk=2", true),
      plan("messages",
           "cut executor=1 at-stage=1 for=1s; drop message=to-executor nth=4; repeat message probability=0.01; delay message by=5ms nth=1",
           true),
      plan("nothing", "", true),
      plan("two-triggers", "kill executor=1 at-stage=1 after-tasks=3", false),
      plan("unknown", "explode executor=1", false),
      plan("number", "throw task stage=4294967296", false),
      plan("probability", "throw task probability=nan", false),
      plan("many", many, false)};
}

const registered plans({"fault_plans", &parse, &seeds, {256U << 10, 512}});

} // namespace
