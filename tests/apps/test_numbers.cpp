// The applications over numbers, against computations by one thread.
#include "fixture.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

namespace {

using matrix = std::vector<std::vector<double>>;

std::string text_of(const matrix& rows, const char* separator) {
  std::string text;
  char number[40];
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::snprintf(number, sizeof number, "%.17g", row[i]);
      text += std::string(number) + (i + 1 == row.size() ? "\n" : separator);
    }
  return text;
}

std::vector<double> trained(const matrix& points, int iterations, double rate) {
  std::vector<double> weights(points.front().size() - 1);
  for (; iterations != 0; --iterations) {
    std::vector<double> gradient(weights.size());
    for (const auto& point : points) {
      double margin = 0;
      for (std::size_t i = 0; i < weights.size(); ++i)
        margin += weights[i] * point[i + 1];
      const double label = point[0] > 0 ? 1 : -1;
      for (std::size_t i = 0; i < weights.size(); ++i)
        gradient[i] += (1 / (1 + std::exp(-label * margin)) - 1) * label * point[i + 1];
    }
    for (std::size_t i = 0; i < weights.size(); ++i)
      weights[i] -= rate * gradient[i] / static_cast<double>(points.size());
  }
  return weights;
}

double squared_distance(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

matrix clustered(const matrix& points, std::size_t k, int iterations) {
  matrix centres(points.begin(), points.begin() + static_cast<std::ptrdiff_t>(k));
  for (; iterations != 0; --iterations) {
    matrix sums(k, std::vector<double>(centres.front().size()));
    std::vector<double> members(k);
    for (const auto& point : points) {
      const auto nearest = std::min_element(centres.begin(), centres.end(), [&](const auto& a, const auto& b) {
        return squared_distance(a, point) < squared_distance(b, point);
      });
      const auto c = static_cast<std::size_t>(nearest - centres.begin());
      ++members[c];
      for (std::size_t i = 0; i < point.size(); ++i)
        sums[c][i] += point[i];
    }
    for (std::size_t c = 0; c < k; ++c)
      for (std::size_t i = 0; members[c] != 0 && i < sums[c].size(); ++i)
        centres[c][i] = sums[c][i] / members[c];
  }
  return centres;
}

using edges = std::vector<std::pair<unsigned long long, unsigned long long>>;

std::map<unsigned long long, double> ranked(const edges& graph, int iterations) {
  std::map<unsigned long long, double> ranks;
  std::map<unsigned long long, double> degrees;
  for (const auto& [from, to] : graph) {
    ranks[from] = ranks[to] = 1;
    ++degrees[from];
  }
  for (; iterations != 0; --iterations) {
    std::map<unsigned long long, double> sums;
    for (const auto& [from, to] : graph)
      sums[to] += ranks[from] / degrees[from];
    for (auto& [name, rank] : ranks)
      rank = sums[name] > 0 ? 0.15 + 0.85 * sums[name] : 0;
  }
  return ranks;
}

void check_page_rank(const edges& graph, int iterations) {
  std::string text = "# from to\n";
  for (const auto& [from, to] : graph)
    text += std::to_string(from) + "\t" + std::to_string(to) + "\n";
  const auto expected = ranked(graph, iterations);
  const workplace here;
  const auto input = here.file("edges", text);
  const auto done = here.run("page_rank", {input, "--iterations", std::to_string(iterations), "--top", "1000000"});
  INFO(done.errors);
  REQUIRE(done.status == 0);
  const auto lines = done.lines();
  REQUIRE(lines.size() == expected.size() + 1);
  double before = INFINITY;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    double rank = 0;
    unsigned long long name = 0;
    REQUIRE(std::sscanf(lines[i].c_str(), "%lf %llu", &rank, &name) == 2);
    CHECK(rank == doctest::Approx(expected.at(name)).epsilon(1e-7));
    CHECK(rank <= before);
    before = rank;
  }
  double checksum = 0;
  for (const auto& [name, rank] : expected)
    checksum += rank * (1 + static_cast<double>(name % 16) / 16);
  const auto json = here.run("page_rank", {input, "--iterations", std::to_string(iterations), "--json"});
  CHECK(std::stod(json_field(json.lines().back(), "checksum")) == doctest::Approx(checksum).epsilon(1e-9));
}

} // namespace

