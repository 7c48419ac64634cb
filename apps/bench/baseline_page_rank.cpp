#include "baseline.hpp"

#include <algorithm>
#include <cstdio>

namespace bench {

namespace {

using vertex = std::uint32_t;

struct edge {
  std::uint64_t from;
  std::uint64_t to;
};

/// Vertices numbered densely, and for each those with an edge to it, one after the other.
struct graph {
  std::vector<std::uint64_t> names;
  std::vector<std::uint32_t> out_degrees;
  std::vector<std::size_t> first_in;
  std::vector<vertex> in;
};

std::vector<std::vector<edge>> read_edges(const std::string& path, unsigned threads) {
  const mapped_file file(path);
  std::vector<std::vector<edge>> parts(threads);
  in_parallel(threads, [&](unsigned t) {
    std::vector<edge> edges;
    for_each_line(slice_at_lines(file.text(), t, threads), [&](std::string_view line) {
      if (line.empty() || line.front() == '#')
        return;
      const std::uint64_t from = take_integer(line);
      edges.push_back({from, take_integer(line)});
    });
    parts[t] = std::move(edges);
  });
  return parts;
}

/// Replaces names by their ranks among all names: through an array when they are small numbers, else by sorting.
std::vector<std::uint64_t> renumber(std::vector<std::vector<edge>>& parts) {
  const unsigned threads = static_cast<unsigned>(parts.size());
  std::size_t edges = 0;
  std::uint64_t largest = 0;
  for (const auto& part : parts) {
    edges += part.size();
    for (const edge& e : part)
      largest = std::max({largest, e.from, e.to});
  }
  std::vector<std::uint64_t> names;
  if (largest < 8 * edges + 1024) {
    std::vector<vertex> numbers(largest + 1);
    for (const auto& part : parts)
      for (const edge& e : part)
        numbers[e.from] = numbers[e.to] = 1;
    for (std::uint64_t name = 0; name <= largest; ++name)
      if (numbers[name] != 0) {
        numbers[name] = static_cast<vertex>(names.size());
        names.push_back(name);
      }
    in_parallel(threads, [&](unsigned t) {
      for (edge& e : parts[t])
        e = {numbers[e.from], numbers[e.to]};
    });
  } else {
    names.reserve(2 * edges);
    for (const auto& part : parts)
      for (const edge& e : part) {
        names.push_back(e.from);
        names.push_back(e.to);
      }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    const auto number = [&](std::uint64_t name) {
      return static_cast<std::uint64_t>(std::lower_bound(names.begin(), names.end(), name) - names.begin());
    };
    in_parallel(threads, [&](unsigned t) {
      for (edge& e : parts[t])
        e = {number(e.from), number(e.to)};
    });
  }
  return names;
}

graph load(const std::string& path, unsigned threads) {
  auto parts = read_edges(path, threads);
  graph g;
  g.names = renumber(parts);
  g.out_degrees.resize(g.names.size());
  g.first_in.resize(g.names.size() + 1);
  for (const auto& part : parts)
    for (const edge& e : part) {
      ++g.out_degrees[e.from];
      ++g.first_in[e.to + 1];
    }
  for (std::size_t v = 0; v < g.names.size(); ++v)
    g.first_in[v + 1] += g.first_in[v];
  g.in.resize(g.first_in.back());
  std::vector<std::size_t> next(g.first_in.begin(), g.first_in.end() - 1);
  for (const auto& part : parts)
    for (const edge& e : part)
      g.in[next[e.to]++] = static_cast<vertex>(e.from);
  return g;
}

/// The first vertex of thread `t`, so that every thread has about as many edges.
std::size_t first_vertex(const graph& g, unsigned t, unsigned threads) {
  const auto at = std::lower_bound(g.first_in.begin(), g.first_in.end() - 1, g.in.size() * t / threads);
  return t == threads ? g.names.size() : static_cast<std::size_t>(at - g.first_in.begin());
}

/// One step; a vertex that receives nothing has no rank, which is 0, as in the program of the RDD paper.
void iterate(const graph& g, unsigned threads, std::vector<double>& ranks, std::vector<double>& shares) {
  in_parallel(threads, [&](unsigned t) {
    const std::size_t end = g.names.size() * (t + 1) / threads;
    for (std::size_t v = g.names.size() * t / threads; v < end; ++v)
      shares[v] = ranks[v] / g.out_degrees[v];
  });
  in_parallel(threads, [&](unsigned t) {
    const std::size_t end = first_vertex(g, t + 1, threads);
    for (std::size_t v = first_vertex(g, t, threads); v < end; ++v) {
      double sum = 0;
      for (std::size_t i = g.first_in[v]; i < g.first_in[v + 1]; ++i)
        sum += shares[g.in[i]];
      ranks[v] = sum > 0 ? 0.15 + 0.85 * sum : 0;
    }
  });
}

} // namespace

report page_rank(const arguments& args) {
  const unsigned threads = args.threads();
  const stopwatch watch;
  const graph g = load(args.position(0, "INPUT"), threads);
  const double load_seconds = watch.seconds();

  std::vector<double> ranks(g.names.size(), 1.0);
  std::vector<double> shares(g.names.size());
  for (std::size_t iteration = args.number("iterations", 10); iteration != 0; --iteration)
    iterate(g, threads, ranks, shares);
  std::vector<vertex> top(g.names.size());
  for (std::size_t v = 0; v < top.size(); ++v)
    top[v] = static_cast<vertex>(v);
  const std::size_t wanted = std::min(args.number("top", 10), top.size());
  std::partial_sort(top.begin(), top.begin() + static_cast<std::ptrdiff_t>(wanted), top.end(),
                    [&](vertex a, vertex b) { return ranks[a] != ranks[b] ? ranks[a] > ranks[b] : a < b; });
  const double seconds = watch.seconds();

  if (!args.json())
    for (std::size_t i = 0; i < wanted; ++i)
      std::printf("%.9g %llu\n", ranks[top[i]], static_cast<unsigned long long>(g.names[top[i]]));
  double checksum = 0;
  for (std::size_t v = 0; v < ranks.size(); ++v)
    checksum += ranks[v] * (1 + static_cast<double>(g.names[v] % 16) / 16);
  return {seconds, load_seconds, rounded(checksum)};
}

} // namespace bench
