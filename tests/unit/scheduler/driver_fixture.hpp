// A driver's scheduler in a world without processes: verbs for what happens, and records of what was decided.
#pragma once

#include <salamander/rdd/error.hpp>
#include <salamander/scheduler/driver_scheduler.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

namespace salamander::scheduler::testing {

using dataset = std::shared_ptr<core::lineage>;

/// Makes lineage by hand.
class lineage_maker {
public:
  dataset source(std::uint32_t partitions, const std::string& operation = "source") {
    auto made = std::make_shared<core::lineage>();
    made->id = rdd_id{next_rdd_++};
    made->operation = operation;
    made->site = {"x.cpp", made->id.value};
    made->partitions = partitions;
    return made;
  }
  dataset map(const dataset& parent, const std::string& operation = "map") {
    return zip({parent}, operation);
  }
  /// One-to-one on several parents.
  dataset zip(const std::vector<dataset>& parents, const std::string& operation = "zip") {
    auto made = source(parents.front()->partitions, operation);
    for (const auto& parent : parents) {
      core::dependency d;
      d.parent = parent;
      made->dependencies.push_back(std::move(d));
    }
    return made;
  }
  dataset shuffle(const dataset& parent, std::uint32_t partitions, const std::string& operation = "reduce_by_key") {
    return join({parent}, partitions, operation);
  }
  /// Wide on each parent.
  dataset join(const std::vector<dataset>& parents, std::uint32_t partitions, const std::string& operation = "join") {
    auto made = source(partitions, operation);
    for (const auto& parent : parents) {
      core::dependency d;
      d.parent = parent;
      d.how = core::dependency::kind::wide;
      d.shuffle = shuffle_id{next_shuffle_++};
      made->dependencies.push_back(std::move(d));
    }
    return made;
  }
  dataset unite(const std::vector<dataset>& parents) {
    auto made = source(0, "union_with");
    for (const auto& parent : parents) {
      core::dependency d;
      d.parent = parent;
      d.how = core::dependency::kind::shifted;
      d.shift = {made->partitions, parent->partitions};
      made->partitions += parent->partitions;
      made->dependencies.push_back(std::move(d));
    }
    return made;
  }
  dataset coalesce(const dataset& parent, std::vector<std::vector<std::uint32_t>> groups) {
    auto made = source(static_cast<std::uint32_t>(groups.size()), "coalesce");
    core::dependency d;
    d.parent = parent;
    d.how = core::dependency::kind::grouped;
    d.groups = std::move(groups);
    made->dependencies.push_back(std::move(d));
    return made;
  }
  std::uint32_t shuffles() const {
    return next_shuffle_;
  }

private:
  std::uint32_t next_rdd_ = 0;
  std::uint32_t next_shuffle_ = 0;
};

/// A task that was launched and has not been answered.
struct launched {
  task_id task;
  executor_id executor;
  stage_id stage;
  std::uint32_t stage_attempt = 0;
  std::uint32_t partition = 0;
  std::uint32_t attempt = 0;
  bool careful = false;
  bool cancelled = false;
};

struct driver_fixture : lineage_maker {
  static scheduler_options default_options() {
    return {};
  }

  explicit driver_fixture(scheduler_options options = default_options()) : scheduler(options) {}

  // What happens.

