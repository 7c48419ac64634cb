#include "job_checks.hpp"

#include <salamander/scheduler/pipeline.hpp>

#include <algorithm>

namespace salamander::sim {

namespace {

records summary_of(const records& of) {
  std::int64_t sum = 0;
  for (const auto& one : of)
    sum += one.value;
  return {{static_cast<std::uint32_t>(of.size()), sum}};
}

std::string name_of(task_id task) {
  return "task " + std::to_string(task.value);
}

bool changes_nothing(const std::vector<scheduler::action>& decided) {
  return std::all_of(decided.begin(), decided.end(), [](const scheduler::action& one) {
    return std::holds_alternative<scheduler::discard_result>(one) || std::holds_alternative<scheduler::notice>(one) ||
           std::holds_alternative<scheduler::wake_at>(one);
  });
}

} // namespace

job_checks::job& job_checks::submitted(job_id id, const planned_job& plan, std::shared_ptr<const dataset> final) {
  auto& made = jobs_[id];
  made.plan = &plan;
  made.final = std::move(final);
  made.results.resize(plan.partitions.size());
  made.files.resize(plan.partitions.size());
  return made;
}

job_checks::job* job_checks::find(job_id id) {
  const auto at = jobs_.find(id);
  return at == jobs_.end() ? nullptr : &at->second;
}

void job_checks::before(const scheduler::event& what) {
  expected_ = true;
  const auto ended = [this](task_id task, executor_id executor) {
    const auto at = running_.find(task);
    expected_ = at != running_.end() && at->second.executor == executor;
  };
  if (const auto* done = std::get_if<scheduler::task_succeeded>(&what))
    ended(done->task, done->executor);
  else if (const auto* failed = std::get_if<scheduler::task_failed>(&what))
    ended(failed->task, failed->executor);
}

void job_checks::after(const scheduler::event& what, const std::vector<scheduler::action>& decided) {
  check(expected_ || changes_nothing(decided), "S4 dead epoch",
        [] { return std::string("a report of an attempt that does not run any more had consequences"); });
  if (const auto* done = std::get_if<scheduler::task_succeeded>(&what); done && expected_)
    succeeded(done->task, decided);
  else if (const auto* failed = std::get_if<scheduler::task_failed>(&what); failed && expected_)
    count_failure(failed->task, failed->why);
  else if (const auto* lost = std::get_if<scheduler::executor_lost>(&what))
    executor_gone(*lost);
  else if (const auto* leaves = std::get_if<scheduler::executor_leaving>(&what); leaves && alive_.contains(leaves->executor)) {
    leaving_.insert(leaves->executor);
    if (world_.plan.single_departure)
      account_for(scheduler::no_executor);
  } else if (const auto* taken = std::get_if<scheduler::blocks_moved>(&what))
    moved(*taken, decided);
  else if (const auto* suspect = std::get_if<scheduler::executor_suspected>(&what))
    suspects_.insert(suspect->executor);
  else if (const auto* well = std::get_if<scheduler::executor_recovered>(&what))
    suspects_.erase(well->executor);
  else if (const auto* released = std::get_if<scheduler::shuffle_released>(&what))
    std::erase_if(outputs_, [&](const auto& one) { return one.first.first == released->shuffle; });
  else if (std::holds_alternative<scheduler::executors_exhausted>(what))
    exhausted_ = true;
  for (const auto& one : decided)
    decision(one);
  if (!world_.plan.barriers.empty())
    check_gangs(decided);
  last_task_ = newest_task_;
}

void job_checks::check_gangs(const std::vector<scheduler::action>& decided) const {
  const auto uncut = [](const core::lineage&) { return false; };
  std::map<executor_id, std::uint32_t> load;
  for (const auto& [id, one] : running_)
    ++load[one.executor];
  std::map<stage_id, const scheduler::gang_launched*> gangs;
  for (const auto& each : decided)
    if (const auto* gang = std::get_if<scheduler::gang_launched>(&each)) {
      gangs[gang->stage] = gang;
      const auto program = machine_.program_of(gang->stage);
      check(program.dataset && gang->tasks.size() == program.dataset->partitions, "S11 barrier", [&] {
        return std::to_string(gang->tasks.size()) + " tasks of barrier stage " + std::to_string(gang->stage.value) + " are launched";
      });
      for (std::uint32_t p = 0; p < gang->tasks.size(); ++p) {
        const auto [id, executor] = gang->tasks[p];
        const auto at = running_.find(id);
        check(at != running_.end() && at->second.partition == p && at->second.executor == executor && !at->second.cancelled, "S11 barrier",
              [&, name = id] { return name_of(name) + " of a barrier stage is not launched with the others"; });
        check(load[executor] <= world_.settings.slots_of_each(), "S11 barrier",
              [&, name = id] { return name_of(name) + " of a barrier stage has to wait for a core"; });
      }
    }
  for (const auto& each : decided)
    if (const auto* sent = std::get_if<scheduler::launch_tasks>(&each))
      check(gangs.contains(sent->stage) || !scheduler::walk_pipeline(machine_.program_of(sent->stage).dataset, uncut).barrier,
            "S11 barrier",
            [&] { return "a task of barrier stage " + std::to_string(sent->stage.value) + " is launched without the others"; });
}

void job_checks::succeeded(task_id id, const std::vector<scheduler::action>& decided) {
  const auto at = running_.find(id);
  const auto one = at->second;
  running_.erase(at);
  bool refused = false;
  bool delivered = false;
  bool counted = false;
  bool first = false; ///< of its place to be accepted
  for (const auto& each : decided) {
    const auto* unwanted = std::get_if<scheduler::discard_result>(&each);
    const auto* result = std::get_if<scheduler::deliver_result>(&each);
    refused = refused || (unwanted && unwanted->task == id);
    delivered = delivered || (result && result->task == id);
    if (result && result->task == id)
      first = results_counted_.insert({result->job, result->index}).second;
    const auto* contributions = std::get_if<scheduler::count_contributions>(&each);
    counted = counted || (contributions && contributions->task == id);
  }
  if (one.place.first && !refused)
    first = outputs_counted_.insert(one.place).second;
  check(counted == first, "S2 accumulators",
        [&] { return "what " + name_of(id) + " added is " + (counted ? "counted again" : "not counted"); });
  check(!one.cancelled || (refused && !delivered), "S4 attempts", [&] { return name_of(id) + " was cancelled, and its success counts"; });
  failures_.erase({one.stage, one.stage_attempt, one.partition});
  if (refused || !one.place.first)
    return;
  outputs_[one.place] = one.executor;
  std::erase_if(unreadable_,
                [&](const auto& gone) { return std::get<0>(gone) == *one.place.first && std::get<1>(gone) == one.place.second; });
}

void job_checks::count_failure(task_id id, const scheduler::failure& why) {
  const auto at = running_.find(id);
  const auto one = at->second;
  running_.erase(at);
  if (one.cancelled)
    return;
  if (const auto* lost = std::get_if<scheduler::fetch_failed>(&why))
    fetch_failed(one, *lost);
  const auto* error = std::get_if<scheduler::user_error>(&why);
  if (!error)
    return;
  for (auto* counts : {&failures_[{one.stage, one.stage_attempt, one.partition}], &by_stage_[one.stage][one.partition]}) {
    ++counts->thrown;
    ++counts->on[one.executor];
    counts->out_of_memory += error->code == static_cast<std::uint8_t>(errc::out_of_memory) ? 1 : 0;
    counts->codes.insert(error->code);
  }
}

void job_checks::fetch_failed(const running_task& by, const scheduler::fetch_failed& why) {
  ++fetch_failures_[by.stage];
  // What an earlier attempt of the stage says may be long out of date.
  if (latest_[by.stage] != by.stage_attempt || !alive_.contains(why.from))
    return;
  const auto at = outputs_.find({why.shuffle, why.map_partition});
  if (at == outputs_.end() || at->second != why.from)
    return;
  outputs_.erase(at);
  unreadable_.insert({why.shuffle, why.map_partition, why.from});
}

void job_checks::executor_gone(const scheduler::executor_lost& lost) {
  if (!alive_.contains(lost.executor))
    return;
  alive_.erase(lost.executor);
  suspects_.erase(lost.executor);
  leaving_.erase(lost.executor);
  if (world_.plan.single_loss && !world_.plan.single_departure)
    account_for(lost.executor);
  std::erase_if(outputs_, [&](const auto& one) { return one.second == lost.executor; });
  for (auto at = running_.begin(); at != running_.end();) {
    if (at->second.executor == lost.executor && !at->second.cancelled)
      ++by_stage_[at->second.stage][at->second.partition].executors;
    at = at->second.executor == lost.executor ? running_.erase(at) : std::next(at);
  }
}

void job_checks::moved(const scheduler::blocks_moved& what, const std::vector<scheduler::action>& decided) {
  for (const auto& [number, outcome] : what.moves) {
    const auto at = moves_.find(number);
    if (at == moves_.end())
      continue;
    const auto& [place, from] = at->second;
    const bool refused = std::ranges::any_of(decided, [&, where = place](const auto& each) {
      const auto* unwanted = std::get_if<scheduler::discard_result>(&each);
      return unwanted && unwanted->executor == what.executor && unwanted->map_output == std::pair(*where.first, where.second);
    });
    if (const auto held = outputs_.find(place);
        outcome == scheduler::move_outcome::moved && !refused && held != outputs_.end() && held->second == from)
      held->second = what.executor;
    moves_.erase(at);
  }
}

void job_checks::account_for(executor_id lost) {
  const auto& one = jobs_.begin()->second;
  if (jobs_.empty() || one.over)
    return;
  loss_accounting::state now;
  now.final = one.final.get();
  for (std::size_t i = 0; i < one.results.size(); ++i) {
    now.wanted.insert(one.plan->partitions[i]);
    if (one.results[i])
      now.delivered.insert(one.plan->partitions[i]);
  }
  for (const auto& [place, where] : outputs_)
    (where == lost ? now.lost : now.held).insert(place);
  for (const auto& [task, each] : running_)
    if (each.executor != lost && !each.cancelled)
      now.running.insert(each.place);
  losses_.executor_lost(std::move(now));
}

void job_checks::decision(const scheduler::action& what) {
  if (const auto* launched = std::get_if<scheduler::launch_tasks>(&what)) {
    for (const auto& task : launched->tasks)
      launch(*launched, task);
  } else if (const auto* cancelled = std::get_if<scheduler::cancel_tasks>(&what)) {
    for (const auto id : cancelled->tasks) {
      const auto at = running_.find(id);
      check(at != running_.end() && at->second.executor == cancelled->executor, "S4 attempts",
            [&] { return name_of(id) + " is cancelled where it does not run"; });
      at->second.cancelled = true;
    }
  } else if (const auto* taking = std::get_if<scheduler::take_over>(&what)) {
    check(!leaving_.contains(taking->executor), "S4 leaving",
          [&] { return "executor " + std::to_string(taking->executor.value) + " is to take blocks over although it leaves"; });
    for (const auto& one : taking->blocks)
      if (one.is_map_output)
        moves_.insert_or_assign(one.move, std::pair(loss_accounting::place{shuffle_id{one.owner}, one.partition}, taking->from));
  } else if (const auto* stays = std::get_if<scheduler::executor_stays>(&what)) {
    leaving_.erase(stays->executor);
  } else if (const auto* free = std::get_if<scheduler::release_executor>(&what)) {
    for (const auto& [task, one] : running_)
      check(one.executor != free->executor, "S6 release", [&, id = task] { return name_of(id) + " runs on an executor that is released"; });
    for (const auto& [place, where] : outputs_)
      check(!world_.plan.single_departure || where != free->executor, "S5 hand-over", [&, which = place] {
        return "executor " + std::to_string(free->executor.value) + " is released and holds map output " + std::to_string(which.second) +
               " of shuffle " + std::to_string(which.first->value);
      });
  } else if (const auto* gang = std::get_if<scheduler::gang_launched>(&what)) {
    ++gangs_[gang->stage];
  } else if (const auto* started = std::get_if<scheduler::stage_started>(&what)) {
    latest_[started->stage] = started->attempt;
  }
}

void job_checks::withdrawn(const scheduler::withdraw_results& what) {
  auto* const of = find(what.job);
  check(of && !of->over && of->plan->what != job_action::foreach, "S2 once",
        [] { return std::string("results of a job are withdrawn that must not be"); });
  for (const auto index : what.indices) {
    check(of->results[index].has_value(), "S2 once",
          [&] { return "result " + std::to_string(index) + " is withdrawn and was not delivered"; });
    of->results[index].reset();
  }
}

void job_checks::launch(const scheduler::launch_tasks& where, const scheduler::task_launch& what) {
  const auto name = [&] {
    return name_of(what.task) + " (stage " + std::to_string(where.stage.value) + "." + std::to_string(where.stage_attempt) +
           ", partition " + std::to_string(what.partition) + ")";
  };
  check(alive_.contains(where.executor), "S4 dead epoch", [&] { return name() + " is sent to an executor that is lost"; });
  check(what.task.value > last_task_ && !running_.contains(what.task), "S5 once",
        [&] { return name() + " has a name that was used before"; });
  newest_task_ = std::max(newest_task_, what.task.value);
  const auto failed = failures_.find({where.stage, where.stage_attempt, what.partition});
  const auto& options = world_.settings.scheduler;
  check(failed == failures_.end() || (failed->second.thrown < options.task_failures_max &&
                                      failed->second.out_of_memory < std::max(1U, options.out_of_memory_failures_max)),
        "S5 attempts", [&] { return name() + " is launched although it has failed as often as it may"; });
  check(!leaving_.contains(where.executor), "S4 leaving", [&] { return name() + " is sent to an executor that leaves"; });
  check(!suspects_.contains(where.executor), "S4 suspect", [&] { return name() + " is sent to an executor that is suspected"; });
  const auto& rules = options.exclusion;
  check(!rules.tasks_and_stages || failed == failures_.end() || !failed->second.on.contains(where.executor) ||
            failed->second.on.at(where.executor) < rules.task_attempts_per_executor_max,
        "S5 exclusion", [&] { return name() + " is sent to an executor where it has failed as often as it may"; });
  std::uint32_t others = 0;
  for (const auto& [id, other] : running_) {
    if (other.stage != where.stage || other.partition != what.partition || other.cancelled)
      continue;
    ++others;
    check(other.executor != where.executor, "S6 attempts", [&] { return name() + " is sent to where another attempt of it runs"; });
  }
  check(others <= (options.speculation.enabled ? 1 : 0), "S6 attempts",
        [&] { return name() + " is launched while " + std::to_string(others) + " attempts of it run"; });
  const auto program = machine_.program_of(where.stage);
  loss_accounting::place place{std::nullopt, what.partition};
  if (program.map_child)
    place.first = program.map_child->dependencies[program.map_dependency].shuffle;
  losses_.launched(place);
  running_[what.task] = {where.stage, where.stage_attempt, what.partition, where.executor, false, place};
}

void job_checks::announced(const stage_order& what) const {
  for (const auto& [block, holder] : what.inputs.cached)
    check(alive_.contains(holder), "S4 inputs", [&, where = holder] {
      return "a task of stage " + std::to_string(what.stage.value) + " is to read a cached block from executor " +
             std::to_string(where.value) + ", which is lost";
    });
  for (const auto& [shuffle, where] : what.inputs.shuffles)
    for (std::uint32_t map = 0; map < where.size(); ++map)
      check(!unreadable_.contains({shuffle, map, where[map]}), "S4 inputs", [&, id = shuffle] {
        return "a task of stage " + std::to_string(what.stage.value) + " is to read map output " + std::to_string(map) + " of shuffle " +
               std::to_string(id.value) + " where it could not be had";
      });
}

void job_checks::launched(const scheduler::launch_tasks& what, const stage_order& as_sent) {
  for (const auto& task : what.tasks) {
    std::set<std::pair<core::rdd_id, std::uint32_t>> seen;
    check_inputs(*as_sent.program.dataset, task.partition, as_sent, seen);
  }
}

// Apart from what is behind blocks that are known to be cached, every shuffle that a task reads is whole, and lies where executors live.
void job_checks::check_inputs(const core::lineage& of, std::uint32_t partition, const stage_order& as_sent,
                              std::set<std::pair<core::rdd_id, std::uint32_t>>& seen) const {
  if (!seen.insert({of.id, partition}).second)
    return;
  for (const auto& [block, holder] : as_sent.inputs.cached)
    if (block.dataset == of.id && block.partition == partition && of.cached)
      return;
  for (const auto& edge : of.dependencies) {
    if (!edge.wide()) {
      for (const auto parent : edge.parents_of(partition))
        check_inputs(*edge.parent, parent, as_sent, seen);
      continue;
    }
    const auto at = std::find_if(as_sent.inputs.shuffles.begin(), as_sent.inputs.shuffles.end(),
                                 [&](const auto& one) { return one.first == edge.shuffle; });
    check(at != as_sent.inputs.shuffles.end() && at->second.size() == edge.parent->partitions, "S4 inputs", [&] {
      return "a task of stage " + std::to_string(as_sent.stage.value) + " is not told where shuffle " + std::to_string(edge.shuffle.value) +
             " is";
    });
    for (const auto where : at->second)
      check(alive_.contains(where), "S4 inputs", [&] {
        return "a task of stage " + std::to_string(as_sent.stage.value) + "." + std::to_string(as_sent.stage_attempt) +
               " is to read shuffle " + std::to_string(edge.shuffle.value) + " from executor " + std::to_string(where.value) +
               ", which is lost";
      });
  }
}

void job_checks::result_arrived(job& of, std::uint32_t index, const records& what, const std::string& file) {
  check(!of.over, "S2 once", [] { return std::string("a result is delivered to a job that is over"); });
  check(index < of.results.size() && !of.results[index], "S2 once",
        [&] { return "result " + std::to_string(index) + " is delivered a second time"; });
  of.results[index] = what;
  of.files[index] = file;
}

void job_checks::finished(job_id id) {
  auto* const one = find(id);
  check(one && !one->over, "S2 once", [&] { return "job " + std::to_string(id.value) + " is finished and was over before"; });
  one->over = true;
  ++succeeded_;
  std::vector<records> results;
  for (const auto& result : one->results) {
    check(result.has_value(), "S2 once", [&] { return "job " + std::to_string(id.value) + " is finished and lacks a result"; });
    results.push_back(*result);
  }
  const auto& partitions = one->plan->partitions;
  if (one->plan->what == job_action::collect) {
    const auto wrong = difference(right_, *one->final, partitions, results);
    check(wrong.empty(), "S1 result", [&] { return "job " + std::to_string(id.value) + ": " + wrong; });
    return;
  }
  records expected;
  records found;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const auto& right = right_.partition(*one->final, partitions[i]);
    expected.insert(expected.end(), right.begin(), right.end());
    found.insert(found.end(), results[i].begin(), results[i].end());
    check(one->final->loose || results[i] == summary_of(right), "S1 result",
          [&] { return "job " + std::to_string(id.value) + ": count or sum of partition " + std::to_string(partitions[i]) + " is wrong"; });
  }
  std::uint64_t count = 0;
  for (const auto& part : found)
    count += part.key;
  check(count == expected.size() && summary_of(found)[0].value == summary_of(expected)[0].value, "S1 result",
        [&] { return "job " + std::to_string(id.value) + ": count or sum is wrong"; });
  if (one->plan->what == job_action::save)
    check_files(*one);
}

