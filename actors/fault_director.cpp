#include <salamander/actors/fault_director.hpp>

#include <salamander/rdd/fault_words.hpp>

#include <fmt/format.h>

#include <signal.h>

#include <algorithm>

namespace salamander::actors {

using core::fault_object;
using testing::fault_kind;

fault_director::fault_director(fault_setup setup)
    : setup_(std::move(setup)), signals_([this](std::uint32_t executor, int number) {
        if (setup_.signal)
          setup_.signal(executor, number);
      }),
      decider_(setup_.plan), happened_(setup_.plan.faults().size()) {
  report_.plan = setup_.plan;
  const auto touches_messages = [](const testing::fault& one) {
    return core::grammar_of(one.kind()).object == fault_object::message || one.kind() == fault_kind::cut_executor;
  };
  if (std::ranges::any_of(setup_.plan.faults(), touches_messages))
    messages_ = std::make_shared<fault_messages>(setup_.plan, [this](std::uint32_t fault, std::uint32_t executor, std::string detail) {
      const std::lock_guard lock(mutex_);
      record(fault, std::move(detail)).executor = executor;
    });
}

fault_director::~fault_director() {
  end();
}

void fault_director::end() {
  signals_.end();
}

void fault_director::job_started(std::uint32_t job) {
  const std::lock_guard lock(mutex_);
  jobs_.emplace(job, clock::now());
}

void fault_director::job_ended(std::uint32_t job, const std::string& title, job_report counts) {
  const std::lock_guard lock(mutex_);
  const auto now = clock::now();
  counts.job = job;
  counts.description = title;
  if (const auto at = jobs_.extract(job))
    counts.duration = std::chrono::duration_cast<std::chrono::microseconds>(now - at.mapped());
  bool hit = false;
  std::erase_if(open_, [&](const open_record& one) {
    auto& what = report_.injected[one.index];
    if (what.job != job)
      return false;
    hit = true;
    what.job_ended_after = std::chrono::duration_cast<std::chrono::microseconds>(now - one.since);
    what.job_succeeded = counts.succeeded;
    return true;
  });
  if (hit && report_.jobs.size() < testing::fault_report::records_max)
    report_.jobs.push_back(std::move(counts));
  if (jobs_.empty())
    broken_.clear();
}

void fault_director::executor_joined(std::uint32_t executor) {
  const std::lock_guard lock(mutex_);
  alive_.insert(executor);
  if (++joined_ > setup_.executors)
    ++report_.executors_replaced;
}

void fault_director::executor_gone(std::uint32_t executor) {
  const std::lock_guard lock(mutex_);
  alive_.erase(executor);
  for (auto at = running_.begin(); at != running_.end();) {
    if (at->second.place.executor != executor) {
      ++at;
      continue;
    }
    give_back(at->second);
    if (const key what{at->second.stage, at->second.place.partition}; !done_.contains(what))
      broke(what);
    at = running_.erase(at);
  }
}

void fault_director::stage_started(const scheduler::stage_started& stage, bool reads_shuffle) {
  const std::lock_guard lock(mutex_);
  const auto [at, first] = ordinals_.emplace(stage.stage.value, static_cast<std::uint32_t>(ordinals_.size()));
  if (first && report_.stages.size() < testing::fault_report::records_max)
    report_.stages.push_back({at->second, stage.title, stage.partitions, 0, reads_shuffle});
  if (at->second < report_.stages.size())
    ++report_.stages[at->second].attempts;
  const std::vector<std::uint32_t> alive(alive_.begin(), alive_.end());
  for (const auto& hit : decider_.stage_starts(at->second, stage.attempt, alive))
    strike(hit, at->second, nullptr);
}

std::vector<core::armed_fault> fault_director::launching(const scheduler::launch_tasks& launch) {
  std::vector<core::armed_fault> all;
  const std::lock_guard lock(mutex_);
  const auto ordinal = ordinals_.find(launch.stage.value);
  if (ordinal == ordinals_.end())
    return all;
  for (const auto& task : launch.tasks) {
    running_task one{{ordinal->second, launch.stage_attempt, task.partition, task.attempt, launch.executor.value}, launch.stage.value, {}};
    const key what{launch.stage.value, task.partition};
    if (done_.contains(what))
      broke(what); // its output was lost
    for (const auto fault : decider_.task_launches(one.place)) {
      const auto noise = core::fault_draw(setup_.plan.seed(), {fault, task.partition, task.attempt}) * 0x1p32;
      one.armed.push_back(core::arm(task.task.value, fault, setup_.plan.faults()[fault].spec(), static_cast<std::uint32_t>(noise)));
    }
    all.insert(all.end(), one.armed.begin(), one.armed.end());
    running_.insert_or_assign(task.task.value, std::move(one));
  }
  return all;
}

void fault_director::happened(std::uint32_t executor, const std::vector<core::fault_note>& notes) {
  const std::lock_guard lock(mutex_);
  for (const auto& note : notes) {
    if (note.fault >= happened_.size())
      continue;
    const auto task = running_.find(note.task);
    // An executor that is known to be dead, or a task that was given up, had its fault all the same.
    auto& made = record(note.fault, note.detail);
    made.executor = executor;
    const bool known = task != running_.end();
    decider_.spent(note.fault, known);
    if (!known)
      continue;
    std::erase_if(task->second.armed, [&](const auto& one) { return one.fault == note.fault; });
    made.stage = task->second.place.stage;
    made.partition = task->second.place.partition;
    made.attempt = task->second.place.attempt;
  }
}

void fault_director::task_ended(std::uint64_t task, task_end how) {
  const std::lock_guard lock(mutex_);
  const auto at = running_.find(task);
  if (at == running_.end())
    return;
  const auto ended = std::move(at->second);
  running_.erase(at);
  give_back(ended);
  const key what{ended.stage, ended.place.partition};
  if (how == task_end::failed && !done_.contains(what)) // else it was a second copy
    broke(what);
  if (how != task_end::succeeded)
    return;
  ++report_.tasks_finished;
  mended(what);
  for (const auto& hit : decider_.task_finishes(ended.place))
    strike(hit, ended.place.stage, &ended.place);
}

std::shared_ptr<core::task_faults> fault_director::faults_of_result(std::uint64_t task) {
  const std::lock_guard lock(mutex_);
  const auto at = running_.find(task);
  if (at == running_.end() || at->second.armed.empty())
    return nullptr;
  return std::make_shared<core::task_faults>(at->second.armed);
}

void fault_director::result_fetched(std::uint32_t executor, core::task_faults& faults) {
  happened(executor, faults.take_notes());
}

void fault_director::strike(const core::fault_decider::hit& hit, std::optional<std::uint32_t> stage, const core::task_place* task) {
  const auto& spec = setup_.plan.faults()[hit.fault].spec();
  auto& made = record(hit.fault, strike_process(spec, hit.executor));
  made.executor = hit.executor;
  made.stage = stage;
  if (task) {
    made.partition = task->partition;
    made.attempt = task->attempt;
  }
}

std::string fault_director::strike_process(const core::fault_spec& spec, std::uint32_t executor) {
  const auto time = spec.time.value_or(std::chrono::milliseconds(0));
  const auto process = setup_.signal ? setup_.signal(executor, spec.kind == fault_kind::kill_executor ? SIGKILL : 0) : 0;
  switch (spec.kind) {
  case fault_kind::kill_executor:
    return fmt::format("sent SIGKILL to process {}", process);
  case fault_kind::stop_executor:
    signals_.stop(executor, time);
    return fmt::format("stopped process {} for {} ms", process, time.count());
  case fault_kind::slow_executor:
    signals_.slow(executor, spec.factor.value_or(1), time);
    return fmt::format("let process {} run one part in {} for {} ms", process, spec.factor.value_or(1), time.count());
  case fault_kind::cut_executor:
    if (messages_)
      messages_->cut(executor, spec.way, clock::now() + time);
    return fmt::format("let no control message pass {} process {} for {} ms",
                       spec.way == testing::direction::both            ? "from or to"
                       : spec.way == testing::direction::from_executor ? "from"
                                                                       : "to",
                       process, time.count());
  default:
    return {};
  }
}

testing::injected_fault_record& fault_director::record(std::uint32_t fault, std::string detail) {
  const auto& what = setup_.plan.faults()[fault];
  const auto now = clock::now();
  ++happened_[fault];
  if (setup_.log)
    setup_.log(fmt::format("injected fault: {}: {}", what.text(), detail));
  testing::injected_fault_record made;
  made.ordinal = static_cast<std::uint32_t>(report_.injected_total++);
  made.fault = fault;
  made.kind = what.kind();
  made.text = what.text();
  made.detail = std::move(detail);
  made.when = std::chrono::duration_cast<std::chrono::microseconds>(now - start_);
  if (!jobs_.empty())
    made.job = jobs_.begin()->first;
  if (report_.injected.size() == testing::fault_report::records_max)
    return overflow_ = std::move(made);
  if (made.job)
    open_.push_back({report_.injected.size(), now});
  return report_.injected.emplace_back(std::move(made));
}

void fault_director::broke(const key& what) {
  if (!broken_.insert(what).second)
    return;
  done_.erase(what);
  for (const auto& one : open_)
    ++report_.injected[one.index].tasks_broken;
}

void fault_director::mended(const key& what) {
  done_.insert(what);
  if (broken_.erase(what) == 0 || !broken_.empty())
    return;
  const auto now = clock::now();
  for (const auto& one : open_)
    if (auto& record = report_.injected[one.index]; record.tasks_broken != 0)
      record.caught_up_after = std::chrono::duration_cast<std::chrono::microseconds>(now - one.since);
}

void fault_director::give_back(const running_task& task) {
  for (const auto& one : task.armed)
    decider_.unspent(one.fault);
}

std::string fault_director::why_missed(std::uint32_t fault) const {
  const auto& spec = setup_.plan.faults()[fault].spec();
  const auto matches = decider_.matches(fault);
  const auto object = core::grammar_of(spec.kind).object;
  if (object == fault_object::message)
    return "no message was the one";
  if (spec.at_stage)
    return matches == 0 ? fmt::format("{} stages were started, the last one is stage {}", ordinals_.size(),
                                      static_cast<std::int64_t>(ordinals_.size()) - 1)
                        : fmt::format("executor {} was not there", spec.executor.value_or(0));
  const auto* const who = object == fault_object::executor ? "finished" : "sent";
  if (matches == 0)
    return fmt::format("no task that matches was {}", who);
  if (spec.probability)
    return fmt::format("{} tasks that match were {}, none was drawn, or none gave an occasion", matches, who);
  if (const auto wanted = spec.after_tasks.value_or(spec.nth.value_or(1)); matches < wanted)
    return fmt::format("{} tasks that match were {}, {} were waited for", matches, who, wanted);
  return fmt::format("{} tasks that match were {}, none that was chosen gave an occasion", matches, who);
}

testing::fault_report fault_director::report() const {
  const std::lock_guard lock(mutex_);
  auto copy = report_;
  if (setup_.refused_messages)
    copy.refused_messages = setup_.refused_messages->load();
  for (std::uint32_t i = 0; i < happened_.size(); ++i)
    if (happened_[i] == 0)
      copy.missed.push_back({i, setup_.plan.faults()[i].text(), why_missed(i)});
  return copy;
}

} // namespace salamander::actors
