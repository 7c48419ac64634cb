// Executors that exist only as tables, for random runs of the driver's scheduler: they hold blocks, lose them, and answer late.
#pragma once

#include "driver_fixture.hpp"

#include <random>
#include <sstream>
#include <tuple>

namespace salamander::scheduler::testing {

class simulated_cluster : public lineage_maker {
public:
  using block = std::pair<shuffle_id, std::uint32_t>;
  /// Which version of which map output something was made from, directly or not.
  using provenance = std::map<block, std::uint64_t>;

  struct map_output {
    task_id by;
    std::uint64_t version = 0;
    provenance from; ///< itself included
  };

  struct task {
    task_launch order;
    executor_id executor;
    stage_id stage;
    std::uint32_t stage_attempt = 0;
    driver_scheduler::stage_program program;
    std::shared_ptr<const driver_scheduler::stage_inputs> inputs; ///< as sent with the first launch of the attempt
    bool cancelled = false;
  };
  struct machine {
    std::uint32_t cores = 0;
    std::map<block, map_output> shuffle_blocks;
    std::map<std::pair<rdd_id, std::uint32_t>, provenance> cached;
    std::map<std::pair<stage_id, std::uint32_t>, std::shared_ptr<const driver_scheduler::stage_inputs>> plans;
  };
  struct job_state {
    dataset final;
    std::map<std::uint32_t, provenance> delivered;
    bool repeatable = true;
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
      if (changing_contents && chance(20))
        (chance(50) ? changing_ : declared_).insert(next->id);
      next->indeterminate = declared_.contains(next->id);
      made.push_back(next);
    }
    return made.back();
  }

  void join_executor(std::uint32_t cores) {
    const executor_id id{next_executor_++};
    machines[id].cores = cores;
    tell(executor_joined{id, cores, chance(30) ? "" : "host" + std::to_string(below(3))});
  }
  job_id submit(const dataset& final_dataset) {
    const job_id id{next_job_++};
    jobs[id].final = final_dataset;
    jobs[id].repeatable = !changing_contents || chance(80);
    std::vector<std::uint32_t> all(final_dataset->partitions);
    for (std::uint32_t p = 0; p < all.size(); ++p)
      all[p] = p;
    tell(job_submitted{id, final_dataset, all, chance(50) ? "a" : "b", jobs[id].repeatable});
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
    to_be_killed.erase(id);
    leaving.erase(id);
    std::erase_if(moves, [&](const auto& one) { return one.to == id; });
    tell(executor_lost{id, "killed by signal 9", {}});
  }

  /// The task does its work: success, or the first block that it could not read.
  void run(task_id id) {
    const auto done = tasks.at(id);
    tasks.erase(id);
    if (done.cancelled && chance(changing_contents ? 40 : 70)) {
      tell(task_failed{id, done.executor, task_was_cancelled{}});
      return;
    }
    if (poisoned && done.order.partition == *poisoned && chance(60)) {
      tasks.emplace(id, done);
      fail(id);
      return;
    }
    auto& at = machines.at(done.executor);
    reading input{done, {}, {}, {}, {}, false};
    provenance from;
    if (!reads_at_start)
      from = read(*done.program.dataset, done.order.partition, input);
    for (const auto& b : input.kept_gone)
      tell(block_dropped{kept_files, b});
    if (input.missing) {
      tell(task_failed{id, done.executor, *input.missing});
      return;
    }
    task_succeeded report;
    report.task = id;
    report.executor = done.executor;
    report.run_time = std::chrono::microseconds(run_time_us);
    for (const auto& [b, made_from] : input.computed) {
      at.cached.emplace(std::pair(b.dataset, b.partition), made_from);
      report.cached.push_back(b);
      if (keeps && declared_.empty() && chance(60) && files.cached.emplace(std::pair(b.dataset, b.partition), made_from).second)
        report.kept.push_back(b);
    }
    if (done.program.map_child) {
      report.output_fingerprint = commit(at, done, std::move(from), input.changing);
      const block what{shuffle_of(done), done.order.partition};
      const auto& stored = at.shuffle_blocks.at(what);
      report.output_kept =
          keeps && declared_.empty() && chance(60) && stored.by == done.order.task && files.shuffle_blocks.emplace(what, stored).second;
    } else
      outcomes_[id] = std::move(from);
    old_reports.push_back(report);
    tell(report);
  }

