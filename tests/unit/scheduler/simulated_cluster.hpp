// Executors that exist only as tables, for random runs of the driver's scheduler: they hold blocks, lose them, and answer late.
#pragma once

#include "driver_fixture.hpp"

#include <random>
#include <sstream>

namespace salamander::scheduler::testing {

/// Which kinds of trouble a run has. Each is switched on or off by the seed, so that they occur in all combinations.
struct trouble_kinds {
  bool losses = false;
  bool lost_blocks = false;
  bool duplicates = false;
  bool late_messages = false;
  bool user_failures = false;
  bool suspicion = false;
  bool cancellations = false;
  bool evictions = false;
};

class simulated_cluster : public lineage_maker {
public:
  using block = std::pair<shuffle_id, std::uint32_t>;

  struct task {
    task_launch order;
    executor_id executor;
    stage_id stage;
    driver_scheduler::stage_program program;
    std::shared_ptr<const driver_scheduler::stage_inputs> inputs; ///< as sent with the first launch of the attempt
    bool cancelled = false;
  };
  struct machine {
    std::uint32_t cores = 0;
    std::set<block> shuffle_blocks;
    std::set<std::pair<rdd_id, std::uint32_t>> cached;
    std::map<std::pair<stage_id, std::uint32_t>, std::shared_ptr<const driver_scheduler::stage_inputs>> plans;
  };
  struct job_state {
    dataset final;
    std::set<std::uint32_t> delivered;
    bool over = false;
    bool failed = false;
    bool cancelled = false;
  };

  simulated_cluster(std::uint64_t seed, scheduler_options options) : options_(options), driver(options), random(seed) {}

  std::uint32_t below(std::size_t n) {
    return static_cast<std::uint32_t>(random() % n);
  }
  bool chance(std::uint32_t percent) {
    return below(100) < percent;
  }

  /// Datasets at random; the last one is the one to compute.
  dataset random_dataset(std::size_t size, bool with_cached) {
    std::vector<dataset> made{source(1 + below(6))};
    const auto any = [&] { return made[below(made.size())]; };
    while (made.size() < size) {
      const auto parent = chance(60) ? made.back() : any();
      dataset next;
      switch (below(7)) {
      case 0:
        next = source(1 + below(6));
        break;
      case 1:
        next = unite({parent, any()});
        break;
      case 2:
        next = join({parent, any()}, 1 + below(6));
        break;
      case 3: {
        std::vector<std::vector<std::uint32_t>> groups(1 + below(parent->partitions));
        for (std::uint32_t p = 0; p < parent->partitions; ++p)
          groups[p % groups.size()].push_back(p);
        next = coalesce(parent, groups);
        break;
      }
      case 4:
        next = map(parent);
        break;
      default:
        next = shuffle(parent, 1 + below(6));
      }
      if (next->partitions > 24)
        next = shuffle(next, 6);
      next->cached = with_cached && chance(30);
      made.push_back(next);
    }
    return made.back();
  }

  void join_executor(std::uint32_t cores) {
    const executor_id id{next_executor_++};
    machines[id].cores = cores;
    tell(executor_joined{id, cores});
  }
  job_id submit(const dataset& final_dataset) {
    const job_id id{next_job_++};
    jobs[id].final = final_dataset;
    std::vector<std::uint32_t> all(final_dataset->partitions);
    for (std::uint32_t p = 0; p < all.size(); ++p)
      all[p] = p;
    tell(job_submitted{id, final_dataset, all});
    return id;
  }
  void lose(executor_id id) {
    for (auto it = tasks.begin(); it != tasks.end();) {
      if (it->second.executor == id)
        dead_tasks.push_back(it->second);
      it = it->second.executor == id ? tasks.erase(it) : std::next(it);
    }
    machines.erase(id);
    suspects.erase(id);
    tell(executor_lost{id, "killed by signal 9", {}});
  }

  /// The task does its work: success, or the first block that it could not read.
  void run(task_id id) {
    const auto done = tasks.at(id);
    tasks.erase(id);
    if (done.cancelled && chance(70)) {
      tell(task_failed{id, done.executor, task_was_cancelled{}});
      return;
    }
    auto& at = machines.at(done.executor);
    std::optional<fetch_failed> missing;
    std::set<std::pair<rdd_id, std::uint32_t>> seen;
    std::vector<cached_block> computed;
    if (!reads_at_start)
      read(*done.program.dataset, done.order.partition, done, seen, computed, missing);
    if (missing) {
      tell(task_failed{id, done.executor, *missing});
      return;
    }
    task_succeeded report;
    report.task = id;
    report.executor = done.executor;
    report.run_time = std::chrono::microseconds(run_time_us);
    report.cached = computed;
    for (const auto& b : computed)
      at.cached.emplace(b.dataset, b.partition);
    if (done.program.map_child)
      at.shuffle_blocks.emplace(shuffle_of(done), done.order.partition);
    old_reports.push_back(report);
    tell(report);
  }

  void tell(const event& what) {
    for (const auto& a : driver.handle(what, now))
      perform(a);
    for (const auto& [id, at] : machines)
      REQUIRE(driver.running_tasks(id) <= at.cores * (1 + options_.lookahead_tasks_max));
  }

