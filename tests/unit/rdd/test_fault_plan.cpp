#include <salamander/rdd/error.hpp>
#include <salamander/rdd/fault_words.hpp>
#include <salamander/rdd/faults.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using namespace salamander;
using namespace salamander::testing;
using namespace std::chrono_literals;

template <class F>
std::string refusal(errc code, F&& f) {
  try {
    f();
  } catch (const error& failure) {
    CHECK(failure.code() == code);
    return failure.what();
  }
  FAIL("nothing was refused");
  return {};
}

std::string parse_error(const std::string& text) {
  return refusal(errc::bad_config_value, [&] { fault_plan::parse(text); });
}

bool says(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("every fault is written as its function is called, and read back as the same") {
  const std::vector<std::pair<fault, std::string>> all{
      {kill_executor().executor(1).at_stage(2), "kill executor=1 at-stage=2"},
      {kill_executor().after_tasks(5).stage(1).times(2), "kill executor stage=1 after-tasks=5 times=2"},
      {kill_executor().probability(0.125).unlimited(), "kill executor probability=0.125 times=any"},
      {stop_executor(2s).executor(0).after_tasks(3), "stop executor=0 after-tasks=3 for=2s"},
      {slow_executor(2.5, 1500ms).at_stage(0), "slow executor at-stage=0 factor=2.5 for=1500ms"},
      {cut_executor(3s).at_stage(1), "cut executor at-stage=1 for=3s"},
      {cut_executor(3s, direction::to_executor).at_stage(1), "cut executor at-stage=1 for=3s direction=to-executor"},
      {lose_block(), "lose block"},
      {lose_block(blocks::cached).executor(2).nth(4).read(2), "lose block=cached executor=2 nth=4 read=2"},
      {corrupt_block(blocks::shuffle).stage(1).probability(0.2).tries(2), "corrupt block=shuffle stage=1 probability=0.2 tries=2"},
      {delay_block(250ms, blocks::result), "delay block=result by=250ms"},
      {throw_task().stage(0).partition(3), "throw task stage=0 partition=3"},
      {throw_task().batch(2).times(4), "throw task times=4 batch=2"},
      {delay_task(1s).probability(1), "delay task probability=1 by=1s"},
      {fail_allocation().stage(2), "fail allocation stage=2"},
      {fail_write(), "fail write=ENOSPC"},
      {fail_write(disk_error::eio).chunk(2), "fail write=EIO chunk=2"},
      {drop_message().probability(0.01), "drop message probability=0.01"},
      {repeat_message(direction::from_executor).nth(7), "repeat message=from-executor nth=7"},
      {delay_message(50ms, direction::to_executor).executor(0).nth(2), "delay message=to-executor executor=0 nth=2 by=50ms"},
  };
  fault_plan whole(7);
  for (const auto& [made, text] : all) {
    CAPTURE(text);
    CHECK(made.text() == text);
    fault_plan one;
    one.with(made);
    CHECK(fault_plan::parse(text) == one);
    whole.with(made);
  }
  CHECK(fault_plan::parse(whole.text(), 7) == whole);
}

TEST_CASE("a plan may be written loosely") {
  const auto strict = fault_plan().with(kill_executor().executor(1).at_stage(2)).with(fail_write(disk_error::eio));
  CHECK(fault_plan::parse("  Kill Executor=1\tAT_STAGE=2 ;; fail write=eio;") == strict);
  CHECK(fault_plan::parse("kill executor=any after-tasks=1") == fault_plan().with(kill_executor().after_tasks(1)));
  CHECK(fault_plan::parse("").empty());
  CHECK(fault_plan::parse(" ; ").empty());
}

TEST_CASE("what is wrong with a plan is said with its piece and the words that are known") {
  CHECK(says(parse_error("throw task; kil executor=1 at-stage=0"),
             "fault 2, 'kil executor=1 at-stage=0': there is no fault 'kil executor'; known faults are: kill executor, stop executor"));
  CHECK(says(parse_error("kill"), "there is no fault 'kill'; known faults are:"));
  CHECK(says(parse_error("kill executor=1 at-step=0"),
             "'at-step' is not a word of fault plans; kill executor takes: executor, stage, at-stage, after-tasks, probability, times"));
  CHECK(says(parse_error("kill executor=1 at-stage=0 read=2"), "'read' does not apply; kill executor takes:"));
  CHECK(says(parse_error("kill executor=one at-stage=0"), "'one' for executor is not a whole number of at least 0"));
  CHECK(says(parse_error("kill executor=1 at-stage=0 executor=2"), "'executor' is given twice"));
  CHECK(says(parse_error("kill executor=1 at-stage"), "'at-stage' needs a value: at-stage=..."));
  CHECK(says(parse_error("kill executor=1"), "kill executor needs one of at-stage, after-tasks, probability"));
  CHECK(says(parse_error("kill executor at-stage=1 after-tasks=2"), "at-stage, after-tasks exclude each other: a fault has one trigger"));
  CHECK(says(parse_error("kill executor at-stage=1 stage=2"), "at-stage and stage exclude each other"));
  CHECK(says(parse_error("kill executor after-tasks=0"), "'0' for after-tasks is not a whole number of at least 1"));
  CHECK(says(parse_error("stop executor at-stage=1"), "stop executor needs for"));
  CHECK(says(parse_error("stop executor at-stage=1 for=ever"), "expected a time such as"));
  CHECK(says(parse_error("stop executor at-stage=1 for=0s"), "'0s' for for is no time"));
  CHECK(says(parse_error("slow executor at-stage=1 for=1s"), "slow executor needs factor"));
  CHECK(says(parse_error("slow executor at-stage=1 for=1s factor=1"), "'1' for factor is not a number above 1 and up to 1000"));
  CHECK(says(parse_error("corrupt block=shufle"), "'shufle' for block is none of: any, shuffle, cached, result"));
  CHECK(says(parse_error("throw task=3"), "'task' takes no value in 'throw task'"));
  CHECK(says(parse_error("throw task probability=1.5"), "'1.5' for probability is not a number above 0 and up to 1"));
  CHECK(says(parse_error("fail write=EAGAIN"), "'EAGAIN' for write is none of: ENOSPC, EIO"));
  CHECK(says(parse_error("drop message"), "drop message needs one of nth, probability"));
  CHECK(says(parse_error("delay message nth=1"), "delay message needs by"));
}

TEST_CASE("a plan made by calls refuses what does not fit together") {
  fault_plan plan;
  CHECK(says(refusal(errc::invalid_argument, [&] { plan.with(kill_executor()); }),
             "'kill executor' makes no sense: kill executor needs one of"));
  CHECK(says(refusal(errc::invalid_argument, [&] { plan.with(throw_task().at_stage(1)); }), "at-stage does not apply to throw task"));
  CHECK(says(refusal(errc::invalid_argument, [&] { plan.with(throw_task().nth(1).probability(0.5)); }), "exclude each other"));
  CHECK(says(refusal(errc::invalid_argument, [] { throw_task().probability(0); }), "above 0 and at most 1"));
  CHECK(says(refusal(errc::invalid_argument, [] { throw_task().nth(0); }), "counts from 1"));
  CHECK(says(refusal(errc::invalid_argument, [] { stop_executor(0ms); }), "from 1 ms to 24 h"));
  CHECK(says(refusal(errc::invalid_argument, [] { slow_executor(1, 1s); }), "above 1"));
  CHECK(says(refusal(errc::invalid_argument, [] { fault_plan too_large(fault_plan::seed_max + 1); }), "at most 2147483647"));
  CHECK(plan.empty());
  for (std::size_t i = 0; i < fault_plan::faults_max; ++i)
    plan.with(throw_task());
  CHECK(says(refusal(errc::invalid_argument, [&] { plan.with(throw_task()); }), "at most 1000 faults"));
}

TEST_CASE("settings carry a plan and its seed, and refuse a bad one when it is set") {
  const auto plan = fault_plan(99).with(throw_task().stage(1)).with(kill_executor().at_stage(0));
  const auto settings = with_faults(config{}, plan);
  CHECK(settings.get("salamander.faults.plan") == "throw task stage=1; kill executor at-stage=0");
  CHECK(plan_of(settings) == plan);
  CHECK(plan_of(config{}).empty());
  CHECK(plan_of(config{}).seed() == 1);
  CHECK(says(refusal(errc::bad_config_value, [] { config{}.set("salamander.faults.plan", "thro task"); }),
             "salamander.faults.plan: fault 1, 'thro task'"));
}

TEST_CASE("a local master refuses what needs processes and says what is possible") {
  const auto local = core::parse_master("local[2]");
  const auto cluster = core::parse_master("local-cluster[2,1,512]");
  for (const auto kind : all_fault_kinds()) {
    CAPTURE(name_of(kind));
    const bool possible = !core::grammar_of(kind).needs_processes;
    core::fault_spec spec;
    spec.kind = kind;
    spec.time = 10ms;
    spec.factor = 2;
    spec.probability = 0.5;
    if ((core::grammar_of(kind).words & (core::bit(core::fault_word::duration) | core::bit(core::fault_word::delay))) == 0)
      spec.time.reset();
    if (kind != fault_kind::slow_executor)
      spec.factor.reset();
    const auto plan = fault_plan().with(fault(spec));
    CHECK_NOTHROW(check_possible(plan, cluster));
    if (possible)
      CHECK_NOTHROW(check_possible(plan, local));
    else
      CHECK(says(refusal(errc::bad_config_value, [&] { check_possible(plan, local); }), "cannot happen in local mode"));
  }
  CHECK(says(refusal(errc::bad_config_value, [&] { check_possible(fault_plan().with(lose_block(blocks::result)), local); }),
             "use a master such as local-cluster[2,1,512], or one of: lose block, delay block, throw task"));
}
