#include <salamander/scheduler/driver_scheduler.hpp>

#include <salamander/scheduler/driver_impl.hpp>
#include <salamander/scheduler/pipeline.hpp>

#include <algorithm>
#include <utility>

namespace salamander::scheduler {

std::vector<action> driver_scheduler::impl::handle(const event& what, time_point now) {
  now_ = now;
  if (wake_ && *wake_ <= now) {
    wake_.reset();
    offer_all_ = true;
  }
  std::visit([this](const auto& e) { on(e); }, what);
  restart_gangs_due();
  check_gangs();
  resubmit_due();
  roll_back_due();
  for (const auto& [id, why] : std::exchange(abort_due_, {}))
    if (auto* s = graph_.find(id))
      abort(*s, why);
  speculate();
  if (options_.exclusion.application)
    expire_exclusions();
  continue_departures();
  place();
  auto decided = std::move(out_);
  out_.clear();
  graveyard_.clear();
  return decided;
}

driver_scheduler::driver_scheduler(scheduler_options options) : impl_(std::make_unique<impl>(std::move(options))) {}

driver_scheduler::~driver_scheduler() = default;

std::vector<action> driver_scheduler::handle(const event& what, time_point now) {
  return impl_->handle(what, now);
}

driver_scheduler::stage_program driver_scheduler::program_of(stage_id stage) const {
  const auto* found = impl_->graph_.find(stage);
  if (!found)
    return {};
  return {found->dataset, found->map_child, found->map_dependency, found->owner};
}

driver_scheduler::stage_inputs driver_scheduler::inputs_of(stage_id stage) const {
  stage_inputs inputs;
  const auto* found = impl_->graph_.find(stage);
  if (!found)
    return inputs;
  for (const auto* parent : found->parents)
    inputs.shuffles.emplace_back(parent->shuffle, impl_->outputs_.locations(parent->shuffle));
  const auto& cache = impl_->cache_;
  const auto is_complete = [&](const core::lineage& dataset) { return cache.complete(dataset); };
  if (found->cached.empty())
    return inputs;
  for (const auto* dataset : walk_pipeline(found->dataset, is_complete).cached)
    for (std::uint32_t p = 0; p < dataset->partitions && cache.partitions(dataset->id) > 0; ++p)
      if (const auto holders = cache.holders(dataset->id, p); !holders.empty()) {
        // Memory is nearer than a file.
        const auto nearest = std::find_if(holders.begin(), holders.end(), [](auto holder) { return holder != kept_files; });
        inputs.cached.emplace_back(cached_block{dataset->id, p}, nearest == holders.end() ? kept_files : *nearest);
      }
  return inputs;
}

std::vector<job_id> driver_scheduler::jobs_of(stage_id stage) const {
  const auto* found = impl_->graph_.find(stage);
  return found ? std::vector<job_id>(found->jobs.begin(), found->jobs.end()) : std::vector<job_id>();
}

bool driver_scheduler::counts(const cached_block& computed) {
  return impl_->counted_.first_of(computed.dataset, computed.partition);
}

std::uint32_t driver_scheduler::total_cores() const {
  return impl_->executors_.total_cores();
}

std::uint32_t driver_scheduler::cached_partitions(rdd_id dataset) const {
  return impl_->cache_.partitions(dataset);
}

std::uint32_t driver_scheduler::running_tasks(executor_id executor) const {
  const auto* found = impl_->executors_.find(executor);
  return found ? found->running : 0;
}

driver_load driver_scheduler::load() const {
  driver_load now;
  for (const auto& [id, at] : impl_->executors_.all()) {
    if (!at.ending)
      now.executors.push_back({id, at.cores, at.running, at.leaving});
    now.running += at.running;
  }
  for (const auto& [id, s] : impl_->graph_.all())
    now.pending += s->current ? s->current->pending() : 0;
  for (const auto id : impl_->held_) // they begin when there are executors for all tasks of a barrier stage
    for (const auto* s : impl_->jobs_.at(id).stages)
      now.pending += s->barrier ? s->size() : 0;
  return now;
}

bool driver_scheduler::holds_blocks(executor_id executor) const {
  return !impl_->outputs_.held_by(executor).empty() || !impl_->cache_.held_by(executor).empty();
}

bool driver_scheduler::leaving(executor_id executor) const {
  return impl_->departures_.contains(executor);
}

bool driver_scheduler::idle() const {
  return impl_->jobs_.empty() && impl_->attempts_.empty() && impl_->resubmissions_.empty();
}

} // namespace salamander::scheduler
