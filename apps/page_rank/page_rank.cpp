// PageRank of a graph given as a list of edges. The graph is partitioned once and stays in memory; an iteration joins it, partition by
// partition, with the contributions that arrive, and moves nothing but the next ones.
#include <salamander/apps/common/numbers.hpp>
#include <salamander/apps/common/program.hpp>
#include <salamander/apps/page_rank/graph_part.hpp>

#include <cstdio>

namespace sal = salamander;
using namespace page_rank;

namespace {

using part_number = std::uint32_t;
using rank = std::pair<double, vertex>;

using graph_dataset = sal::rdd<std::pair<part_number, graph_part>>;
using message_dataset = sal::rdd<std::pair<part_number, message>>;
using graph_and_messages = std::pair<part_number, std::pair<sal::group<graph_part>, sal::group<message>>>;

/// The edges of one partition of text, in a chunk for each partition that owns their sources.
std::vector<std::pair<part_number, std::vector<edge>>> parse(part_number partitions, sal::record_range<std::string_view> lines) {
  std::vector<std::pair<part_number, std::vector<edge>>> chunks(partitions);
  for (part_number p = 0; p < partitions; ++p)
    chunks[p].first = p;
  for (auto line : lines) {
    if (line.empty() || line.front() == '#')
      continue;
    const auto from = app::take_integer(line);
    chunks[owner_of(from, partitions)].second.push_back({from, app::take_integer(line)});
  }
  return chunks;
}

graph_dataset load(const sal::context& sc, const std::string& input, part_number partitions) {
  const auto ordered =
      sc.text_file(input)
          .map_partitions(
              sal::bind_front([](part_number n, sal::record_range<std::string_view> lines) { return parse(n, lines); }, partitions))
          .group_by_key(partitions)
          .map_values(sal::bind_front([](part_number n, const sal::group<std::vector<edge>>& chunks) { return order_edges(chunks, n); },
                                      partitions))
          .cache();
  const auto targets = ordered.flat_map([](const std::pair<part_number, out_part>& part) {
    std::vector<std::pair<part_number, targets_message>> messages;
    for (part_number to = 0; to < part.second.edges.size(); ++to)
      messages.push_back({to, {part.first, part.second.edges[to].targets}});
    return messages;
  });
  const auto number = [](part_number n, const std::pair<sal::group<out_part>, sal::group<targets_message>>& both) {
    return number_vertices(*both.first.begin(), both.second, n);
  };
  auto graph = ordered.cogroup(targets).map_values(sal::bind_front(number, partitions)).cache();
  graph.count();
  ordered.unpersist();
  return graph;
}

std::vector<std::pair<part_number, message>> send(part_number from, const graph_part& part, const std::vector<double>& ranks) {
  std::vector<std::pair<part_number, message>> messages;
  for (auto& one : contributions(part, ranks))
    messages.push_back({static_cast<part_number>(messages.size()), {from, std::move(one)}});
  return messages;
}

message_dataset first_messages(const graph_dataset& graph) {
  return graph.flat_map([](const std::pair<part_number, graph_part>& part) {
    return send(part.first, part.second, std::vector<double>(part.second.names.size(), 1.0));
  });
}

message_dataset next_messages(const graph_dataset& graph, const message_dataset& messages) {
  return graph.cogroup(messages).flat_map([](const graph_and_messages& both) {
    const auto& part = *both.second.first.begin();
    return send(both.first, part, ranks_of(part, both.second.second));
  });
}

std::vector<rank> named(const graph_part& part, const std::vector<double>& ranks) {
  std::vector<rank> all;
  all.reserve(ranks.size());
  auto name = part.names.begin();
  for (const auto one : ranks)
    all.emplace_back(one, *name++);
  return all;
}

sal::rdd<rank> ranks_after(std::uint64_t iterations, const graph_dataset& graph) {
  if (iterations == 0)
    return graph.flat_map([](const std::pair<part_number, graph_part>& part) {
      return named(part.second, std::vector<double>(part.second.names.size(), 1.0));
    });
  auto messages = first_messages(graph);
  for (std::uint64_t i = 1; i < iterations; ++i)
    messages = next_messages(graph, messages);
  return graph.cogroup(messages).flat_map([](const graph_and_messages& both) {
    const auto& part = *both.second.first.begin();
    return named(part, ranks_of(part, both.second.second));
  });
}

/// Higher ranks later; of equal ones, larger names first.
bool ranks_lower(const rank& a, const rank& b) {
  return a.first != b.first ? a.first < b.first : a.second > b.second;
}

} // namespace

int main(int argc, char** argv) {
  sal::init(argc, argv);

  std::string input;
  std::uint64_t iterations = 10;
  std::uint64_t top = 10;
  app::program program("page_rank", "Ranks the vertices of a directed graph by the edges that lead to them.");
  program
      .argument("INPUT", input, "text: a line for each edge, the numbers of the vertices it leaves and enters; lines with # are comments")
      .option("--iterations", iterations, 0, "how often ranks are passed on")
      .option("--top", top, 0, "how many vertices to print");

  return program.run(argc, argv, [&] {
    sal::context sc(program.settings());
    const app::stopwatch watch;
    const auto graph = load(sc, input, sc.default_parallelism());
    const double load_seconds = watch.seconds();
    const auto ranks = ranks_after(iterations, graph);
    const auto highest = ranks.top(top, [](const rank& a, const rank& b) { return ranks_lower(a, b); });
    app::report report{watch.seconds(), load_seconds, {}};

    if (!program.json()) {
      for (const auto& [value, name] : highest)
        std::printf("%.9g %llu\n", value, static_cast<unsigned long long>(name));
      std::printf("loaded in %.3f s, all in %.3f s\n", load_seconds, report.seconds);
      return report;
    }
    report.checksum = app::rounded(ranks.aggregate(
        0.0, [](double sum, const rank& one) { return sum + one.first * (1 + static_cast<double>(one.second % 16) / 16); }, std::plus<>{}));
    return report;
  });
}