TEST_CASE("logistic_regression finds the weights that one thread finds") {
  std::mt19937 random(4);
  matrix points;
  for (int i = 0; i < 2000; ++i) {
    const double label = random() % 2 == 0 ? -1 : 1;
    points.push_back({label, 0.4 * label + uniform(random) - 0.5, uniform(random) - 0.5, -0.2 * label + uniform(random)});
  }
  const auto expected = trained(points, 15, 0.5);
  const workplace here;
  const auto done = here.run("logistic_regression", {here.file("points", text_of(points, " ")), "--iterations", "15", "--rate", "0.5"});
  INFO(done.errors);
  REQUIRE(done.status == 0);
  const auto found = done.numbers(0);
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-7));
}

TEST_CASE("k_means finds the centres that one thread finds") {
  std::mt19937 random(5);
  matrix points;
  for (int i = 0; i < 2000; ++i) {
    const auto corner = static_cast<double>(random() % 4);
    points.push_back({corner + uniform(random), -corner + uniform(random), uniform(random)});
  }
  const auto expected = clustered(points, 4, 6);
  const workplace here;
  const auto done = here.run("k_means", {here.file("points", text_of(points, ", ")), "--k", "4", "--iterations", "6"});
  INFO(done.errors);
  REQUIRE(done.status == 0);
  for (std::size_t c = 0; c < 4; ++c) {
    const auto found = done.numbers(c);
    REQUIRE(found.size() == 3);
    for (std::size_t i = 0; i < 3; ++i)
      CHECK(found[i] == doctest::Approx(expected[c][i]).epsilon(1e-7));
  }
}

TEST_CASE("page_rank ranks a graph with small names as one thread does") {
  std::mt19937 random(6);
  edges graph;
  for (int i = 0; i < 3000; ++i)
    graph.emplace_back(random() % 400, static_cast<unsigned long long>(500 * uniform(random) * uniform(random)));
  check_page_rank(graph, 5);
}

TEST_CASE("page_rank ranks a graph with names far apart, and before the first iteration") {
  std::mt19937 random(7);
  edges graph;
  for (int i = 0; i < 500; ++i)
    graph.emplace_back(1000000007ULL * (random() % 90), 1ULL << (random() % 63));
  check_page_rank(graph, 3);
  check_page_rank(graph, 0);
}

TEST_CASE("empty_job counts its tasks") {
  const workplace here;
  const auto done = here.run("empty_job", {"--tasks", "3", "--jobs", "4", "--json"});
  REQUIRE(done.status == 0);
  CHECK(json_field(done.lines().back(), "checksum") == "\"000000000000000c\"");
  CHECK(std::stod(json_field(done.lines().back(), "seconds")) > 0);
}

TEST_CASE("an input that is not there, or is not of numbers, is an error that says so") {
  const workplace here;
  const auto missing = here.run("word_count", {here / "nothing"});
  CHECK(missing.status == 1);
  CHECK(missing.errors.find(here / "nothing") != std::string::npos);
  const auto words = here.run("k_means", {here.file("words", "1 2\n3 four\n")});
  CHECK(words.status == 1);
  CHECK(words.errors.find("expected a number, found \"four\"") != std::string::npos);
  const auto ragged = here.run("logistic_regression", {here.file("ragged", "1 2 3\n1 2\n")});
  CHECK(ragged.status == 1);
  const auto empty = here.run("k_means", {here.file("empty", "\n \n")});
  CHECK(empty.status == 1);
  CHECK(empty.errors.find("has no lines of numbers") != std::string::npos);
}

TEST_CASE("every application explains itself, and refuses what it does not understand") {
  const workplace here;
  for (const char* name : {"word_count", "log_mining", "logistic_regression", "k_means", "page_rank", "tera_sort", "empty_job"}) {
    INFO(std::string(name));
    const auto help = here.run(name, {"--help"});
    CHECK(help.status == 0);
    CHECK(help.output.find("--master") != std::string::npos);
    CHECK(here.run(name, {"--no-such-option"}).status == 2);
  }
}

TEST_CASE("--master is stronger than SALAMANDER_MASTER") {
  const workplace here;
  const auto done = here.run("empty_job", {"--jobs", "1", "--master", "nowhere"});
  CHECK(done.status == 1);
  CHECK(done.errors.find("nowhere") != std::string::npos);
}
