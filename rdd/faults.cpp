#include <salamander/rdd/faults.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/fault_words.hpp>

namespace salamander::testing {
namespace {

using core::fault_spec;
using core::throw_error;

constexpr std::string_view plan_key = "salamander.faults.plan";
constexpr std::string_view seed_key = "salamander.faults.seed";
constexpr std::chrono::milliseconds time_max = std::chrono::hours(24);

std::uint32_t at_least_one(const char* what, std::uint32_t value) {
  if (value == 0)
    throw_error(errc::invalid_argument, std::string(what) + " of a fault counts from 1");
  return value;
}

std::chrono::milliseconds checked(std::chrono::milliseconds time) {
  if (time.count() < 1 || time > time_max)
    throw_error(errc::invalid_argument, "a fault lasts from 1 ms to 24 h, not " + std::to_string(time.count()) + " ms");
  return time;
}

fault lasting(fault_kind kind, std::chrono::milliseconds time) {
  fault_spec spec;
  spec.kind = kind;
  spec.time = checked(time);
  return fault(spec);
}

fault towards(fault made, direction which) {
  auto spec = made.spec();
  spec.way = which;
  return fault(spec);
}

fault on_blocks(fault made, blocks which) {
  auto spec = made.spec();
  spec.block = which;
  return fault(spec);
}

} // namespace

std::string_view name_of(fault_kind kind) noexcept {
  return core::grammar_of(kind).name;
}

std::vector<fault_kind> all_fault_kinds() {
  std::vector<fault_kind> all;
  for (const auto& one : core::fault_grammars())
    all.push_back(one.kind);
  return all;
}

fault& fault::executor(std::uint32_t number) {
  spec_.executor = number;
  return *this;
}

fault& fault::stage(std::uint32_t ordinal) {
  spec_.stage = ordinal;
  return *this;
}

fault& fault::partition(std::uint32_t index) {
  spec_.partition = index;
  return *this;
}

fault& fault::at_stage(std::uint32_t ordinal) {
  spec_.at_stage = ordinal;
  return *this;
}

fault& fault::after_tasks(std::uint32_t count) {
  spec_.after_tasks = at_least_one("after_tasks", count);
  return *this;
}

fault& fault::nth(std::uint32_t n) {
  spec_.nth = at_least_one("nth", n);
  return *this;
}

fault& fault::probability(double p) {
  if (!(p > 0) || !(p <= 1))
    throw_error(errc::invalid_argument, "the probability of a fault is above 0 and at most 1, not " + std::to_string(p));
  spec_.probability = p;
  return *this;
}

fault& fault::times(std::uint32_t limit) {
  spec_.times = at_least_one("times", limit);
  return *this;
}

fault& fault::unlimited() {
  spec_.times = 0;
  return *this;
}

fault& fault::batch(std::uint32_t n) {
  spec_.batch = at_least_one("batch", n);
  return *this;
}

fault& fault::read(std::uint32_t n) {
  spec_.read = at_least_one("read", n);
  return *this;
}

fault& fault::chunk(std::uint32_t n) {
  spec_.chunk = at_least_one("chunk", n);
  return *this;
}

fault& fault::tries(std::uint32_t n) {
  spec_.tries = at_least_one("tries", n);
  return *this;
}

std::string fault::text() const {
  return core::text_of(spec_);
}

fault kill_executor() {
  return fault(fault_kind::kill_executor);
}

fault stop_executor(std::chrono::milliseconds time) {
  return lasting(fault_kind::stop_executor, time);
}

fault slow_executor(double factor, std::chrono::milliseconds time) {
  if (!(factor > 1) || !(factor <= 1000))
    throw_error(errc::invalid_argument, "an executor is slowed down by a factor above 1 and up to 1000, not " + std::to_string(factor));
  auto spec = lasting(fault_kind::slow_executor, time).spec();
  spec.factor = factor;
  return fault(spec);
}

fault cut_executor(std::chrono::milliseconds time, direction which) {
  return towards(lasting(fault_kind::cut_executor, time), which);
}

fault drop_message(direction which) {
  return towards(fault(fault_kind::drop_message), which);
}

fault repeat_message(direction which) {
  return towards(fault(fault_kind::repeat_message), which);
}

fault delay_message(std::chrono::milliseconds time, direction which) {
  return towards(lasting(fault_kind::delay_message, time), which);
}

fault corrupt_block(blocks which) {
  return on_blocks(fault(fault_kind::corrupt_block), which);
}

fault lose_block(blocks which) {
  return on_blocks(fault(fault_kind::lose_block), which);
}

fault delay_block(std::chrono::milliseconds time, blocks which) {
  return on_blocks(lasting(fault_kind::delay_block, time), which);
}

fault throw_task() {
  return fault(fault_kind::throw_task);
}

fault delay_task(std::chrono::milliseconds time) {
  return lasting(fault_kind::delay_task, time);
}

fault fail_allocation() {
  return fault(fault_kind::fail_allocation);
}

fault fail_write(disk_error error) {
  fault_spec spec;
  spec.kind = fault_kind::fail_write;
  spec.error = error;
  return fault(spec);
}

fault_plan::fault_plan(std::uint32_t seed) : seed_(seed) {
  if (seed > seed_max)
    throw_error(errc::invalid_argument, "the seed of a fault plan is at most " + std::to_string(seed_max));
}

fault_plan& fault_plan::with(const fault& one) {
  if (const auto misfit = core::misfit_of(one.spec()); !misfit.empty())
    throw_error(errc::invalid_argument, "the fault '" + one.text() + "' makes no sense: " + misfit);
  if (faults_.size() == faults_max)
    throw_error(errc::invalid_argument, "a plan holds at most " + std::to_string(faults_max) + " faults");
  faults_.push_back(one);
  return *this;
}

fault_plan fault_plan::parse(std::string_view text, std::uint32_t seed) {
  constexpr std::string_view blanks = " \t\r\n";
  fault_plan plan(seed);
  while (!text.empty()) {
    auto piece = text.substr(0, text.find(';'));
    text.remove_prefix(std::min(text.size(), piece.size() + 1));
    piece.remove_prefix(std::min(piece.size(), piece.find_first_not_of(blanks)));
    piece = piece.substr(0, piece.find_last_not_of(blanks) + 1);
    if (piece.empty())
      continue;
    try {
      plan.with(fault(core::parse_fault(piece)));
    } catch (const error& failure) {
      throw_error(errc::bad_config_value, std::string(plan_key) + ": fault " + std::to_string(plan.faults_.size() + 1) + ", '" +
                                              std::string(piece) + "': " + failure.what());
    }
  }
  return plan;
}

std::string fault_plan::text() const {
  std::string all;
  for (const auto& one : faults_)
    all += (all.empty() ? "" : "; ") + one.text();
  return all;
}

config with_faults(config settings, const fault_plan& plan) {
  settings.set(plan_key, plan.text());
  settings.set(seed_key, std::to_string(plan.seed()));
  return settings;
}

fault_plan plan_of(const config& settings) {
  return fault_plan::parse(settings.get(plan_key, ""), static_cast<std::uint32_t>(settings.get_int(seed_key)));
}

void check_possible(const fault_plan& plan, const core::master_url& master) {
  if (master.how != core::master_url::kind::local)
    return;
  for (const auto& one : plan.faults()) {
    const bool result_block = core::grammar_of(one.kind()).object == core::fault_object::block && one.spec().block == blocks::result;
    if (!core::grammar_of(one.kind()).needs_processes && !result_block)
      continue;
    throw_error(errc::bad_config_value,
                "salamander.faults.plan: '" + one.text() +
                    "' cannot happen in local mode, where all tasks run in the driver's process; use a master such as "
                    "local-cluster[2,1,512], or one of: lose block, delay block, throw task, delay task, fail allocation, fail write");
  }
}

} // namespace salamander::testing
