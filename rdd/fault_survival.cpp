#include <salamander/rdd/fault_survival.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/fault_decider.hpp>
#include <salamander/rdd/fault_words.hpp>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <ostream>
#include <thread>

namespace salamander::testing {
namespace {

using clock = std::chrono::steady_clock;
using outcome = survival_run::outcome;

/// Cancels the jobs of a context that lives too long.
class watchdog {
public:
  watchdog(context& sc, std::chrono::milliseconds limit) : thread_([this, &sc, limit] { watch(sc, limit); }) {}
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;
  ~watchdog() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

private:
  void watch(context& sc, std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    auto wait = limit;
    while (!changed_.wait_for(lock, wait, [this] { return over_; })) {
      lock.unlock();
      sc.cancel_all_jobs("the run took longer than " + std::to_string(limit.count()) + " ms");
      lock.lock();
      wait = std::chrono::milliseconds(100); // it may submit further jobs
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;
};

/// Draws the place of a fault among those that the run without faults had.
class place_drawer {
public:
  place_drawer(const survival_options& options, const fault_report& shape, fault_kind kind, std::uint32_t run)
      : options_(options), shape_(shape), kind_(kind), run_(run) {}

  fault draw() {
    switch (kind_) {
    case fault_kind::kill_executor:
      return when(kill_executor());
    case fault_kind::stop_executor:
      // Shorter than the silence that counts as death, or longer.
      return when(stop_executor(below(2) == 0 ? options_.dead_timeout / 3 : 2 * options_.dead_timeout));
    case fault_kind::slow_executor:
      return when(slow_executor(4, options_.dead_timeout));
    case fault_kind::cut_executor:
      return when(cut_executor(below(2) == 0 ? options_.dead_timeout / 3 : 2 * options_.dead_timeout, static_cast<direction>(below(3))));
    case fault_kind::lose_block:
      return reading(lose_block());
    case fault_kind::corrupt_block:
      return reading(corrupt_block().tries(1 + below(2)));
    case fault_kind::delay_block:
      return reading(delay_block(std::chrono::milliseconds(50)));
    case fault_kind::throw_task:
      return midway(in_task(throw_task()));
    case fault_kind::delay_task:
      return in_task(delay_task(std::chrono::milliseconds(200)));
    case fault_kind::fail_allocation:
      return midway(in_task(fail_allocation()));
    case fault_kind::fail_write:
      return fail_write(static_cast<disk_error>(below(2))).nth(1 + below(2));
    case fault_kind::drop_message:
      return drop_message(either_way()).nth(1 + below(messages));
    case fault_kind::repeat_message:
      return repeat_message(either_way()).nth(1 + below(messages));
    case fault_kind::delay_message:
      return delay_message(std::chrono::milliseconds(200), either_way()).nth(1 + below(messages));
    case fault_kind::count_:
      break;
    }
    core::throw_error(errc::invalid_argument, "there is no such kind of fault");
  }

private:
  static constexpr std::uint32_t messages = 4; ///< a small job has some more than that on each link

  std::uint32_t below(std::size_t bound) {
    const auto draw = core::fault_draw(options_.seed, {static_cast<std::uint64_t>(kind_), run_, draws_++});
    return static_cast<std::uint32_t>(draw * static_cast<double>(std::max<std::size_t>(1, bound)));
  }
  direction either_way() {
    return below(2) == 0 ? direction::to_executor : direction::from_executor;
  }
  fault when(fault made) {
    if (shape_.tasks_finished > 1 && below(2) == 0)
      return made.after_tasks(1 + below(std::min<std::size_t>(shape_.tasks_finished - 1, 1U << 20)));
    return made.at_stage(below(shape_.stages.size()));
  }
  fault in_task(fault made) {
    if (shape_.stages.empty())
      return made;
    const auto& stage = shape_.stages[below(shape_.stages.size())];
    return made.stage(stage.ordinal).nth(1 + below(stage.tasks));
  }
  /// As often before the first record as after some batches, when part of the task's work has been done.
  fault midway(fault made) {
    const auto batch = below(4);
    return batch < 2 ? made : made.batch(batch);
  }
  /// Any block that a task reads; with shuffles, one of those.
  fault reading(fault made) {
    std::vector<const stage_record*> readers;
    for (const auto& stage : shape_.stages)
      if (stage.reads_shuffle)
        readers.push_back(&stage);
    if (readers.empty())
      return made;
    const auto& stage = *readers[below(readers.size())];
    return made.stage(stage.ordinal).nth(1 + below(std::max(1U, stage.tasks / 2)));
  }

  const survival_options& options_;
  const fault_report& shape_;
  fault_kind kind_;
  std::uint32_t run_;
  std::uint64_t draws_ = 0;
};

std::string_view text_of(outcome how) {
  switch (how) {
  case outcome::same_answer:
    return "the same answer";
  case outcome::other_answer:
    return "ANOTHER ANSWER";
  case outcome::failed:
    return "FAILED";
  case outcome::did_not_happen:
    return "no occasion";
  }
  return "";
}

std::string replay_of(const survival_run& run) {
  return "replay with salamander.faults.plan='" + run.plan.text() + "' salamander.faults.seed=" + std::to_string(run.plan.seed());
}

bool failed(const survival_run& run) {
  return run.how == outcome::other_answer || run.how == outcome::failed;
}

} // namespace

const survival_run* verdict::first_failure() const& noexcept {
  const auto at = std::ranges::find_if(runs_, failed);
  return at == runs_.end() ? nullptr : &*at;
}

std::string verdict::text() const {
  std::string out = trouble_.empty() ? "survived any one fault, in " + std::to_string(runs_.size()) + " runs\n" : trouble_ + '\n';
  if (const auto* worst = first_failure())
    out += "  " + worst->detail + "\n  " + replay_of(*worst) + '\n' + worst->report.text();
  std::map<std::pair<fault_kind, outcome>, std::uint32_t> counts;
  for (const auto& run : runs_)
    ++counts[{run.kind, run.how}];
  for (const auto& [what, count] : counts)
    out += "  " + std::string(name_of(what.first)) + ": " + std::string(text_of(what.second)) +
           (count > 1 ? " (" + std::to_string(count) + " runs)" : "") + '\n';
  return out;
}

std::ostream& operator<<(std::ostream& out, const verdict& what) {
  return out << what.text();
}

config survival_course::settings_for(const fault_plan& plan) const {
  auto settings = options_.settings;
  settings.set_master(options_.master);
  settings.set_if_missing("salamander.log.level", "off");
  settings.set_if_missing("salamander.ui.showConsoleProgress", "false");
  const auto part = [&](int n) { return std::to_string(std::max<std::int64_t>(1, options_.dead_timeout.count() * n / 10)) + "ms"; };
  if (!options_.settings.contains("salamander.executor.deadTimeout")) {
    settings.set("salamander.executor.deadTimeout", part(10));
    settings.set("salamander.executor.suspectTimeout", part(6));
    settings.set("salamander.executor.heartbeatInterval", part(1));
  }
  // `observe` makes a context keep a report although its plan is empty.
  settings.set("salamander.faults.report", "observe");
  return with_faults(settings, plan);
}

bool survival_course::rehearse(const runner& reference, const comparer& compare, verdict& out) {
  try {
    context sc(settings_for(fault_plan(options_.seed)));
    const watchdog dog(sc, options_.time_max);
    reference(sc);
    shape_ = report(sc);
  } catch (const std::exception& failure) {
    out.trouble_ = "the job fails without any fault: " + std::string(failure.what());
    return false;
  } catch (...) {
    out.trouble_ = "the job fails without any fault: it threw something that is no std::exception";
    return false;
  }
  const auto again = run_one(fault_plan(options_.seed), compare);
  if (failed(again))
    out.trouble_ = "the job does not repeat its own answer without any fault: " + again.detail;
  return !failed(again);
}

survival_run survival_course::run_one(const fault_plan& plan, const comparer& compare) {
  survival_run run;
  run.plan = plan;
  const auto start = clock::now();
  context sc(settings_for(plan));
  try {
    const watchdog dog(sc, options_.time_max);
    if (auto difference = compare(sc)) {
      run.how = outcome::other_answer;
      run.detail = *std::move(difference);
    }
  } catch (const std::exception& failure) {
    run.how = outcome::failed;
    run.detail = failure.what();
  } catch (...) {
    run.how = outcome::failed;
    run.detail = "the job threw something that is no std::exception";
  }
  run.report = report(sc);
  if (run.how == outcome::same_answer && run.report.injected_total == 0)
    run.how = outcome::did_not_happen;
  run.duration = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - start);
  return run;
}

verdict survival_course::run(const runner& reference, const comparer& compare) {
  verdict out;
  if (!rehearse(reference, compare, out))
    return out;
  const bool local = core::parse_master(options_.master).how == core::master_url::kind::local;
  for (const auto kind : options_.kinds) {
    if (local && core::grammar_of(kind).needs_processes)
      continue;
    for (std::uint32_t i = 0; i < options_.runs_per_kind; ++i) {
      auto run = run_with(kind, i, compare);
      if (failed(run) && out.trouble_.empty())
        out.trouble_ = "the job does not survive one fault: " + run.plan.text() + ": " + std::string(text_of(run.how));
      if (options_.on_run)
        options_.on_run(run);
      out.runs_.push_back(std::move(run));
    }
  }
  const auto nothing = [](const survival_run& run) { return run.how == outcome::did_not_happen; };
  if (out.trouble_.empty() && std::ranges::all_of(out.runs_, nothing))
    out.trouble_ = out.runs_.empty() ? "nothing is known about the job: no kind of fault was tried"
                                     : "nothing is known about the job: it gave none of the faults an occasion";
  return out;
}

survival_run survival_course::run_with(fault_kind kind, std::uint32_t number, const comparer& compare) {
  constexpr std::uint32_t draws_max = 3; // a place that has no occasion says nothing about others
  survival_run run;
  for (std::uint32_t draw = 0; draw < draws_max; ++draw) {
    fault_plan plan(options_.seed);
    plan.with(place_drawer(options_, shape_, kind, number + draw * options_.runs_per_kind).draw());
    run = run_one(plan, compare);
    run.kind = kind;
    if (run.how != outcome::did_not_happen)
      break;
  }
  return run;
}

} // namespace salamander::testing