  static shuffle_id shuffle_of(const task& t) {
    return t.program.map_child->dependencies[t.program.map_dependency].shuffle;
  }

private:
  void read(const core::lineage& d, std::uint32_t p, const task& by, std::set<std::pair<rdd_id, std::uint32_t>>& seen,
            std::vector<cached_block>& computed, std::optional<fetch_failed>& missing) {
    if (missing || !seen.insert({d.id, p}).second)
      return;
    if (d.cached && has_block(by, d.id, p))
      return;
    for (const auto& dependency : d.dependencies)
      if (!dependency.wide())
        for (const auto q : dependency.parents_of(p))
          read(*dependency.parent, q, by, seen, computed, missing);
      else
        fetch(dependency, by, missing);
    if (d.cached && !missing)
      computed.push_back({d.id, p});
  }

  bool has_block(const task& by, rdd_id id, std::uint32_t p) const {
    if (machines.at(by.executor).cached.contains({id, p}))
      return true;
    for (const auto& [b, holder] : by.inputs->cached)
      if (b.dataset == id && b.partition == p)
        if (const auto it = machines.find(holder); it != machines.end() && it->second.cached.contains({id, p}))
          return true;
    return false;
  }

  void fetch(const core::dependency& from, const task& by, std::optional<fetch_failed>& missing) const {
    for (const auto& [shuffle, where] : by.inputs->shuffles)
      for (std::uint32_t m = 0; shuffle == from.shuffle && m < where.size() && !missing; ++m) {
        const auto holder = machines.find(where[m]);
        if (holder == machines.end() || !holder->second.shuffle_blocks.contains({shuffle, m}))
          missing = fetch_failed{shuffle, m, where[m], "gone"};
      }
  }

  // Without the blocks that the driver believes to be cached, every shuffle a task comes to must be whole and on live executors.
  void check_inputs(const core::lineage& d, std::uint32_t p, const driver_scheduler::stage_inputs& inputs,
                    std::set<std::pair<rdd_id, std::uint32_t>>& seen) const {
    if (!seen.insert({d.id, p}).second)
      return;
    for (const auto& [b, holder] : inputs.cached)
      if (b.dataset == d.id && b.partition == p && d.cached)
        return;
    for (const auto& dependency : d.dependencies) {
      if (!dependency.wide()) {
        for (const auto q : dependency.parents_of(p))
          check_inputs(*dependency.parent, q, inputs, seen);
        continue;
      }
      bool found = false;
      for (const auto& [shuffle, where] : inputs.shuffles)
        if (shuffle == dependency.shuffle) {
          found = true;
          REQUIRE(where.size() == dependency.parent->partitions);
          for (const auto at : where)
            REQUIRE(machines.contains(at));
        }
      REQUIRE(found);
    }
  }

  void perform(const action& a) {
    if (const auto* launch = std::get_if<launch_tasks>(&a)) {
      trace << "L" << launch->executor.value << "," << launch->stage.value << "." << launch->stage_attempt << ":";
      REQUIRE(machines.contains(launch->executor));
      REQUIRE(!suspects.contains(launch->executor));
      auto& plan = machines.at(launch->executor).plans[{launch->stage, launch->stage_attempt}];
      if (!plan)
        plan = std::make_shared<const driver_scheduler::stage_inputs>(driver.inputs_of(launch->stage));
      const auto inputs = driver.inputs_of(launch->stage);
      for (const auto& order : launch->tasks) {
        task made{order, launch->executor, launch->stage, driver.program_of(launch->stage), plan, false};
        REQUIRE(made.program.dataset);
        std::set<std::pair<rdd_id, std::uint32_t>> seen;
        check_inputs(*made.program.dataset, order.partition, inputs, seen);
        REQUIRE(tasks.emplace(order.task, made).second);
        launches.push_back(made);
        trace << " " << order.task.value << "/" << order.partition;
      }
    } else if (const auto* cancel = std::get_if<cancel_tasks>(&a)) {
      for (const auto id : cancel->tasks) {
        trace << "C" << id.value;
        REQUIRE(tasks.at(id).executor == cancel->executor);
        tasks.at(id).cancelled = true;
      }
    } else if (const auto* result = std::get_if<deliver_result>(&a)) {
      trace << "R" << result->job.value << "," << result->index;
      REQUIRE(!jobs.at(result->job).over);
      REQUIRE(jobs.at(result->job).delivered.insert(result->index).second);
    } else if (const auto* done = std::get_if<finish_job>(&a)) {
      trace << "F" << done->job.value;
      auto& j = jobs.at(done->job);
      REQUIRE(!j.over);
      REQUIRE(j.delivered.size() == j.final->partitions);
      j.over = true;
    } else if (const auto* failed = std::get_if<fail_job>(&a)) {
      trace << "X" << failed->job.value;
      auto& j = jobs.at(failed->job);
      REQUIRE(!j.over);
      j.over = j.failed = true;
      INFO(failed->why.text);
      REQUIRE(j.cancelled);
    } else if (const auto* later = std::get_if<wake_at>(&a)) {
      wake = wake ? std::min(*wake, later->when) : later->when;
    } else if (const auto* dropped = std::get_if<discard_result>(&a)) {
      trace << "D" << dropped->task.value;
    }
    trace << ";";
  }

  scheduler_options options_;
  std::uint32_t next_executor_ = 0;
  std::uint32_t next_job_ = 0;

public:
  driver_scheduler driver;
  std::mt19937_64 random;
  time_point now{};
  std::optional<time_point> wake;
  std::map<executor_id, machine> machines;
  std::set<executor_id> suspects;
  std::map<task_id, task> tasks;
  std::map<job_id, job_state> jobs;
  std::vector<task> launches;
  std::vector<task> dead_tasks;
  std::vector<task_succeeded> old_reports;
  std::ostringstream trace;
  bool reads_at_start = false; ///< a task that was launched has read its inputs; it never fails to fetch
  std::int64_t run_time_us = 5000;
};

} // namespace salamander::scheduler::testing