  void ask_to_leave(executor_id id, bool may_stay) {
    leaving.insert(id);
    tell(executor_leaving{id, "chaos", may_stay});
  }
  /// A block that is to move does, if its holder still has it.
  void move(std::size_t which, bool succeeds) {
    const auto one = moves.at(which);
    moves.erase(moves.begin() + static_cast<std::ptrdiff_t>(which));
    const auto from = machines.find(one.from);
    auto outcome = from == machines.end() ? move_outcome::failed : succeeds ? move_outcome::not_found : move_outcome::no_room;
    auto& to = machines.at(one.to);
    if (outcome == move_outcome::not_found && one.block.is_map_output) {
      const block what{{one.block.owner}, one.block.partition};
      const auto* held = output_of(from->second, what);
      if (held && held->by == one.block.made_by) {
        auto& stored = to.shuffle_blocks[what];
        if (stored.by < held->by)
          stored = *held;
        outcome = stored.by == one.block.made_by ? move_outcome::moved : move_outcome::failed;
      }
    } else if (outcome == move_outcome::not_found) {
      const std::pair what{rdd_id{one.block.owner}, one.block.partition};
      const auto held = from->second.cached.find(what);
      if (held != from->second.cached.end()) {
        const bool dropped = drops_[what.first] != one.drops;
        if (!dropped)
          to.cached.insert(*held);
        outcome = dropped ? move_outcome::failed : move_outcome::moved;
      }
    }
    trace << "M" << one.block.move << "," << static_cast<int>(outcome);
    tell(blocks_moved{one.to, {{one.block.move, outcome}}});
  }

