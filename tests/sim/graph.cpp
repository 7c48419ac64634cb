#include "graph.hpp"

#include <algorithm>
#include <set>

namespace salamander::sim {
namespace {

constexpr std::uint32_t partitions_limit = 24; ///< of a union

/// What may be done with records of which only all together are the same every time.
bool fits_loose(op how) {
  switch (how) {
  case op::running_sum:
  case op::zip:
  case op::group_by_key:
  case op::cogroup:
    return false;
  default:
    return true;
  }
}

class graph_maker {
public:
  graph_maker(const graph_shape& shape, random_stream random) : shape_(shape), random_(random) {}

  std::vector<dataset_ptr> make() {
    add_source();
    while (made_.size() < shape_.datasets)
      add(random_.chance(15) ? op::generated : any_operation());
    return std::move(made_);
  }

private:
  op any_operation() {
    if (random_.chance(shape_.scatter_percent))
      return op::scatter;
    for (;;) {
      const auto how = static_cast<op>(random_.below(static_cast<std::uint32_t>(op::count_)));
      if (how != op::generated && how != op::held && how != op::scatter)
        return how;
    }
  }

  std::uint32_t any_size() {
    return 1 + random_.below(shape_.partitions_max);
  }

  dataset_ptr any_parent() {
    return random_.chance(60) ? made_.back() : made_[random_.below(made_.size())];
  }

  dataset& begin(op how) {
    auto& one = *made_.emplace_back(std::make_shared<dataset>());
    one.id = {static_cast<std::uint32_t>(made_.size())};
    one.how = how;
    one.operation = name_of(how);
    one.site = {"program.cpp", one.id.value};
    one.parameter = static_cast<std::uint32_t>(random_.next());
    one.cached = random_.chance(shape_.cached_percent);
    return one;
  }

  void add_source() {
    auto& one = begin(random_.chance(50) ? op::generated : op::held);
    one.partitions = any_size();
  }

  void add(op how) {
    if (how == op::generated)
      return add_source();
    const auto first = any_parent();
    auto second = any_parent();
    if (how == op::zip && second->partitions != first->partitions)
      second = first;
    const bool two = how == op::zip || how == op::unite || how == op::cogroup;
    const bool loose = first->loose || (two && second->loose);
    if ((loose && !fits_loose(how)) || (how == op::unite && first->partitions + second->partitions > partitions_limit))
      return;
    auto& one = begin(how);
    one.loose = loose || how == op::scatter;
    one.partitions = is_wide(how) ? any_size() : first->partitions;
    // What a map task of a scatter hands on depends on chance, and it is the parent's stage that does it.
    if (how == op::scatter && shape_.declares_scatter)
      first->indeterminate = true;
    depend(one, first, 0);
    if (two)
      depend(one, second, first->partitions);
  }

  void depend(dataset& one, const dataset_ptr& parent, std::uint32_t shift) {
    core::dependency edge;
    edge.parent = parent;
    if (is_wide(one.how)) {
      edge.how = core::dependency::kind::wide;
      edge.shuffle = {next_shuffle_++};
    } else if (one.how == op::unite) {
      edge.how = core::dependency::kind::shifted;
      edge.shift = {shift, parent->partitions};
      one.partitions = shift + parent->partitions;
    } else if (one.how == op::coalesce) {
      edge.how = core::dependency::kind::grouped;
      edge.groups.resize(1 + random_.below(parent->partitions));
      for (std::uint32_t p = 0; p < parent->partitions; ++p)
        edge.groups[p % edge.groups.size()].push_back(p);
      one.partitions = static_cast<std::uint32_t>(edge.groups.size());
    }
    one.dependencies.push_back(std::move(edge));
  }

  graph_shape shape_;
  random_stream random_;
  std::vector<dataset_ptr> made_;
  std::uint32_t next_shuffle_ = 1;
};

} // namespace

std::vector<dataset_ptr> make_graph(const graph_shape& shape, random_stream random) {
  return graph_maker(shape, random).make();
}

std::string describe(const dataset& one) {
  auto text = std::to_string(one.id.value) + " = " + one.operation + "(";
  for (const auto& edge : one.dependencies)
    text += (&edge == one.dependencies.data() ? "" : ", ") + std::to_string(edge.parent->id.value) +
            (edge.wide() ? " by shuffle " + std::to_string(edge.shuffle.value) : "");
  return text + "), " + std::to_string(one.partitions) + " partitions" + (one.cached ? ", cached" : "") + (one.loose ? ", loose" : "") +
         (one.indeterminate ? ", indeterminate" : "") + (one.barrier ? ", barrier" : "");
}

std::vector<const core::dependency*> shuffles_below(const dataset& what) {
  std::vector<const core::dependency*> found;
  std::set<const core::lineage*> seen;
  std::vector<const core::lineage*> open{&what};
  while (!open.empty()) {
    const auto* one = open.back();
    open.pop_back();
    if (!seen.insert(one).second)
      continue;
    for (const auto& edge : one->dependencies) {
      if (edge.wide())
        found.push_back(&edge);
      open.push_back(edge.parent.get());
    }
  }
  return found;
}

} // namespace salamander::sim