void job_checks::check_files(const job& of) {
  const auto* directory = world_.disk.find(of.path);
  check(directory && directory->success && directory->attempts.empty(), "S2 output",
        [] { return std::string("a save left attempts behind"); });
  check(directory->parts.size() == of.plan->partitions.size() && directory->renames == directory->parts.size(), "S2 output",
        [] { return std::string("not every partition of a save is committed once"); });
  std::vector<records> parts;
  for (const auto partition : of.plan->partitions)
    parts.push_back(directory->parts.at(partition));
  const auto wrong = difference(right_, *of.final, of.plan->partitions, parts);
  check(wrong.empty(), "S2 output", [&] { return "a file of a save: " + wrong; });
}

void job_checks::failed(const scheduler::fail_job& what) {
  auto* const one = find(what.job);
  check(one && !one->over, "S2 once", [&] { return "job " + std::to_string(what.job.value) + " fails and was over before"; });
  one->over = true;
  const auto why = why_dishonest(*one, what);
  check(why.empty(), "S10 honest", [&] {
    return "job " + std::to_string(what.job.value) + " failed with " + std::string(to_string(static_cast<errc>(what.why.code))) + " (" +
           what.why.text + "), but " + why;
  });
}

std::string job_checks::why_dishonest(const job& which, const scheduler::fail_job& what) const {
  const auto& options = world_.settings.scheduler;
  const auto code = static_cast<errc>(what.why.code);
  if (code == errc::job_cancelled)
    return which.cancelled ? "" : "nobody cancelled it";
  if (code == errc::internal)
    return which.broken ? "" : "its lineage is sound";
  if (code == errc::invalid_argument)
    return which.broken && !world_.plan.barriers.empty() ? "" : "its stages may be run";
  if (code == errc::no_executors)
    return exhausted_ ? "" : "executors were not given up";
  if (code == errc::result_too_large)
    return options.result_bytes_max < (1U << 20) ? "" : "its results are small";
  const auto says = [&](const char* words) { return what.why.text.find(words) != std::string::npos; };
  if (code == errc::stage_aborted && says("requires more slots than there are")) {
    const auto well = std::ranges::count_if(alive_, [this](auto one) { return !suspects_.contains(one); });
    return !world_.plan.barriers.empty() && static_cast<std::uint32_t>(well) < world_.settings.slots ? "" : "all executors are well";
  }
  if (code == errc::stage_aborted && says("is a barrier stage, and failed ")) {
    const auto enough = [&](const auto& gang) { return gang.second >= options.stage_attempts_max; };
    return std::ranges::any_of(gangs_, enough) ? "" : "no barrier stage has been tried so often";
  }
  if (code == errc::stage_aborted && says("is a barrier stage that could not be recovered"))
    return which.plan->what == job_action::foreach && !gangs_.empty() ? "" : "nothing that it does has effects";
  if (code == errc::stage_aborted && what.why.text.find("effects") != std::string::npos)
    return which.plan->what == job_action::foreach && world_.plan.shape.scatter_percent > 0 ? "" : "nothing that it does has effects";
  if (code == errc::stage_aborted && what.why.text.find("excludeOnFailure") != std::string::npos)
    return (options.exclusion.tasks_and_stages || options.exclusion.application) ? "" : "executors are not excluded";
  if (what.why.attempts.empty())
    return "it names no attempt";
  const auto& last = what.why.attempts.back();
  if (code == errc::stage_aborted) {
    const auto at = fetch_failures_.find(last.stage);
    return at != fetch_failures_.end() && at->second >= options.stage_attempts_max ? "" : "its stage has not failed so often";
  }
  const auto stage = by_stage_.find(last.stage);
  const auto task = stage == by_stage_.end() ? std::map<std::uint32_t, failures>::const_iterator{} : stage->second.find(last.partition);
  if (stage == by_stage_.end() || task == stage->second.end())
    return "that task has not failed";
  const auto& seen = task->second;
  const auto times = seen.thrown + (seen.executors >= 2 ? seen.executors : 0);
  if (code == errc::executor_lost && seen.executors >= 2 && times >= options.task_failures_max)
    return "";
  if (!seen.codes.contains(what.why.code))
    return "that task has not failed in this way";
  if (code == errc::out_of_memory)
    return seen.out_of_memory >= std::min(options.out_of_memory_failures_max, options.task_failures_max) ||
                   times >= options.task_failures_max
               ? ""
               : "that task may be tried again";
  if (code != errc::task_failed && code != errc::io_error && code != errc::out_of_disk && code != errc::executor_lost)
    return "nothing that was done leads to such a failure";
  return times >= options.task_failures_max ? "" : "that task may be tried again";
}

} // namespace salamander::sim
