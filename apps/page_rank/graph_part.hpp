// The part of a graph that one partition holds, numbered so that an iteration of PageRank only runs over arrays.
//
// A vertex belongs to the partition that owns its name. Partition s keeps the edges that leave its vertices, ordered by the partition
// and vertex they lead to; once, it tells each partition the vertices it will send to. From then on what travels in an iteration is an
// array of numbers from every partition to every other one: the contributions, summed for each vertex, without names.
#pragma once

#include <salamander/salamander.hpp>

#include <cstdint>
#include <vector>

namespace page_rank {

using vertex = std::uint64_t;

/// Cheap to copy: the values are shared, so that joins hand a graph on and do not copy it.
template <class T>
using array = salamander::group<T>;

struct edge {
  vertex from;
  vertex to;
};

inline std::uint32_t owner_of(vertex name, std::uint32_t partitions) noexcept {
  return static_cast<std::uint32_t>(name % partitions);
}

/// The edges from the vertices of one partition to those of another.
struct edges_to {
  array<vertex> targets;           ///< sorted, each once
  array<std::uint32_t> first_edge; ///< where the edges to a target begin, and the end
  array<std::uint32_t> source;     ///< of each edge, its source as an index of out_part::sources
};

/// What leaves one partition.
struct out_part {
  array<vertex> sources;        ///< sorted: vertices of this partition with an edge from them
  array<std::uint32_t> degrees; ///< of each source, its edges
  std::vector<edges_to> edges;  ///< for each partition
};

/// Out-going edges, and how what arrives is to be added.
struct graph_part {
  array<vertex> names;                          ///< sorted: all vertices of this partition
  array<std::uint32_t> own_source;              ///< of each source, its index in names
  std::vector<array<std::uint32_t>> arrives_at; ///< for each partition and each number that it sends, an index in names
  out_part out;
};

/// From partition `from`: the vertices that it will send to, or the contributions in the same order.
struct targets_message {
  std::uint32_t from;
  array<vertex> targets;
};
struct message {
  std::uint32_t from;
  array<double> contributions;
};

/// Orders the edges that leave one partition. Limits: 2^32 - 1 edges a partition.
out_part order_edges(const array<std::vector<edge>>& chunks, std::uint32_t partitions);

/// Numbers the vertices of one partition; `received` are the messages of all partitions.
graph_part number_vertices(const out_part& out, const array<targets_message>& received, std::uint32_t partitions);

/// Ranks of all vertices of a part: 0 for one that receives nothing, as in the program of the paper on RDDs.
std::vector<double> ranks_of(const graph_part& part, const array<message>& received);

/// What a part with these ranks sends to each partition.
std::vector<array<double>> contributions(const graph_part& part, const std::vector<double>& ranks);

} // namespace page_rank
