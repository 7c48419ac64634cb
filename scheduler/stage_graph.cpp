#include <salamander/scheduler/stage_graph.hpp>

#include <salamander/scheduler/pipeline.hpp>

#include <algorithm>
#include <unordered_set>

namespace salamander::scheduler {

/// A stage whose parents are being made. `edge` is none for the result stage.
struct stage_graph::frame {
  std::optional<wide_edge> edge;
  pipeline reads;
  std::size_t next = 0;
  std::vector<stage*> parents;
};

struct stage_graph::building {
  job_id job;
  std::vector<stage*> stages;
};

std::vector<stage*> stage_graph::add_job(job_id job, const std::shared_ptr<const core::lineage>& final_dataset,
                                         std::vector<std::uint32_t> partitions) {
  const auto never_cut = [](const core::lineage&) { return false; };
  building all{job, {}};
  std::vector<frame> stack;
  stack.push_back({std::nullopt, walk_pipeline(final_dataset, never_cut), 0, {}});
  while (true) {
    auto& top = stack.back();
    if (top.next < top.reads.wide.size()) {
      const auto& edge = top.reads.wide[top.next];
      if (auto* known = of_shuffle(edge.get().shuffle)) {
        ++top.next;
        use(all, *known);
        top.parents.push_back(known);
      } else {
        const auto below = edge;
        stack.push_back({below, walk_pipeline(below.get().parent, never_cut), 0, {}});
      }
      continue;
    }
    if (!top.edge)
      break;
    const auto& edge = *top.edge;
    const auto& wide = edge.get();
    auto& made = make(all, wide.parent, top.parents, std::move(top.reads.cached));
    made.map_child = edge.child;
    made.map_dependency = edge.dependency;
    made.shuffle = wide.shuffle;
    made.indeterminate = top.reads.indeterminate;
    made.barrier = top.reads.barrier;
    by_shuffle_.emplace(wide.shuffle, &made);
    std::vector<shuffle_id> made_from;
    for (const auto* parent : made.parents)
      made_from.push_back(parent->shuffle);
    outputs_.declare(wide.shuffle, wide.parent->partitions, std::move(made_from));
    stack.pop_back(); // whoever is below finds the stage by its shuffle now
  }
  auto& result = make(all, final_dataset, stack.back().parents, std::move(stack.back().reads.cached));
  result.owner = job;
  result.barrier = stack.back().reads.barrier;
  result.partitions = std::move(partitions);
  return std::move(all.stages);
}

stage& stage_graph::make(building& all, const std::shared_ptr<const core::lineage>& dataset, const std::vector<stage*>& parents,
                         std::vector<const core::lineage*> cached) {
  auto made = std::make_unique<stage>();
  made->id = stage_id{next_++};
  made->dataset = dataset;
  made->cached = std::move(cached);
  made->jobs.insert(all.job);
  for (auto* parent : parents)
    if (std::find(made->parents.begin(), made->parents.end(), parent) == made->parents.end()) {
      made->parents.push_back(parent);
      parent->children.push_back(made.get());
    }
  auto& stored = *made;
  all.stages.push_back(&stored);
  stages_.emplace(stored.id, std::move(made));
  return stored;
}

// A stage that is there already brings its ancestors, parents first.
void stage_graph::use(building& all, stage& shared) {
  std::vector<std::pair<stage*, bool>> stack{{&shared, false}};
  while (!stack.empty()) {
    const auto [at, parents_done] = stack.back();
    stack.pop_back();
    if (parents_done) {
      all.stages.push_back(at);
      continue;
    }
    if (!at->jobs.insert(all.job).second)
      continue;
    stack.emplace_back(at, true);
    for (auto* parent : at->parents)
      stack.emplace_back(parent, false);
  }
}

std::vector<std::unique_ptr<stage>> stage_graph::remove_job(job_id job, const std::vector<stage*>& stages) {
  std::vector<std::unique_ptr<stage>> unused;
  for (auto it = stages.rbegin(); it != stages.rend(); ++it) {
    auto& at = **it;
    at.jobs.erase(job);
    if (!at.jobs.empty())
      continue;
    for (auto* parent : at.parents)
      std::erase(parent->children, &at);
    if (at.is_map())
      by_shuffle_.erase(at.shuffle);
    unused.push_back(std::move(stages_.extract(at.id).mapped()));
  }
  return unused;
}

stage* stage_graph::find(stage_id id) {
  const auto it = stages_.find(id);
  return it == stages_.end() ? nullptr : it->second.get();
}

const stage* stage_graph::find(stage_id id) const {
  const auto it = stages_.find(id);
  return it == stages_.end() ? nullptr : it->second.get();
}

stage* stage_graph::of_shuffle(shuffle_id shuffle) {
  const auto it = by_shuffle_.find(shuffle);
  return it == by_shuffle_.end() ? nullptr : it->second;
}

std::vector<stage*> stage_graph::missing_parents(const stage& of) const {
  std::vector<stage*> missing;
  for (auto* parent : of.parents)
    if (!outputs_.complete(parent->shuffle))
      missing.push_back(parent);
  if (missing.empty())
    return missing;
  const auto hidden = hidden_parents(of);
  std::erase_if(missing, [&](const auto* parent) { return std::find(hidden.begin(), hidden.end(), parent) != hidden.end(); });
  return missing;
}

std::vector<const stage*> stage_graph::hidden_parents(const stage& of) const {
  const auto is_complete = [&](const core::lineage& dataset) { return cache_.complete(dataset); };
  if (std::none_of(of.cached.begin(), of.cached.end(), [&](const auto* d) { return is_complete(*d); }))
    return {};
  std::unordered_set<shuffle_id, core::id_hash> read;
  for (const auto& edge : walk_pipeline(of.dataset, is_complete).wide)
    read.insert(edge.get().shuffle);
  std::vector<const stage*> hidden;
  for (const auto* parent : of.parents)
    if (!read.contains(parent->shuffle))
      hidden.push_back(parent);
  return hidden;
}

} // namespace salamander::scheduler
