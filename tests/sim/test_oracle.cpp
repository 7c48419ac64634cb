#include "graph.hpp"
#include "oracle.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace salamander::sim;

namespace {

/// Datasets by hand.
class program {
public:
  dataset_ptr make(op how, const std::vector<dataset_ptr>& parents, std::uint32_t partitions) {
    auto made = std::make_shared<dataset>();
    made->id = {next_++};
    made->how = how;
    made->operation = name_of(how);
    made->partitions = partitions;
    std::uint32_t first = 0;
    for (const auto& parent : parents) {
      salamander::core::dependency edge;
      edge.parent = parent;
      if (is_wide(how)) {
        edge.how = salamander::core::dependency::kind::wide;
        edge.shuffle = {next_++};
      } else if (how == op::unite) {
        edge.how = salamander::core::dependency::kind::shifted;
        edge.shift = {first, parent->partitions};
        first += parent->partitions;
      }
      made->dependencies.push_back(std::move(edge));
    }
    return made;
  }

private:
  std::uint32_t next_ = 1;
};

records all_of(oracle& right, const dataset& of) {
  records all;
  for (std::uint32_t p = 0; p < of.partitions; ++p) {
    const auto& part = right.partition(of, p);
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

std::int64_t sum_of(const records& of) {
  std::int64_t sum = 0;
  for (const auto& one : of)
    sum += one.value;
  return sum;
}

} // namespace

TEST_CASE("a sum by key keeps the sum and has each key once") {
  program lines;
  oracle right;
  const auto source = lines.make(op::generated, {}, 4);
  const auto sums = lines.make(op::reduce_by_key, {source}, 3);
  const auto before = all_of(right, *source);
  const auto after = all_of(right, *sums);
  REQUIRE(before.size() > after.size());
  CHECK(sum_of(before) == sum_of(after));
  std::set<std::uint32_t> keys;
  for (const auto& one : after)
    CHECK(keys.insert(one.key).second);
}

TEST_CASE("a sort gives the same records in total order across partitions") {
  program lines;
  oracle right;
  const auto source = lines.make(op::held, {}, 3);
  const auto sorted = lines.make(op::sort, {source}, 4);
  auto expected = all_of(right, *source);
  std::sort(expected.begin(), expected.end());
  CHECK(all_of(right, *sorted) == expected);
}

TEST_CASE("a union has the partitions of its parents one after the other") {
  program lines;
  oracle right;
  const auto a = lines.make(op::generated, {}, 2);
  const auto b = lines.make(op::generated, {}, 3);
  const auto both = lines.make(op::unite, {a, b}, 5);
  CHECK(right.partition(*both, 1) == right.partition(*a, 1));
  CHECK(right.partition(*both, 4) == right.partition(*b, 2));
}

TEST_CASE("a difference is found wherever it is, and in loose results only if the records differ taken together") {
  program lines;
  oracle right;
  auto source = lines.make(op::generated, {}, 2);
  source->parameter = 3;
  const std::vector<std::uint32_t> both{0, 1};
  std::vector<records> results{right.partition(*source, 0), right.partition(*source, 1)};
  REQUIRE(results[0] != results[1]);
  CHECK(difference(right, *source, both, results).empty());
  std::swap(results[0], results[1]);
  CHECK_FALSE(difference(right, *source, both, results).empty());
  source->loose = true;
  CHECK(difference(right, *source, both, results).empty());
  results[0].pop_back();
  CHECK_FALSE(difference(right, *source, both, results).empty());
}

TEST_CASE("a block that was encoded is decoded, and any changed bit is noticed") {
  const records some{{1, 2}, {3, -4}, {36, 1'000'000}};
  byte_buffer bytes;
  encode(some, bytes);
  CHECK(decode(bytes) == some);
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    auto changed = bytes;
    changed[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    CHECK_FALSE(decode(changed).has_value());
  }
}

TEST_CASE("fingerprints tell contents apart and do not mind their order") {
  CHECK(fingerprint_of({{1, 2}, {3, 4}}) == fingerprint_of({{3, 4}, {1, 2}}));
  CHECK(fingerprint_of({{1, 2}, {3, 4}}) != fingerprint_of({{1, 2}, {3, 5}}));
  CHECK(fingerprint_of({}) != 0);
}

TEST_CASE("the same seed makes the same graph, parents first") {
  const graph_shape shape{12, 6, 30, 10, false};
  const auto one = make_graph(shape, random_stream(5));
  const auto again = make_graph(shape, random_stream(5));
  REQUIRE(one.size() == again.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    CHECK(describe(*one[i]) == describe(*again[i]));
    for (const auto& edge : one[i]->dependencies)
      CHECK(edge.parent->id < one[i]->id);
  }
}
