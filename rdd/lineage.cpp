#include <salamander/rdd/lineage.hpp>

#include <salamander/rdd/error.hpp>

#include <unordered_set>

namespace salamander::core {

std::vector<std::uint32_t> dependency::parents_of(std::uint32_t p) const {
  switch (how) {
  case kind::one_to_one:
    return {p};
  case kind::shifted:
    if (p >= shift.first && p - shift.first < shift.count)
      return {p - shift.first};
    return {};
  case kind::grouped:
    return groups.at(p);
  case kind::crossed:
    return {p / cross.divisor % cross.modulus};
  case kind::wide:
    break;
  }
  throw_error(errc::internal, "a wide dependency has no single parents");
}

// A chain of a hundred thousand narrow operations must not unwind the stack when it goes: parents that nobody else holds are
// taken apart in a loop.
lineage::~lineage() {
  std::vector<std::shared_ptr<const lineage>> doomed;
  for (auto& d : dependencies)
    doomed.push_back(std::move(d.parent));
  while (!doomed.empty()) {
    auto one = std::move(doomed.back());
    doomed.pop_back();
    if (one && one.use_count() == 1)
      for (auto& d : const_cast<lineage&>(*one).dependencies)
        doomed.push_back(std::move(d.parent));
  }
}

bool has_places(const lineage& dataset) {
  std::vector<const lineage*> open{&dataset};
  std::unordered_set<const lineage*> seen{&dataset};
  while (!open.empty()) {
    const auto* const at = open.back();
    open.pop_back();
    if (!at->places.empty())
      return true;
    for (const auto& edge : at->dependencies)
      if (!edge.wide() && seen.insert(edge.parent.get()).second)
        open.push_back(edge.parent.get());
  }
  return false;
}

std::vector<std::string> preferred_hosts(const lineage& dataset, std::uint32_t p) {
  std::vector<std::pair<const lineage*, std::uint32_t>> open{{&dataset, p}};
  while (!open.empty()) {
    const auto [at, partition] = open.back();
    open.pop_back();
    if (partition < at->places.size() && !at->places[partition].empty())
      return at->places[partition];
    // The first parent comes out first.
    for (auto edge = at->dependencies.rbegin(); edge != at->dependencies.rend(); ++edge) {
      if (edge->wide())
        continue;
      const auto parents = edge->parents_of(partition);
      for (auto from = parents.rbegin(); from != parents.rend(); ++from)
        open.emplace_back(edge->parent.get(), *from);
    }
  }
  return {};
}

std::string lineage::title() const {
  return operation + " at " + site.text();
}

} // namespace salamander::core
