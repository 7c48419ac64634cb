#include <salamander/scheduler/pipeline.hpp>

#include <unordered_map>
#include <unordered_set>

namespace salamander::scheduler {

pipeline walk_pipeline(const std::shared_ptr<const core::lineage>& root, const std::function<bool(const core::lineage&)>& is_cut) {
  pipeline found;
  std::unordered_set<const core::lineage*> seen{root.get()};
  std::vector<const std::shared_ptr<const core::lineage>*> stack{&root};
  while (!stack.empty()) {
    const auto& dataset = *stack.back();
    stack.pop_back();
    if (dataset->cached)
      found.cached.push_back(dataset.get());
    found.indeterminate |= dataset->indeterminate;
    found.barrier |= dataset->barrier;
    if (is_cut(*dataset))
      continue;
    const auto& dependencies = dataset->dependencies;
    for (std::size_t i = 0; i < dependencies.size(); ++i)
      if (dependencies[i].wide())
        found.wide.push_back({dataset, i});
    for (std::size_t i = dependencies.size(); i-- > 0;)
      if (!dependencies[i].wide() && seen.insert(dependencies[i].parent.get()).second)
        stack.push_back(&dependencies[i].parent);
  }
  return found;
}

block_finder::block_finder(const core::lineage& root, const cache_table& cache, bool any_cached) : cache_(cache) {
  if (any_cached)
    add_nodes(root);
}

// Children come after their parents, so that what a node leads to is known when it is made.
void block_finder::add_nodes(const core::lineage& root) {
  constexpr auto leads_nowhere = static_cast<std::size_t>(-1);
  std::unordered_map<const core::lineage*, std::size_t> index;
  std::vector<std::pair<const core::lineage*, bool>> stack{{&root, false}};
  while (!stack.empty()) {
    const auto [dataset, parents_done] = stack.back();
    stack.pop_back();
    if (index.contains(dataset))
      continue;
    if (!parents_done) {
      stack.emplace_back(dataset, true);
      for (const auto& d : dataset->dependencies)
        if (!d.wide() && !index.contains(d.parent.get()))
          stack.emplace_back(d.parent.get(), false);
      continue;
    }
    node made;
    made.dataset = dataset;
    made.has_blocks = dataset->cached && cache_.partitions(dataset->id) > 0;
    for (const auto& d : dataset->dependencies)
      if (const auto parent = d.wide() ? index.end() : index.find(d.parent.get()); parent != index.end() && parent->second != leads_nowhere)
        made.ways.emplace_back(&d, parent->second);
    if (!made.has_blocks && made.ways.empty()) {
      index.emplace(dataset, leads_nowhere);
      continue;
    }
    const auto number = nodes_.size();
    const bool passes_on = !made.has_blocks && made.ways.size() == 1 && made.ways[0].first->how == core::dependency::kind::one_to_one;
    made.stands_for = passes_on ? nodes_[made.ways[0].second].stands_for : number;
    index.emplace(dataset, number);
    nodes_.push_back(std::move(made));
  }
  if (const auto found = index.at(&root); found != leads_nowhere)
    root_ = found;
}

std::vector<executor_id> block_finder::holders(std::uint32_t partition) const {
  if (!root_)
    return {};
  const auto key = [](std::size_t at, std::uint32_t p) { return (static_cast<std::uint64_t>(at) << 32) | p; };
  std::unordered_set<std::uint64_t> seen;
  std::vector<std::pair<std::size_t, std::uint32_t>> stack{{nodes_[*root_].stands_for, partition}};
  while (!stack.empty()) {
    const auto [number, p] = stack.back();
    stack.pop_back();
    if (!seen.insert(key(number, p)).second)
      continue;
    const auto& at = nodes_[number];
    if (at.has_blocks)
      if (const auto found = cache_.holders(at.dataset->id, p); !found.empty()) {
        std::vector<executor_id> executors(found.begin(), found.end());
        std::erase(executors, kept_files);
        return executors;
      }
    for (auto way = at.ways.rbegin(); way != at.ways.rend(); ++way)
      for (const auto parents = way->first->parents_of(p); const auto q : parents)
        stack.emplace_back(nodes_[way->second].stands_for, q);
  }
  return {};
}

} // namespace salamander::scheduler
