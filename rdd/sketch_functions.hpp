// What count_approx_distinct is made of.
#pragma once

#include <salamander/rdd/actions.hpp>
#include <salamander/rdd/closure.hpp>
#include <salamander/rdd/distinct_sketch.hpp>

namespace salamander::core {

/// The sketch of a partition.
template <class T>
struct sketch_function : composed<sketch_function<T>, carried<std::uint8_t>> {
  distinct_sketch operator()(partition_reader<T>& in) const {
    distinct_sketch all;
    all.precision = carried_value(std::get<0>(this->parts));
    in.each([&](const T& record) { all.add(sketch_hash(record)); }, [&] { in.hold(all.sparse.capacity() * 4 + all.dense.capacity()); });
    return all;
  }
};

/// Sketches of the values of a key, for the combining tables.
template <class V>
struct sketch_aggregator : composed<sketch_aggregator<V>, carried<std::uint8_t>> {
  using combined_type = distinct_sketch;

  template <class X>
  distinct_sketch create(X&& value) const {
    distinct_sketch into;
    into.precision = carried_value(std::get<0>(this->parts));
    merge_value(into, std::forward<X>(value));
    return into;
  }
  template <class X>
  void merge_value(distinct_sketch& into, X&& value) const {
    into.add(sketch_hash(value));
  }
  void merge_combined(distinct_sketch& into, const distinct_sketch& other) const {
    into.merge(other);
  }
};

template <class K>
struct estimate_function {
  std::pair<K, std::uint64_t> operator()(const std::pair<K, distinct_sketch>& record) const {
    return {record.first, static_cast<std::uint64_t>(record.second.estimate() + 0.5)};
  }
};

} // namespace salamander::core