  job_id submit(const dataset& final_dataset) {
    std::vector<std::uint32_t> all(final_dataset->partitions);
    for (std::uint32_t p = 0; p < all.size(); ++p)
      all[p] = p;
    return submit(final_dataset, all);
  }
  job_id submit(const dataset& final_dataset, std::vector<std::uint32_t> partitions) {
    const job_id id{next_job_++};
    tell(job_submitted{id, final_dataset, std::move(partitions)});
    return id;
  }
  job_id submit_to_pool(const dataset& final_dataset, const std::string& pool) {
    next_pool_ = pool;
    return submit_with(final_dataset, true);
  }
  /// A job whose action has effects of its own.
  job_id submit_unrepeatable(const dataset& final_dataset) {
    return submit_with(final_dataset, false);
  }
  void join_executor(std::uint32_t id, std::uint32_t cores = 2, const std::string& host = {}) {
    tell(executor_joined{executor_id{id}, cores, host});
  }
  void suspect(std::uint32_t id) {
    tell(executor_suspected{executor_id{id}});
  }
  void recover(std::uint32_t id) {
    tell(executor_recovered{executor_id{id}});
  }
  /// Nobody knows where its tasks were.
  void lose(std::uint32_t id, const std::string& reason = "killed by signal 9") {
    lose_at(id, reason, std::nullopt);
  }
  void lose(std::uint32_t id, const std::string& reason, std::vector<std::pair<task_id, std::string>> positions) {
    lose_at(id, reason, std::move(positions));
  }
  void lose_at(std::uint32_t id, const std::string& reason, std::optional<std::vector<std::pair<task_id, std::string>>> positions) {
    std::erase_if(running, [&](const auto& entry) { return entry.second.executor == executor_id{id}; });
    tell(executor_lost{executor_id{id}, reason, std::move(positions)});
  }
  void succeed(task_id task, task_succeeded with = {}) {
    const auto it = running.find(task);
    REQUIRE(it != running.end());
    with.task = task;
    with.executor = it->second.executor;
    if (with.run_time.count() == 0)
      with.run_time = std::chrono::milliseconds(5);
    running.erase(it);
    tell(with);
  }
  /// A map task whose output has these contents.
  void succeed_with(task_id task, std::uint64_t fingerprint) {
    task_succeeded with;
    with.output_fingerprint = fingerprint;
    succeed(task, with);
  }
  void succeed_caching(task_id task, const dataset& cached) {
    task_succeeded with;
    with.cached = {{cached->id, running.at(task).partition}};
    succeed(task, with);
  }
  void fail(task_id task, failure why) {
    const auto it = running.find(task);
    REQUIRE(it != running.end());
    const auto executor = it->second.executor;
    running.erase(it);
    tell(task_failed{task, executor, std::move(why)});
  }
  void fail(task_id task, const std::string& text = "boom", errc code = errc::task_failed) {
    fail(task, user_error{text, static_cast<std::uint8_t>(code)});
  }
  void fail_fetch(task_id task, shuffle_id shuffle, std::uint32_t map_partition, executor_id from) {
    fail(task, fetch_failed{shuffle, map_partition, from, "connection refused"});
  }
  void advance(duration by) {
    now += by;
    tell(tick{});
  }
  void tell(const event& what) {
    last.clear();
    for (auto& a : scheduler.handle(what, now)) {
      record(a);
      last.push_back(std::move(a));
    }
  }
  /// Lets all tasks succeed, the oldest first, until none is running.
  void run_until_idle() {
    while (!running.empty())
      answer(running.begin()->first);
  }
  void answer(task_id task) {
    if (running.at(task).cancelled)
      fail(task, task_was_cancelled{});
    else
      succeed(task);
  }
  /// Lets the tasks of one stage succeed as long as there are any.
  void run_stage(stage_id stage) {
    for (auto tasks = of(stage); !tasks.empty(); tasks = of(stage))
      answer(tasks.front().task);
  }

  // What was decided.

