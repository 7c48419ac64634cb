#include <salamander/rdd/fault_report.hpp>

#include <salamander/rdd/context.hpp>

#include <algorithm>
#include <cstdio>
#include <ostream>

namespace salamander {
namespace testing {
namespace {

std::string seconds(std::chrono::microseconds time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f s", static_cast<double>(time.count()) / 1e6);
  return text;
}

std::string counted(std::uint64_t count, const std::string& what) {
  return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

std::string place_of(const injected_fault_record& one) {
  std::string text;
  const auto add = [&](const char* what, const std::optional<std::uint32_t>& value) {
    if (value)
      text += (text.empty() ? "" : ", ") + std::string(what) + ' ' + std::to_string(*value);
  };
  add("executor", one.executor);
  add("stage", one.stage);
  add("partition", one.partition);
  add("attempt", one.attempt);
  return text;
}

std::string recovery_of(const injected_fault_record& one) {
  if (!one.job)
    return "no job ran then";
  std::string text;
  if (one.tasks_broken == 0)
    text = "no task had to run again";
  else
    text = counted(one.tasks_broken, "task") + " had to run again" +
           (one.caught_up_after ? ", done after " + seconds(*one.caught_up_after) : ", not done before the job's end");
  const auto job = "job " + std::to_string(*one.job);
  if (!one.job_ended_after)
    return text + "; " + job + " is still running";
  return text + "; " + job + (one.job_succeeded ? " succeeded " : " failed ") + seconds(*one.job_ended_after) + " after the fault";
}

std::string line_of(const job_report& job) {
  auto text = "job " + std::to_string(job.job) + " (" + job.description + ") " + (job.succeeded ? "succeeded" : "failed") + " in " +
              seconds(job.duration) + ": " + counted(job.tasks_succeeded, "task") + " succeeded";
  const auto add = [&](std::uint32_t count, const char* what) {
    if (count != 0)
      text += ", " + std::to_string(count) + ' ' + what;
  };
  add(job.tasks_failed, "failed");
  add(job.tasks_lost, "lost");
  add(job.tasks_resubmitted, "done again");
  add(job.stage_retries, "stage retries");
  add(job.stages_rolled_back, "stages rolled back");
  add(job.speculative_launched, "speculative copies");
  return text;
}

} // namespace

std::uint64_t fault_report::count(fault_kind kind) const noexcept {
  return static_cast<std::uint64_t>(std::ranges::count(injected, kind, &injected_fault_record::kind));
}

std::string fault_report::text() const {
  std::string out = counted(injected_total, "injected fault") + " (seed " + std::to_string(plan.seed()) + ")\n";
  for (const auto& one : injected) {
    out += "  #" + std::to_string(one.ordinal) + " at " + seconds(one.when) + "  " + one.text + '\n';
    out += "     " + one.detail;
    if (const auto place = place_of(one); !place.empty())
      out += " (" + place + ')';
    out += "\n     " + recovery_of(one) + '\n';
  }
  if (injected.size() < injected_total)
    out += "  ... and " + counted(injected_total - injected.size(), "more fault") + '\n';
  for (const auto& one : missed)
    out += "  did not happen: " + one.text + " (" + one.why + ")\n";
  for (const auto& job : jobs)
    out += "  " + line_of(job) + '\n';
  if (executors_replaced != 0 || refused_messages != 0)
    out +=
        "  " + counted(executors_replaced, "executor") + " replaced, " + counted(refused_messages, "message") + " of lost ones refused\n";
  if (!plan.empty())
    out += "  again: salamander.faults.plan='" + plan.text() + "' salamander.faults.seed=" + std::to_string(plan.seed()) + '\n';
  return out;
}

fault_report report(const context& sc) {
  return sc.app_->runner().faults();
}

std::ostream& operator<<(std::ostream& out, const fault_report& report) {
  return out << report.text();
}

} // namespace testing

namespace core {

engine::output_course engine::begin_output(const node_ptr&, const std::string&, const std::string&,
                                           const std::map<std::string, std::string>&) {
  return {};
}

testing::fault_report engine::faults() const {
  return {};
}

} // namespace core
} // namespace salamander
