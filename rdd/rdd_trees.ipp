// Merging in levels, local iteration, histograms; see rdd.hpp.
#pragma once

namespace salamander {

template <class T>
template <class F>
  requires core::reducer<F, core::owned_t<T>>
core::owned_t<T> rdd<T>::tree_reduce(F f, int depth, where_t where) const {
  constexpr const char* operation = "tree_reduce";
  const auto levels = core::tree_levels(node_->partitions, depth, operation, where);
  using partial_function = core::reduce_partition_function<T, F>;
  partial_function partial{{std::tuple<F>(f)}};
  core::check_closure(partial, operation, where);
  auto values = derive<core::map_partitions_node<T, partial_function>>(narrow_header(operation, false, where), std::move(partial));
  const auto found = values.through_levels(levels, f, operation, where).collect(where);
  if (found.empty())
    core::throw_error(errc::empty_collection, "tree_reduce at " + call_site::from(where).text() + ": empty collection");
  return core::on_driver(operation, where, core::merging, [&] {
    owned_type all = found.front();
    for (std::size_t i = 1; i < found.size(); ++i)
      all = f(std::move(all), found[i]);
    return all;
  });
}

template <class T>
template <class Z, class Seq, class Comb>
Z rdd<T>::tree_aggregate(Z zero, Seq seq, Comb comb, int depth, where_t where) const {
  constexpr const char* operation = "tree_aggregate";
  const auto levels = core::tree_levels(node_->partitions, depth, operation, where);
  app_->check_usable(operation, where);
  if (node_->partitions == 0)
    return zero;
  using partial_function = core::fold_partition_function<T, Z, Seq>;
  partial_function partial{{std::tuple<core::carried<Z>, Seq>(core::carry(std::move(zero)), std::move(seq))}};
  core::check_closure(partial, operation, where);
  auto values = derive<core::map_partitions_node<T, partial_function>>(narrow_header(operation, false, where), std::move(partial));
  auto found = values.through_levels(levels, comb, operation, where).collect(where);
  return core::on_driver(operation, where, core::merging, [&] {
    Z all = std::move(found.front());
    for (std::size_t i = 1; i < found.size(); ++i)
      core::merge_in(comb, all, Z(std::move(found[i])));
    return all;
  });
}

/// A value or none a partition -> fewer of them, merged by f.
template <class T>
template <class F>
rdd<T> rdd<T>::through_levels(const std::vector<std::uint32_t>& levels, const F& f, const char* operation, const where_t& where) const {
  auto values = *this;
  for (const auto count : levels) {
    using function = core::to_level_function<T>;
    using number = core::carried<std::uint32_t>;
    function to_level{{std::tuple<number, number>(core::carry(values.num_partitions()), core::carry(count))}};
    using aggregator = core::reduce_aggregator<T, F>;
    values = values
                 .template derive<core::map_partitions_node<T, function>>(values.narrow_header(operation, false, where), std::move(to_level))
                 .combined(aggregator{{std::tuple<F>(f)}}, count, operation, where)
                 .values(where);
  }
  return values;
}

template <class T>
core::local_range<T> rdd<T>::to_local_iterator(bool prefetch, where_t where) const {
  app_->check_usable("to_local_iterator", where);
  return {app_, node_, prefetch, where};
}

// -- sketches ----------------------------------------------------------------------------------------------------------------------

template <class T>
std::uint64_t rdd<T>::count_approx_distinct(double relative_sd, where_t where) const {
  constexpr const char* operation = "count_approx_distinct";
  const auto precision = core::sketch_precision(relative_sd, operation, where);
  core::distinct_sketch all;
  all.precision = precision;
  for (const auto& part : run(core::sketch_function<T>{{std::tuple<core::carried<std::uint8_t>>(core::carry(precision))}}, operation, where))
    all.merge(part);
  return static_cast<std::uint64_t>(all.estimate() + 0.5);
}

template <class T>
auto rdd<T>::count_approx_distinct_by_key(double relative_sd, core::partition_spec by, where_t where) const
  requires core::pair_record<T>
{
  constexpr const char* operation = "count_approx_distinct_by_key";
  using aggregator = core::sketch_aggregator<core::kept_t<core::value_in<T>>>;
  using key = core::kept_t<core::key_in<T>>;
  const auto precision = core::sketch_precision(relative_sd, operation, where);
  return combined(aggregator{{std::tuple<core::carried<std::uint8_t>>(core::carry(precision))}}, by, operation, where)
      .template map_as<std::pair<key, std::uint64_t>>(operation, core::estimate_function<key>{}, true, where);
}

// -- numbers ----------------------------------------------------------------------------------------------------------------------

template <class T>
double rdd<T>::variance(where_t where) const
  requires std::is_arithmetic_v<T>
{
  return stats(where).variance();
}

template <class T>
double rdd<T>::stdev(where_t where) const
  requires std::is_arithmetic_v<T>
{
  return stats(where).stdev();
}

template <class T>
double rdd<T>::sample_variance(where_t where) const
  requires std::is_arithmetic_v<T>
{
  return stats(where).sample_variance();
}

template <class T>
double rdd<T>::sample_stdev(where_t where) const
  requires std::is_arithmetic_v<T>
{
  return stats(where).sample_stdev();
}

template <class T>
template <std::integral N>
std::pair<std::vector<double>, std::vector<std::uint64_t>> rdd<T>::histogram(N buckets, where_t where) const
  requires std::is_arithmetic_v<T>
{
  stat_counter all;
  for (const auto& part : run(core::stats_function<T>{}, "histogram", where))
    all.merge(part);
  auto bounds = core::even_bounds(all, static_cast<std::int64_t>(buckets), where);
  if (bounds.front() == bounds.back())
    return {std::move(bounds), {all.count()}};
  auto counts = histogram(bounds, where);
  return {std::move(bounds), std::move(counts)};
}

template <class T>
std::vector<std::uint64_t> rdd<T>::histogram(const std::vector<double>& bounds, where_t where) const
  requires std::is_arithmetic_v<T>
{
  core::check_bounds(bounds, where);
  using function = core::histogram_function<T>;
  std::vector<std::uint64_t> counts(bounds.size() - 1);
  for (const auto& part : run(function{{std::tuple<core::carried<std::vector<double>>>(core::carry(bounds))}}, "histogram", where))
    std::transform(counts.begin(), counts.end(), part.begin(), counts.begin(), std::plus<>{});
  return counts;
}

template <class T>
template <class F>
  requires core::value_reducer<F, T>
auto rdd<T>::reduce_by_key_locally(F f, where_t where) const {
  constexpr const char* operation = "reduce_by_key_locally";
  using function = core::local_reduce_function<T, F>;
  auto parts = run(function{{std::tuple<F>(f)}}, operation, where);
  return core::on_driver(operation, where, core::merging, [&] {
    core::result_map<core::owned_key<T>, core::owned_value<T>> all;
    for (auto& part : parts)
      for (auto& [key, value] : part) {
        const auto [at, added] = all.try_emplace(std::move(key), value);
        if (!added)
          at->second = f(std::move(at->second), std::move(value));
      }
    return all;
  });
}

} // namespace salamander