  std::vector<launched> of(stage_id stage) const {
    return select([&](const launched& t) { return t.stage == stage; });
  }
  std::vector<launched> on(std::uint32_t executor) const {
    return select([&](const launched& t) { return t.executor == executor_id{executor}; });
  }
  std::vector<launched> select(const std::function<bool(const launched&)>& wanted) const {
    std::vector<launched> found;
    for (const auto& [id, task] : running)
      if (wanted(task))
        found.push_back(task);
    return found;
  }
  const launched& only() const {
    REQUIRE(running.size() == 1);
    return running.begin()->second;
  }
  const launched& task_of(stage_id stage, std::uint32_t partition) const {
    for (const auto& [id, task] : running)
      if (task.stage == stage && task.partition == partition && !task.cancelled)
        return task;
    FAIL("no running task of stage " << stage.value << " for partition " << partition);
    throw std::logic_error("unreachable");
  }
  /// Partitions in the order in which a stage attempt launched them.
  std::vector<std::uint32_t> launched_partitions(stage_id stage, std::uint32_t attempt) const {
    std::vector<std::uint32_t> found;
    for (const auto& task : launches)
      if (task.stage == stage && task.stage_attempt == attempt)
        found.push_back(task.partition);
    return found;
  }
  template <class Action>
  std::vector<Action> all() const {
    return pick<Action>(actions);
  }
  /// Of the last event.
  template <class Action>
  std::vector<Action> now_decided() const {
    return pick<Action>(last);
  }
  bool finished(job_id job) const {
    const auto done = all<finish_job>();
    return std::any_of(done.begin(), done.end(), [&](const auto& f) { return f.job == job; });
  }
  job_counts counts(job_id job) const {
    for (const auto& f : all<finish_job>())
      if (f.job == job)
        return f.counts;
    for (const auto& f : all<fail_job>())
      if (f.job == job)
        return f.counts;
    FAIL("job " << job.value << " is not over");
    return {};
  }
  job_failure failure_of(job_id job) const {
    for (const auto& f : all<fail_job>())
      if (f.job == job)
        return f.why;
    FAIL("job " << job.value << " has not failed");
    return {};
  }
  std::vector<stage_id> started_stages() const {
    std::vector<stage_id> found;
    for (const auto& s : all<stage_started>())
      found.push_back(s.stage);
    return found;
  }

  driver_scheduler scheduler;
  time_point now{};
  std::map<task_id, launched> running;
  std::vector<launched> launches;
  std::vector<action> actions;
  std::vector<action> last;

  /// Results that the job holds now.
  std::set<std::uint32_t> results_of(job_id job) const {
    const auto it = results_.find(job);
    return it == results_.end() ? std::set<std::uint32_t>() : it->second;
  }
  /// Attempts that are wanted, of one partition.
  std::vector<launched> attempts_of(stage_id stage, std::uint32_t partition) const {
    return select([&](const launched& t) { return t.stage == stage && t.partition == partition && !t.cancelled; });
  }
  std::vector<std::string> notices() const {
    std::vector<std::string> found;
    for (const auto& n : all<notice>())
      found.push_back(n.text);
    return found;
  }
  bool noticed(const std::string& words) const {
    const auto texts = notices();
    return std::any_of(texts.begin(), texts.end(), [&](const auto& text) { return text.find(words) != std::string::npos; });
  }

private:
  job_id submit_with(const dataset& final_dataset, bool repeatable) {
    const job_id id{next_job_++};
    std::vector<std::uint32_t> all(final_dataset->partitions);
    for (std::uint32_t p = 0; p < all.size(); ++p)
      all[p] = p;
    tell(job_submitted{id, final_dataset, std::move(all), std::exchange(next_pool_, {}), repeatable});
    return id;
  }

  template <class Action>
  static std::vector<Action> pick(const std::vector<action>& from) {
    std::vector<Action> found;
    for (const auto& a : from)
      if (const auto* one = std::get_if<Action>(&a))
        found.push_back(*one);
    return found;
  }

  void record(const action& a) {
    if (const auto* launch = std::get_if<launch_tasks>(&a))
      for (const auto& t : launch->tasks) {
        launched task{t.task, launch->executor, launch->stage, launch->stage_attempt, t.partition, t.attempt, t.careful, false};
        REQUIRE(running.emplace(t.task, task).second);
        launches.push_back(task);
      }
    if (const auto* cancel = std::get_if<cancel_tasks>(&a))
      for (const auto task : cancel->tasks) {
        REQUIRE(running.contains(task));
        running.at(task).cancelled = true;
      }
    if (const auto* result = std::get_if<deliver_result>(&a))
      REQUIRE(results_[result->job].insert(result->index).second);
    if (const auto* taken_back = std::get_if<withdraw_results>(&a))
      for (const auto index : taken_back->indices)
        REQUIRE(results_[taken_back->job].erase(index) == 1);
    actions.push_back(a);
  }

  std::string next_pool_;
  std::map<job_id, std::set<std::uint32_t>> results_;
  std::uint32_t next_job_ = 0;
};

inline std::vector<std::uint32_t> sorted(std::vector<std::uint32_t> values) {
  std::sort(values.begin(), values.end());
  return values;
}

} // namespace salamander::scheduler::testing
