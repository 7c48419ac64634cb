// Transformations of keyed datasets; see rdd.hpp.
#pragma once

namespace salamander {

namespace core {

/// The typed partitioner of a choice: an input's own, or a new hash partitioner.
template <class KeyRow>
std::shared_ptr<const key_partitioner<KeyRow>> typed_partitioner(partitioner_choice& choice) {
  if (!choice.assigner)
    choice.assigner = std::static_pointer_cast<const void>(
        std::shared_ptr<const key_partitioner<KeyRow>>(std::make_shared<const hash_key_partitioner<KeyRow>>(choice.partitioning.partitions)));
  return std::static_pointer_cast<const key_partitioner<KeyRow>>(choice.assigner);
}

template <class K>
using key_row_t = row_t<kept_t<K>>;

/// A user's ordering of keys as one of owned keys and keys as they lie in blocks, in any combination.
template <class T, class Less>
auto order_of_rows(Less less) {
  using key_row = key_row_t<key_in<T>>;
  auto order = strict_order<owned_key<T>>(std::move(less));
  using order_type = decltype(order);
  if constexpr (orders_rows<order_type> || (ordering<order_type, key_row> && !differs_as_row<key_in<T>>))
    return order;
  else
    return owning_less<order_type, owned_t<key_row>>{{std::tuple<order_type>(std::move(order))}};
}

} // namespace core

template <class T>
rdd<core::key_in<T>> rdd<T>::keys(where_t where) const
  requires core::pair_record<T>
{
  return map_as<core::key_in<T>>("keys", core::key_function{}, false, where);
}

template <class T>
rdd<core::value_in<T>> rdd<T>::values(where_t where) const
  requires core::pair_record<T>
{
  return map_as<core::value_in<T>>("values", core::value_function_object{}, false, where);
}

template <class T>
template <core::value_function<T> F>
auto rdd<T>::map_values(F f, where_t where) const
  requires core::pair_record<T>
{
  using function = core::map_value_function<F, T>;
  return map_as<std::pair<core::key_in<T>, typename function::result>>("map_values", function{{std::tuple<F>(std::move(f))}}, true, where);
}

template <class T>
template <core::value_function<T> F>
auto rdd<T>::flat_map_values(F f, where_t where) const
  requires core::pair_record<T>
{
  using function = core::flat_map_value_function<F, T>;
  function composed{{std::tuple<F>(std::move(f))}};
  core::check_closure(composed, "flat_map_values", where);
  return derive<core::flat_map_node<T, function>>(narrow_header("flat_map_values", true, where), std::move(composed));
}

template <class T>
template <class Function>
auto rdd<T>::flat_map_keeping(const char* operation, const where_t& where) const {
  return derive<core::flat_map_node<T, Function>>(narrow_header(operation, true, where), Function{});
}

template <class T>
template <class Aggregator>
auto rdd<T>::combined(Aggregator aggregator, core::partition_spec by, const char* operation, const where_t& where) const {
  core::check_closure(aggregator, operation, where);
  auto choice = core::choose_partitioner(*app_, {node_.get()}, by.partitions);
  auto assigner = core::typed_partitioner<core::key_row_t<core::key_in<T>>>(choice);
  auto header = app_->header(operation, where, choice.partitioning.partitions);
  header.dependencies.push_back(node_->partitioning == choice.partitioning ? core::narrow_on(node_)
                                                                           : core::wide_on(node_, app_->next_shuffle()));
  header.partitioning = choice.partitioning;
  header.assigner = choice.assigner;
  return derive<core::combine_node<T, Aggregator>>(std::move(header), std::move(aggregator), std::move(assigner));
}

template <class T>
template <class F>
  requires core::value_reducer<F, T>
auto rdd<T>::reduce_by_key(F f, core::partition_spec by, where_t where) const {
  using aggregator = core::reduce_aggregator<core::kept_t<core::value_in<T>>, F>;
  return combined(aggregator{{std::tuple<F>(std::move(f))}}, by, "reduce_by_key", where);
}

template <class T>
template <class Create, class MergeValue, class MergeCombined>
auto rdd<T>::combine_by_key(Create create, MergeValue merge_value, MergeCombined merge_combined, core::partition_spec by,
                            where_t where) const
  requires core::pair_record<T>
{
  using value = core::kept_t<core::value_in<T>>;
  using result = core::kept_t<std::remove_cvref_t<std::invoke_result_t<const Create&, value>>>;
  using aggregator = core::general_aggregator<value, result, Create, MergeValue, MergeCombined>;
  return combined(
      aggregator{{std::tuple<Create, MergeValue, MergeCombined>(std::move(create), std::move(merge_value), std::move(merge_combined))}}, by,
      "combine_by_key", where);
}

template <class T>
template <class C, class MergeValue, class MergeCombined>
auto rdd<T>::aggregate_by_key(C zero, MergeValue merge_value, MergeCombined merge_combined, core::partition_spec by, where_t where) const
  requires core::pair_record<T>
{
  using value = core::kept_t<core::value_in<T>>;
  using result = core::kept_t<C>;
  using aggregator = core::zero_aggregator<value, result, MergeValue, MergeCombined>;
  return combined(aggregator{{std::tuple<core::carried<result>, MergeValue, MergeCombined>(
                      core::carry(core::to_owned<result>(std::move(zero))), std::move(merge_value), std::move(merge_combined))}},
                  by, "aggregate_by_key", where);
}

template <class T>
template <class F>
  requires core::value_reducer<F, T>
auto rdd<T>::fold_by_key(core::owned_value<T> zero, F f, core::partition_spec by, where_t where) const {
  using value = core::kept_t<core::value_in<T>>;
  using aggregator = core::zero_aggregator<value, value, F, F>;
  return combined(aggregator{{std::tuple<core::carried<value>, F, F>(core::carry(value(std::move(zero))), f, f)}}, by, "fold_by_key", where);
}

template <class T>
auto rdd<T>::group_by_key(core::partition_spec by, where_t where) const
  requires core::pair_record<T>
{
  auto choice = core::choose_partitioner(*app_, {node_.get()}, by.partitions);
  auto assigner = core::typed_partitioner<core::key_row_t<core::key_in<T>>>(choice);
  auto header = app_->header("group_by_key", where, choice.partitioning.partitions);
  header.dependencies.push_back(node_->partitioning == choice.partitioning ? core::narrow_on(node_)
                                                                           : core::wide_on(node_, app_->next_shuffle()));
  header.partitioning = choice.partitioning;
  header.assigner = choice.assigner;
  return derive<core::group_node<T>>(std::move(header), std::move(assigner));
}

template <class T>
template <core::pair_record U>
auto rdd<T>::cogroup(const rdd<U>& other, core::partition_spec by, where_t where) const
  requires core::joinable<T, U>
{
  return cogrouped(by, "cogroup", where, other);
}

template <class T>
template <class... Us>
auto rdd<T>::cogrouped(core::partition_spec by, const char* operation, const where_t& where, const rdd<Us>&... others) const {
  return cogrouped_by(core::choose_partitioner(*app_, {node_.get(), others.node().get()...}, by.partitions), operation, where, others...);
}

template <class T>
template <class... Us>
auto rdd<T>::cogrouped_by(core::partitioner_choice choice, const char* operation, const where_t& where,
                          const rdd<Us>&... others) const {
  (app_->check_same(*others.app(), operation, where), ...);
  auto assigner = core::typed_partitioner<core::key_row_t<core::key_in<T>>>(choice);
  auto header = app_->header(operation, where, choice.partitioning.partitions);
  const auto depend = [&](const auto& on) {
    header.dependencies.push_back(on->partitioning == choice.partitioning ? core::narrow_on(on) : core::wide_on(on, app_->next_shuffle()));
  };
  depend(node_);
  (depend(others.node()), ...);
  header.partitioning = choice.partitioning;
  header.assigner = choice.assigner;
  return derive<core::cogroup_node<T, Us...>>(std::move(header), std::move(assigner));
}

template <class T>
template <core::join_kind Kind, class U>
auto rdd<T>::joined(const rdd<U>& other, core::partition_spec by, const char* operation, const where_t& where) const {
  using function =
      core::join_function<core::kept_t<core::key_in<T>>, core::kept_t<core::value_in<T>>, core::kept_t<core::value_in<U>>, Kind>;
  const auto both = cogrouped(by, operation, where, other);
  return both.template flat_map_keeping<function>(operation, where);
}

template <class T>
template <core::pair_record U>
auto rdd<T>::join(const rdd<U>& other, core::partition_spec by, where_t where) const
  requires core::joinable<T, U>
{
  return joined<core::join_kind::inner>(other, by, "join", where);
}

template <class T>
template <core::pair_record U>
auto rdd<T>::left_outer_join(const rdd<U>& other, core::partition_spec by, where_t where) const
  requires core::joinable<T, U>
{
  return joined<core::join_kind::left>(other, by, "left_outer_join", where);
}

template <class T>
template <core::pair_record U>
auto rdd<T>::right_outer_join(const rdd<U>& other, core::partition_spec by, where_t where) const
  requires core::joinable<T, U>
{
  return joined<core::join_kind::right>(other, by, "right_outer_join", where);
}

template <class T>
template <core::pair_record U>
auto rdd<T>::full_outer_join(const rdd<U>& other, core::partition_spec by, where_t where) const
  requires core::joinable<T, U>
{
  return joined<core::join_kind::full>(other, by, "full_outer_join", where);
}

template <class T>
rdd<core::kept_t<T>> rdd<T>::partition_by(core::partition_spec by, where_t where) const
  requires core::pair_record<T>
{
  auto choice = core::choose_partitioner(*app_, {node_.get()}, by.partitions);
  if (node_->partitioning == choice.partitioning)
    return *this;
  auto assigner = core::typed_partitioner<core::key_row_t<core::key_in<T>>>(choice);
  return partitioned(choice, std::move(assigner), where);
}

template <class T>
template <class F>
rdd<core::kept_t<T>> rdd<T>::partition_by(core::partition_spec by, F f, where_t where) const
  requires core::pair_record<T>
{
  const auto partitions = core::choose_partitioner(*app_, {node_.get()}, by.partitions).partitioning.partitions;
  using key_row = core::key_row_t<core::key_in<T>>;
  core::check_closure(f, "partition_by", where);
  auto assigner = std::shared_ptr<const core::key_partitioner<key_row>>(
      std::make_shared<const core::custom_key_partitioner<key_row, F>>(partitions, std::move(f)));
  // Two calls with the same function and captures are the same partitioner.
  core::byte_buffer bytes;
  core::byte_writer out(bytes);
  core::write_partitioner(out, *assigner);
  const auto identity = core::hash_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  core::partitioner_choice choice{{salamander::partitioner::kind::custom, partitions, identity}, assigner};
  if (node_->partitioning == choice.partitioning)
    return *this;
  return partitioned(choice, std::move(assigner), where);
}

template <class T>
template <class Assigner>
rdd<core::kept_t<T>> rdd<T>::partitioned(const core::partitioner_choice& choice, Assigner assigner, const where_t& where) const {
  auto header = app_->header("partition_by", where, choice.partitioning.partitions);
  header.dependencies.push_back(core::wide_on(node_, app_->next_shuffle()));
  header.partitioning = choice.partitioning;
  header.assigner = choice.assigner;
  return derive<core::partition_node<T>>(std::move(header), std::move(assigner));
}

// -- sorting ----------------------------------------------------------------------------------------------------------------------

/// Out = whole_record: keys go to partitions by themselves, so that the result has a partitioner and keys can be found; value_alone:
/// records do, so that equal keys do not crowd into one partition (docs/adr/0006).
template <class T>
template <template <class> class Out, class Less>
auto rdd<T>::sorted(Less less, bool ascending, std::uint32_t partitions, const char* operation, const where_t& where) const {
  using key_row = core::key_row_t<core::key_in<T>>;
  using bound = core::owned_t<key_row>;
  constexpr bool by_key = std::is_same_v<typename Out<T>::type, core::kept_t<T>>;
  using bounds_type = std::vector<std::conditional_t<by_key, bound, core::sort_place<bound>>>;
  core::check_closure(less, operation, where);
  app_->check_usable(operation, where);
  const auto wanted = partitions != 0 ? partitions : node_->partitions;
  bounds_type bounds;
  if (wanted > 1 && node_->partitions != 0) {
    const auto sample_max = std::min<std::uint64_t>(std::uint64_t{20} * wanted, 1'000'000);
    const auto each = (3 * sample_max + node_->partitions - 1) / node_->partitions;
    using sampler = core::sample_keys_function<T>;
    const auto job = std::string(operation) + " (sampling its keys)";
    auto samples = run(sampler{{std::tuple<core::carried<std::uint64_t>>(core::carry<std::uint64_t>(each))}}, job.c_str(), where);
    bounds = core::on_driver(operation, where, "ordering a sample of the keys", [&] {
      if constexpr (by_key)
        return core::key_bounds(std::move(samples), wanted, less);
      else
        return core::place_bounds(std::move(samples), wanted, less, ascending);
    });
  }
  const auto count = node_->partitions == 0 ? 0 : static_cast<std::uint32_t>(bounds.size() + 1);
  auto header = app_->header(operation, where, count);
  header.dependencies.push_back(core::wide_on(node_, app_->next_shuffle()));
  std::shared_ptr<const core::key_partitioner<key_row>> assigner;
  if constexpr (by_key) {
    assigner = std::make_shared<const core::range_key_partitioner<key_row, Less>>(std::move(bounds), less, ascending);
    header.partitioning = salamander::partitioner{salamander::partitioner::kind::range, count, app_->next_identity()};
    header.assigner = assigner;
  } else {
    assigner = std::make_shared<const core::place_partitioner<key_row, Less>>(std::move(bounds), less, ascending);
  }
  return derive<core::sort_node<T, Less, Out<T>>>(std::move(header), std::move(assigner), std::move(less), ascending);
}

/// Under an ordering of keys as a user gives it.
template <class T>
template <template <class> class Out, class Less>
auto rdd<T>::sorted_under(Less less, bool ascending, std::uint32_t partitions, const char* operation, const where_t& where) const {
  return sorted<Out>(core::order_of_rows<T>(std::move(less)), ascending, partitions, operation, where);
}

template <class T>
template <std::same_as<bool> Ascending>
rdd<core::kept_t<T>> rdd<T>::sort_by_key(Ascending ascending, core::partition_spec partitions, where_t where) const
  requires core::pair_record<T>
{
  return sorted_under<core::whole_record>(std::less<>{}, ascending, partitions.partitions, "sort_by_key", where);
}

template <class T>
template <class Less>
  requires core::key_ordering<Less, T>
rdd<core::kept_t<T>> rdd<T>::sort_by_key(Less less, core::partition_spec partitions, where_t where) const {
  return sorted_under<core::whole_record>(std::move(less), true, partitions.partitions, "sort_by_key", where);
}

template <class T>
template <class Less>
  requires core::key_ordering<Less, T>
rdd<core::kept_t<T>> rdd<T>::repartition_and_sort_within_partitions(core::partition_spec by, Less less, where_t where) const {
  constexpr const char* operation = "repartition_and_sort_within_partitions";
  using key_row = core::key_row_t<core::key_in<T>>;
  core::check_closure(less, operation, where);
  auto choice = core::choose_partitioner(*app_, {node_.get()}, by.partitions);
  auto assigner = core::typed_partitioner<key_row>(choice);
  auto header = app_->header(operation, where, choice.partitioning.partitions);
  header.dependencies.push_back(node_->partitioning == choice.partitioning ? core::narrow_on(node_)
                                                                           : core::wide_on(node_, app_->next_shuffle()));
  header.partitioning = choice.partitioning;
  header.assigner = choice.assigner;
  auto order = core::order_of_rows<T>(std::move(less));
  using sort = core::sort_node<T, decltype(order), core::whole_record<T>>;
  return derive<sort>(std::move(header), std::move(assigner), std::move(order), true);
}

template <class T>
template <class Less>
  requires core::key_ordering<Less, T>
auto rdd<T>::filter_by_range(const core::owned_key<T>& low, const core::owned_key<T>& high, Less less, where_t where) const {
  constexpr const char* operation = "filter_by_range";
  using key = core::owned_key<T>;
  auto order = core::strict_order<key>(std::move(less));
  using order_type = decltype(order);
  using function = core::key_between_function<T, order_type>;
  function between{{std::tuple<core::carried<key>, core::carried<key>, order_type>(core::carry(low), core::carry(high), std::move(order))}};
  core::check_closure(between, operation, where);
  const auto within = partitions_between<order_type>(low, high, operation, where);
  return within.template derive<core::filter_node<T, function>>(within.narrow_header(operation, true, where), std::move(between));
}

/// Only the partitions that may hold keys from `low` to `high`, if the dataset was sorted under this very ordering; else the dataset itself.
template <class T>
template <class Less>
rdd<T> rdd<T>::partitions_between(const core::owned_key<T>& low, const core::owned_key<T>& high, const char* operation,
                                  const where_t& where) const {
  using key_row = core::key_row_t<core::key_in<T>>;
  using order = decltype(core::order_of_rows<T>(std::declval<Less>()));
  if constexpr (!std::is_empty_v<Less>)
    return *this; // two orderings of one type may still differ
  const auto* const assigner = static_cast<const core::key_partitioner<key_row>*>(node_->assigner.get());
  if (node_->partitions == 0 || !dynamic_cast<const core::range_key_partitioner<key_row, order>*>(assigner))
    return *this;
  const auto partition_of = [&](const core::owned_key<T>& key) {
    core::arena characters;
    const key_row row = core::to_row(key, characters);
    std::uint32_t p = 0;
    core::on_driver(operation, where, "finding the partitions of the range", [&] { assigner->assign(&row, sizeof row, 1, &p); });
    return p;
  };
  const auto [first, last] = std::minmax({partition_of(low), partition_of(high)});
  if (last - first + 1 == node_->partitions)
    return *this;
  auto header = app_->header(operation, where, last - first + 1);
  auto edge = core::narrow_on(node_);
  edge.how = core::dependency::kind::grouped;
  for (auto p = first; p <= last; ++p)
    edge.groups.push_back({p});
  header.dependencies.push_back(std::move(edge));
  return derive<core::concatenation_node<T>>(std::move(header));
}

} // namespace salamander