  void fail(task_id id) {
    const auto done = tasks.at(id);
    tasks.erase(id);
    if (!done.cancelled)
      failed_.insert({done.stage, done.stage_attempt, done.order.partition, done.executor});
    tell(task_failed{id, done.executor, user_error{"boom", static_cast<std::uint8_t>(errc::task_failed)}});
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
  /// What a task has come by so far.
  struct reading {
    const task& by;
    std::map<std::pair<rdd_id, std::uint32_t>, provenance> seen;
    std::vector<std::pair<cached_block, provenance>> computed;
    std::vector<cached_block> kept_gone; ///< copies that were to be read from a file
    std::optional<fetch_failed> missing;
    bool changing = false; ///< a function that gives other records each time has run
  };

  static void merge(provenance& into, const provenance& from) {
    for (const auto& [what, version] : from) {
      const auto [at, fresh] = into.emplace(what, version);
      // Two versions of one output in one computation: no single execution would have led there. Kept, and found when a job ends.
      if (!fresh && at->second != version)
        at->second = mixed;
    }
  }

  provenance read(const core::lineage& d, std::uint32_t p, reading& input) {
    if (input.missing)
      return {};
    if (const auto known = input.seen.find({d.id, p}); known != input.seen.end())
      return known->second;
    if (d.cached) {
      if (const auto* held = block_of(input.by, d.id, p)) {
        input.seen.emplace(std::pair(d.id, p), *held);
        return *held;
      }
      for (const auto& [b, holder] : input.by.inputs->cached)
        if (b.dataset == d.id && b.partition == p && holder == kept_files)
          input.kept_gone.push_back(b);
    }
    provenance all;
    for (const auto& dependency : d.dependencies)
      if (!dependency.wide())
        for (const auto q : dependency.parents_of(p))
          merge(all, read(*dependency.parent, q, input));
      else
        fetch(dependency, input, all);
    input.changing |= changing_.contains(d.id) || declared_.contains(d.id);
    if (d.cached && !input.missing)
      input.computed.push_back({{d.id, p}, all});
    input.seen.emplace(std::pair(d.id, p), all);
    return all;
  }

  const provenance* block_of(const task& by, rdd_id id, std::uint32_t p) const {
    const auto at = [&](executor_id holder) -> const provenance* {
      const auto* found = machine_of(holder);
      if (!found)
        return nullptr;
      const auto held = found->cached.find({id, p});
      return held == found->cached.end() ? nullptr : &held->second;
    };
    if (const auto* here = at(by.executor))
      return here;
    for (const auto& [b, holder] : by.inputs->cached)
      if (b.dataset == id && b.partition == p)
        if (const auto* there = at(holder))
          return there;
    return nullptr;
  }

  void fetch(const core::dependency& from, reading& input, provenance& all) const {
    for (const auto& [shuffle, where] : input.by.inputs->shuffles)
      for (std::uint32_t m = 0; shuffle == from.shuffle && m < where.size() && !input.missing; ++m) {
        const auto* const holder = machine_of(where[m]);
        const auto* found = holder ? output_of(*holder, {shuffle, m}) : nullptr;
        if (found)
          merge(all, found->from);
        else
          input.missing = fetch_failed{shuffle, m, where[m], "gone"};
      }
  }

  const machine* machine_of(executor_id holder) const {
    if (holder == kept_files)
      return &files;
    const auto found = machines.find(holder);
    return found == machines.end() ? nullptr : &found->second;
  }

  static const map_output* output_of(const machine& at, const block& what) {
    const auto found = at.shuffle_blocks.find(what);
    return found == at.shuffle_blocks.end() ? nullptr : &found->second;
  }

  /// Stores a map output; of two attempts on one machine the later one counts. Returns its fingerprint, as far as it is known: a
  /// function that declares itself indeterminate is not looked at.
  std::uint64_t commit(machine& at, const task& done, provenance from, bool changing) {
    const block what{shuffle_of(done), done.order.partition};
    std::uint64_t version = 1 + what.first.value * 1000 + what.second;
    for (const auto& [input, v] : from)
      version = (version ^ v) * 0x9e3779b97f4a7c15ULL + input.second;
    version = (changing ? version + done.order.task.value * 2 : version) | 1;
    from[what] = version;
    auto& stored = at.shuffle_blocks[what];
    if (stored.by < done.order.task)
      stored = {done.order.task, version, std::move(from)};
    return changing_.empty() && !declared_.empty() ? 0 : version;
  }

  void check_results(const job_state& j) const {
    provenance all;
    for (const auto& [index, from] : j.delivered)
      merge(all, from);
    for (const auto& [what, version] : all) {
      INFO("shuffle " << what.first.value << ", map partition " << what.second);
      REQUIRE(version != mixed);
    }
  }

  void check_copies(const task& made) const {
    std::size_t others = 0;
    for (const auto& [id, one] : tasks)
      if (!one.cancelled && one.stage == made.stage && one.order.partition == made.order.partition) {
        ++others;
        REQUIRE(one.executor != made.executor);
      }
    REQUIRE(others <= (options_.speculation.enabled ? 1 : 0));
    if (options_.exclusion.tasks_and_stages)
      REQUIRE(!failed_.contains({made.stage, made.stage_attempt, made.order.partition, made.executor}));
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
            REQUIRE(machine_of(at));
        }
      REQUIRE(found);
    }
  }

  void perform(const action& a) {
    if (const auto* launch = std::get_if<launch_tasks>(&a)) {
      trace << "L" << launch->executor.value << "," << launch->stage.value << "." << launch->stage_attempt << ":";
      REQUIRE(machines.contains(launch->executor));
      REQUIRE(!suspects.contains(launch->executor));
      REQUIRE(!leaving.contains(launch->executor));
      auto& plan = machines.at(launch->executor).plans[{launch->stage, launch->stage_attempt}];
      if (!plan)
        plan = std::make_shared<const driver_scheduler::stage_inputs>(driver.inputs_of(launch->stage));
      const auto inputs = driver.inputs_of(launch->stage);
      for (const auto& order : launch->tasks) {
        task made{order, launch->executor, launch->stage, launch->stage_attempt, driver.program_of(launch->stage), plan, false};
        REQUIRE(made.program.dataset);
        std::set<std::pair<rdd_id, std::uint32_t>> seen;
        check_inputs(*made.program.dataset, order.partition, inputs, seen);
        check_copies(made);
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
      REQUIRE(jobs.at(result->job).delivered.emplace(result->index, outcomes_[result->task]).second);
    } else if (const auto* taken_back = std::get_if<withdraw_results>(&a)) {
      trace << "W" << taken_back->job.value;
      REQUIRE(jobs.at(taken_back->job).repeatable);
      for (const auto index : taken_back->indices)
        REQUIRE(jobs.at(taken_back->job).delivered.erase(index) == 1);
    } else if (const auto* stale = std::get_if<drop_cached>(&a)) {
      trace << "U" << stale->dataset.value;
      ++drops_[stale->dataset];
      for (auto& [id, at] : machines)
        if (stale->executor == no_executor || stale->executor == id)
          std::erase_if(at.cached, [&](const auto& held) { return held.first.first == stale->dataset; });
    } else if (const auto* doomed = std::get_if<kill_executor>(&a)) {
      trace << "K" << doomed->executor.value;
      REQUIRE(machines.contains(doomed->executor));
      REQUIRE(to_be_killed.insert(doomed->executor).second);
    } else if (const auto* order = std::get_if<take_over>(&a)) {
      REQUIRE(machines.contains(order->executor));
      REQUIRE(!leaving.contains(order->executor));
      for (const auto& one : order->blocks)
        moves.push_back({order->executor, order->from, one, drops_[rdd_id{one.owner}]});
      REQUIRE(std::count_if(moves.begin(), moves.end(), [&](const auto& one) { return one.to == order->executor; }) <=
              options_.handover.at_once_max);
    } else if (const auto* renewed = std::get_if<renew_inputs>(&a)) {
      for (auto& [id, at] : machines)
        std::erase_if(at.plans, [&](const auto& plan) { return plan.first.first == renewed->stage; });
    } else if (const auto* free = std::get_if<release_executor>(&a)) {
      trace << "E" << free->executor.value;
      REQUIRE(leaving.contains(free->executor));
      for (const auto& [id, one] : tasks)
        REQUIRE(one.executor != free->executor);
      REQUIRE(to_be_killed.insert(free->executor).second);
    } else if (const auto* stays = std::get_if<executor_stays>(&a)) {
      REQUIRE(leaving.erase(stays->executor) == 1);
    } else if (const auto* done = std::get_if<finish_job>(&a)) {
      trace << "F" << done->job.value;
      auto& j = jobs.at(done->job);
      REQUIRE(!j.over);
      REQUIRE(j.delivered.size() == j.final->partitions);
      check_results(j);
      j.over = true;
    } else if (const auto* failed = std::get_if<fail_job>(&a)) {
      trace << "X" << failed->job.value;
      auto& j = jobs.at(failed->job);
      REQUIRE(!j.over);
      j.over = j.failed = true;
      INFO(failed->why.text);
      const bool no_way_back = !j.repeatable && failed->why.text.find("cannot roll back") != std::string::npos;
      const bool nowhere_to_run = options_.exclusion.application && failed->why.text.find("cannot run anywhere") != std::string::npos;
      const auto& text = failed->why.text;
      const auto limit = std::to_string(options_.task_failures_max);
      const bool often = text.find(" failed " + limit + " time") != std::string::npos || text.find(" ended ") != std::string::npos;
      REQUIRE((j.cancelled || no_way_back || nowhere_to_run || (options_.task_failures_max < 1000 && often)));
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
  static constexpr std::uint64_t mixed = 0; ///< the version of what came in two
  std::set<rdd_id> changing_;               ///< datasets that differ each time they are computed
  std::set<rdd_id> declared_;               ///< the same, and say so
  std::map<task_id, provenance> outcomes_;  ///< of result tasks
  std::set<std::tuple<stage_id, std::uint32_t, std::uint32_t, executor_id>> failed_;
  std::map<rdd_id, std::uint32_t> drops_;

public:
  driver_scheduler driver;
  std::mt19937_64 random;
  time_point now{};
  std::optional<time_point> wake;
  std::map<executor_id, machine> machines;
  machine files; ///< what lies at kept_files
  bool keeps = false;
  std::set<executor_id> suspects;
  std::set<executor_id> to_be_killed;
  std::set<executor_id> leaving;
  struct ordered_move {
    executor_id to;
    executor_id from;
    moving_block block;
    std::uint32_t drops = 0; ///< of its dataset, when it was ordered
  };
  std::vector<ordered_move> moves;
  bool changing_contents = false;
  std::optional<std::uint32_t> poisoned; ///< tasks of this partition often fail
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
