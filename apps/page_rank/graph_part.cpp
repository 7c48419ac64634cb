#include <salamander/apps/page_rank/graph_part.hpp>

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace page_rank {
namespace {

template <class T>
const T* data_of(const array<T>& values) noexcept {
  return values.empty() ? nullptr : &*values.begin();
}

/// Ranks of names among all names of one partition: through an array when they are small numbers, else by sorting.
class numbering {
public:
  /// `names` are given by calling visit(add), and may repeat.
  template <class Visit>
  numbering(std::uint32_t partitions, std::size_t names, vertex largest, Visit&& visit) : partitions_(partitions) {
    if (largest / partitions < 8 * names + 1024) {
      ranks_.resize(largest / partitions + 1);
      std::uint32_t residue = 0;
      visit([&](vertex name) {
        residue = owner_of(name, partitions);
        ranks_[slot(name)] = 1;
      });
      for (std::size_t at = 0; at < ranks_.size(); ++at)
        if (ranks_[at] != 0) {
          ranks_[at] = static_cast<std::uint32_t>(sorted_.size());
          sorted_.push_back(at * partitions + residue);
        }
    } else {
      sorted_.reserve(names);
      visit([&](vertex name) { sorted_.push_back(name); });
      std::sort(sorted_.begin(), sorted_.end());
      sorted_.erase(std::unique(sorted_.begin(), sorted_.end()), sorted_.end());
    }
  }

  /// Requires: the name was visited.
  std::uint32_t operator[](vertex name) const noexcept {
    if (!ranks_.empty())
      return ranks_[slot(name)];
    return static_cast<std::uint32_t>(std::lower_bound(sorted_.begin(), sorted_.end(), name) - sorted_.begin());
  }
  const std::vector<vertex>& sorted() const noexcept {
    return sorted_;
  }
  std::vector<vertex> take_sorted() noexcept {
    return std::move(sorted_);
  }

private:
  std::size_t slot(vertex name) const noexcept {
    // Short divisions are several times faster.
    return name <= std::numeric_limits<std::uint32_t>::max() ? static_cast<std::uint32_t>(name) / partitions_ : name / partitions_;
  }

  std::uint32_t partitions_;
  std::vector<std::uint32_t> ranks_;
  std::vector<vertex> sorted_;
};

struct numbered_edge {
  vertex target;
  std::uint32_t source;
};

/// Edges to one partition, by target.
edges_to order_by_target(const std::vector<numbered_edge>& edges, std::uint32_t partitions) {
  vertex largest = 0;
  for (const auto& e : edges)
    largest = std::max(largest, e.target);
  numbering targets(partitions, edges.size(), largest, [&](auto&& add) {
    for (const auto& e : edges)
      add(e.target);
  });
  std::vector<std::uint32_t> first(targets.sorted().size() + 1);
  for (const auto& e : edges)
    ++first[targets[e.target] + 1];
  for (std::size_t t = 1; t < first.size(); ++t)
    first[t] += first[t - 1];
  std::vector<std::uint32_t> next(first.begin(), first.end() - 1);
  std::vector<std::uint32_t> sources(edges.size());
  for (const auto& e : edges)
    sources[next[targets[e.target]]++] = e.source;
  return {array<vertex>(targets.take_sorted()), array<std::uint32_t>(std::move(first)), array<std::uint32_t>(std::move(sources))};
}

} // namespace

out_part order_edges(const array<std::vector<edge>>& chunks, std::uint32_t partitions) {
  std::size_t count = 0;
  vertex largest = 0;
  for (const auto& chunk : chunks) {
    count += chunk.size();
    for (const auto& e : chunk)
      largest = std::max(largest, e.from);
  }
  if (count > std::numeric_limits<std::uint32_t>::max())
    throw std::length_error("a partition has more than 2^32 - 1 edges; use more partitions");
  numbering sources(partitions, count, largest, [&](auto&& add) {
    for (const auto& chunk : chunks)
      for (const auto& e : chunk)
        add(e.from);
  });
  std::vector<std::uint32_t> degrees(sources.sorted().size());
  std::vector<std::vector<numbered_edge>> by_owner(partitions);
  for (auto& edges : by_owner)
    edges.reserve(count / partitions + count / 16);
  for (const auto& chunk : chunks)
    for (const auto& e : chunk) {
      const auto source = sources[e.from];
      ++degrees[source];
      by_owner[owner_of(e.to, partitions)].push_back({e.to, source});
    }
  out_part out{array<vertex>(sources.take_sorted()), array<std::uint32_t>(std::move(degrees)), {}};
  for (auto& edges : by_owner) {
    out.edges.push_back(order_by_target(edges, partitions));
    edges = {};
  }
  return out;
}

graph_part number_vertices(const out_part& out, const array<targets_message>& received, std::uint32_t partitions) {
  std::size_t count = out.sources.size();
  vertex largest = 0;
  const auto see = [&](const array<vertex>& names) {
    count += names.size();
    for (const auto name : names)
      largest = std::max(largest, name);
  };
  see(out.sources);
  for (const auto& one : received)
    see(one.targets);
  numbering names(partitions, count, largest, [&](auto&& add) {
    std::for_each(out.sources.begin(), out.sources.end(), add);
    for (const auto& one : received)
      std::for_each(one.targets.begin(), one.targets.end(), add);
  });
  const auto numbers_of = [&](const array<vertex>& wanted) {
    std::vector<std::uint32_t> numbers;
    numbers.reserve(wanted.size());
    for (const auto name : wanted)
      numbers.push_back(names[name]);
    return array<std::uint32_t>(std::move(numbers));
  };
  graph_part part;
  part.own_source = numbers_of(out.sources);
  part.arrives_at.resize(partitions);
  for (const auto& one : received)
    part.arrives_at[one.from] = numbers_of(one.targets);
  part.names = array<vertex>(names.take_sorted());
  part.out = out;
  return part;
}

std::vector<double> ranks_of(const graph_part& part, const array<message>& received) {
  std::vector<double> ranks(part.names.size());
  for (const auto& one : received) {
    const auto* const at = data_of(part.arrives_at[one.from]);
    const auto* const contribution = data_of(one.contributions);
    for (std::size_t i = 0; i < one.contributions.size(); ++i)
      ranks[at[i]] += contribution[i];
  }
  for (double& rank : ranks)
    rank = rank > 0 ? 0.15 + 0.85 * rank : 0;
  return ranks;
}

std::vector<array<double>> contributions(const graph_part& part, const std::vector<double>& ranks) {
  const std::size_t sources = part.out.sources.size();
  std::vector<double> shares(sources);
  const auto* const own = data_of(part.own_source);
  const auto* const degrees = data_of(part.out.degrees);
  for (std::size_t s = 0; s < sources; ++s)
    shares[s] = ranks[own[s]] / degrees[s];
  std::vector<array<double>> all;
  for (const auto& edges : part.out.edges) {
    const auto* const first = data_of(edges.first_edge);
    const auto* const source = data_of(edges.source);
    std::vector<double> sums(edges.targets.size());
    for (std::size_t t = 0; t < sums.size(); ++t) {
      double sum = 0;
      for (std::uint32_t e = first[t]; e < first[t + 1]; ++e)
        sum += shares[source[e]];
      sums[t] = sum;
    }
    all.emplace_back(std::move(sums));
  }
  return all;
}

} // namespace page_rank
