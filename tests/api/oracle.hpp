// Operations against a single-threaded oracle: the same random records in every shape of dataset, as rows of a table.
#pragma once

#include "pyspark_examples.hpp"

#include <functional>
#include <random>

namespace oracle {

using pyspark::sorted_text;
using pyspark::text;

template <class T>
using parts = std::vector<std::vector<T>>;

/// The records of all partitions in their order.
template <class T>
std::vector<T> flat(const parts<T>& data) {
  std::vector<T> all;
  for (const auto& part : data)
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

/// A dataset whose partitions are exactly these.
template <class T>
sal::rdd<T> dataset_of(sal::context& sc, const parts<T>& data) {
  if (data.empty())
    return sc.empty_rdd<T>();
  return sc.parallelize(data, data.size()).flat_map([](const std::vector<T>& part) { return part; });
}

struct shape {
  std::string name;
  std::vector<std::size_t> sizes; ///< of partitions
};

inline const std::vector<shape>& shapes() {
  static const std::vector<shape> all{{"no partitions", {}},
                                      {"one empty partition", {0}},
                                      {"one partition", {50}},
                                      {"two partitions", {30, 31}},
                                      {"some partitions are empty", {0, 20, 0, 0, 25, 0}},
                                      {"nearly all in one partition", {1, 1, 300, 0, 2}},
                                      {"more partitions than records", {0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 1}},
                                      {"more than a batch", {5000, 4096, 1}}};
  return all;
}

/// Few different numbers, one of them in a third of all records.
inline parts<int> random_numbers(const shape& of, std::mt19937_64& random) {
  parts<int> data;
  for (const auto size : of.sizes) {
    auto& part = data.emplace_back();
    for (std::size_t i = 0; i < size; ++i)
      part.push_back(random() % 3 == 0 ? 7 : static_cast<int>(random() % 40) - 10);
  }
  return data;
}

using number_pair = std::pair<int, int>;

inline parts<number_pair> random_pairs(const shape& of, std::mt19937_64& random) {
  parts<number_pair> data;
  for (const auto& part : random_numbers(of, random)) {
    auto& to = data.emplace_back();
    for (const int key : part)
      to.emplace_back(key, static_cast<int>(random() % 1000));
  }
  return data;
}

/// An operation on two datasets, what it gives as text, and how the oracle does it.
template <class T>
struct law {
  std::string operation;
  std::function<std::string(const sal::rdd<T>&, const sal::rdd<T>&)> ours;
  std::function<std::string(const parts<T>&, const parts<T>&)> expected;
};

/// Checks all laws on data of all shapes, the second dataset of another shape. The seed is told with what fails.
template <class T, class Random>
void check(sal::context& sc, const std::vector<law<T>>& laws, Random&& random_data, std::uint64_t seed) {
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (std::size_t i = 0; i < shapes().size(); ++i) {
    const auto& shape = shapes()[i];
    CAPTURE(shape.name);
    const auto left = random_data(shape, random);
    const auto right = random_data(shapes()[(i + 2 + random() % 5) % shapes().size()], random);
    const auto a = dataset_of(sc, left);
    const auto b = dataset_of(sc, right);
    for (const auto& one : laws) {
      CAPTURE(one.operation);
      CHECK(one.ours(a, b) == one.expected(left, right));
    }
  }
}

/// What code_of tells of an operation that has no result for nothing.
template <class F>
std::string or_empty(F&& f) {
  std::string result = "empty";
  const auto code = code_of([&] { result = f(); });
  CHECK((code == sal::errc::internal || code == sal::errc::empty_collection));
  return result;
}

} // namespace oracle
