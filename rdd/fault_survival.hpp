// "My job gives the same answer with any one fault": a check for users' own tests, whatever framework they use.
#pragma once

#include <salamander/rdd/context.hpp>
#include <salamander/rdd/fault_report.hpp>
#include <salamander/rdd/to_text.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <sstream>

namespace salamander::testing {

struct survival_run;

struct survival_options {
  std::string master = "local-cluster[2,1,512]"; ///< on a local master the kinds that need processes are left out
  config settings;                               ///< for every run; its master and faults are replaced
  std::vector<fault_kind> kinds = all_fault_kinds();
  std::uint32_t seed = 1;
  std::uint32_t runs_per_kind = 1;
  /// A run that takes longer counts as failed. Jobs are cancelled then; code outside of jobs is waited for.
  std::chrono::milliseconds time_max{60000};
  /// Executors are given up after this silence instead of salamander.executor.deadTimeout, unless `settings` say it: what stops
  /// for longer is replaced within the run.
  std::chrono::milliseconds dead_timeout{1500};
  /// Called after each run, perhaps to print progress.
  std::function<void(const survival_run&)> on_run;
};

/// One run with one fault.
struct survival_run {
  enum class outcome : std::uint8_t {
    same_answer,
    other_answer,
    failed,        ///< the job threw, or took too long
    did_not_happen ///< three places that were drawn gave the fault no occasion; the answers were right
  };
  fault_kind kind = fault_kind::kill_executor;
  fault_plan plan;
  outcome how = outcome::same_answer;
  std::string detail; ///< how the answer differs, or the error
  fault_report report;
  std::chrono::milliseconds duration{0};
};

/// What survives_any_one_fault found; true when every run gave the answer of the run without faults, and some fault was injected.
///   doctest:    CHECK_MESSAGE(verdict, verdict.text());
///   GoogleTest: EXPECT_TRUE(verdict) << verdict.text();
class verdict {
public:
  explicit operator bool() const noexcept {
    return trouble_.empty();
  }
  /// A line for each kind of fault; for the first failure what happened, and how to have it again.
  std::string text() const;
  const std::vector<survival_run>& runs() const& noexcept {
    return runs_;
  }
  std::vector<survival_run> runs() && {
    return std::move(runs_);
  }
  /// The first run that did not give the right answer; null if there is none, or if the runs without faults failed.
  const survival_run* first_failure() const& noexcept;

private:
  friend class survival_course;
  std::string trouble_; ///< empty: survived
  std::vector<survival_run> runs_;
};

std::ostream& operator<<(std::ostream& out, const verdict& what);

/// The untyped part: runs, plans and comparisons.
class survival_course {
public:
  /// `reference` runs the job and keeps its answer; `compare` runs it again and returns how the answer differs, or nothing.
  using runner = std::function<void(context&)>;
  using comparer = std::function<std::optional<std::string>(context&)>;

  explicit survival_course(survival_options options) : options_(std::move(options)) {}
  verdict run(const runner& reference, const comparer& compare);

private:
  bool rehearse(const runner& reference, const comparer& compare, verdict& out);
  /// With one fault of this kind, at another place if it had no occasion.
  survival_run run_with(fault_kind kind, std::uint32_t number, const comparer& compare);
  survival_run run_one(const fault_plan& plan, const comparer& compare);
  config settings_for(const fault_plan& plan) const;

  survival_options options_;
  fault_report shape_; ///< of the run without faults
};

/// A job: takes a context, returns its answer.
template <class Job>
concept survivable_job = std::invocable<Job&, context&> && !std::is_void_v<std::invoke_result_t<Job&, context&>>;

namespace detail {

template <class T>
std::string shown(const T& value) {
  constexpr std::size_t shown_max = 400;
  std::string text;
  if constexpr (requires(std::ostream & out) { out << value; }) {
    std::ostringstream out;
    out << value;
    text = out.str();
  } else if constexpr (requires {
                         value.begin() != value.end();
                         value.size();
                         *value.begin();
                       }) {
    text = std::to_string(value.size()) + " elements [";
    std::size_t n = 0;
    for (const auto& one : value) {
      text += (n++ == 0 ? "" : ", ") + shown(one);
      if (text.size() > shown_max)
        break;
    }
    text += ']';
  } else if constexpr (requires {
                         value.first;
                         value.second;
                       }) {
    text = '(' + shown(value.first) + ", " + shown(value.second) + ')';
  } else {
    text = "(a value without text)";
  }
  if (text.size() > shown_max)
    text = text.substr(0, shown_max) + "...";
  return text;
}

} // namespace detail

/// Runs `job` twice without faults, which must agree, then with a single fault at a time: options.runs_per_kind runs of each kind,
/// at places drawn from the seed among those that the first run had. Each run has a context of its own; none may be active before.
/// `equal(answer, answer)` compares. Requires salamander::init in the first line of main.
/// Errors: those of contexts that cannot start; whatever a job throws is part of the verdict.
template <survivable_job Job, class Equal = std::equal_to<>>
verdict survives_any_one_fault(Job job, survival_options options = {}, Equal equal = {}) {
  using answer = std::decay_t<std::invoke_result_t<Job&, context&>>;
  std::optional<answer> reference;
  return survival_course(std::move(options))
      .run([&](context& sc) { reference.emplace(job(sc)); },
           [&](context& sc) -> std::optional<std::string> {
             const answer found = job(sc);
             if (equal(*reference, found))
               return std::nullopt;
             return "without faults the answer was " + detail::shown(*reference) + ", now it is " + detail::shown(found);
           });
}

} // namespace salamander::testing
