// Transformations of any dataset; see rdd.hpp.
#pragma once

namespace salamander {

template <class T>
template <class Node, class... Args>
auto rdd<T>::derive(core::node_header&& header, Args&&... args) const {
  auto made = std::make_shared<Node>(std::move(header), std::forward<Args>(args)...);
  app_->adopt(*made);
  using record = typename Node::value_type;
  return rdd<record>(std::shared_ptr<core::typed_node<record>>(std::move(made)), app_);
}

template <class T>
core::node_header rdd<T>::narrow_header(const char* operation, bool keeps_partitioner, const where_t& where) const {
  auto header = app_->header(operation, where, node_->partitions);
  header.dependencies.push_back(core::narrow_on(node_));
  if (keeps_partitioner) {
    header.partitioning = node_->partitioning;
    header.assigner = node_->assigner;
  }
  return header;
}

template <class T>
template <class U, class F>
auto rdd<T>::map_as(const char* operation, F f, bool keeps_partitioner, const where_t& where) const {
  core::check_closure(f, operation, where);
  auto made = derive<core::map_node<T, F>>(narrow_header(operation, keeps_partitioner, where), std::move(f));
  static_assert(std::is_same_v<typename decltype(made)::value_type, U>);
  return made;
}

template <class T>
template <class U>
  requires(!std::is_same_v<U, T> && std::is_same_v<core::kept_t<U>, T>)
rdd<T>::rdd(const rdd<U>& other) {
  using owner = core::own_function<T>;
  core::node_header header;
  header.id = other.app()->next_dataset();
  header.operation = other.node()->operation;
  header.site = other.node()->site;
  header.partitions = other.num_partitions();
  header.dependencies.push_back(core::narrow_on(other.node()));
  header.partitioning = other.node()->partitioning;
  header.assigner = other.node()->assigner;
  app_ = other.app();
  node_ = std::make_shared<core::map_node<U, owner>>(std::move(header), owner{});
  app_->adopt(*node_);
}

template <class T>
template <core::record_function<T> F>
auto rdd<T>::map(F f, where_t where) const {
  return map_as<core::map_result_t<T, F>>("map", std::move(f), false, where);
}

template <class T>
template <core::record_function<T> F>
auto rdd<T>::flat_map(F f, where_t where) const {
  core::check_closure(f, "flat_map", where);
  return derive<core::flat_map_node<T, F>>(narrow_header("flat_map", false, where), std::move(f));
}

template <class T>
template <core::record_function<T> F>
rdd<T> rdd<T>::filter(F f, where_t where) const {
  core::check_closure(f, "filter", where);
  return derive<core::filter_node<T, F>>(narrow_header("filter", true, where), std::move(f));
}

template <class T>
template <core::partition_function<T> F>
auto rdd<T>::map_partitions(F f, bool preserves_partitioning, where_t where) const {
  core::check_closure(f, "map_partitions", where);
  return derive<core::map_partitions_node<T, F>>(narrow_header("map_partitions", preserves_partitioning, where), std::move(f));
}

template <class T>
template <core::partition_function<T> F>
auto rdd<T>::map_partitions_with_index(F f, bool preserves_partitioning, where_t where) const {
  core::check_closure(f, "map_partitions_with_index", where);
  return derive<core::map_partitions_node<T, F>>(narrow_header("map_partitions_with_index", preserves_partitioning, where), std::move(f));
}

template <class T>
rdd<std::vector<core::owned_t<T>>> rdd<T>::glom(where_t where) const {
  return derive<core::glom_node<T>>(narrow_header("glom", false, where));
}

template <class T>
template <core::record_function<T> F>
auto rdd<T>::key_by(F f, where_t where) const {
  using function = core::key_by_function<F, T>;
  return map_as<std::pair<typename function::key, T>>("key_by", function{{std::tuple<F>(std::move(f))}}, false, where);
}

template <class T>
rdd<T> rdd<T>::union_with(const rdd& other, where_t where) const {
  app_->check_same(*other.app_, "union_with", where);
  auto header = app_->header("union_with", where, 0);
  core::concatenate(header, {node_, other.node_});
  return derive<core::concatenation_node<T>>(std::move(header));
}

template <class T>
rdd<core::kept_t<T>> rdd<T>::distinct(core::partition_spec partitions, where_t where) const {
  using keyed = std::pair<T, core::no_value_record>;
  using aggregator = core::reduce_aggregator<core::no_value_record, core::keep_first>;
  const core::partition_spec by = partitions.partitions != 0 ? partitions : core::partition_spec(node_->partitions);
  const auto records = map_as<keyed>("distinct", core::unit_function<T>{}, false, where);
  if (!node_->partitioning || node_->partitions != by.partitions)
    return records.combined(aggregator{}, by, "distinct", where).keys(where);
  // Equal records have equal keys, and are in one partition already.
  using key_row = core::row_t<core::kept_t<T>>;
  using node = core::combine_node<keyed, aggregator>;
  auto unused = std::make_shared<const core::hash_key_partitioner<key_row>>(by.partitions);
  auto once = records.template derive<node>(records.narrow_header("distinct", false, where), aggregator{}, std::move(unused)).keys(where);
  once.node_->partitioning = node_->partitioning;
  once.node_->assigner = node_->assigner;
  return once;
}

template <class T>
template <core::record_function<T> F>
auto rdd<T>::group_by(F f, core::partition_spec partitions, where_t where) const {
  return key_by(std::move(f), where).group_by_key(partitions, where);
}

template <class T>
template <core::record_function<T> F, std::same_as<bool> Ascending>
auto rdd<T>::sort_by(F f, Ascending ascending, core::partition_spec partitions, where_t where) const {
  return key_by(std::move(f), where).template sorted_under<core::value_alone>(std::less<>{}, ascending, partitions.partitions, "sort_by", where);
}

template <class T>
template <core::record_function<T> F, class Less>
  requires core::ordering_of_rows<Less, core::key_result_t<F, T>>
auto rdd<T>::sort_by(F f, Less less, core::partition_spec partitions, where_t where) const {
  return key_by(std::move(f), where).template sorted_under<core::value_alone>(std::move(less), true, partitions.partitions, "sort_by", where);
}

template <class T>
rdd<core::kept_t<T>> rdd<T>::coalesce(core::partition_spec by, bool shuffle, where_t where) const {
  const auto partitions = by.partitions;
  if (partitions == 0)
    core::throw_error(errc::invalid_argument, "coalesce at " + call_site::from(where).text() + ": number of partitions (0) must be positive");
  if (shuffle)
    return repartition(by, where);
  const auto count = std::min(partitions, node_->partitions);
  auto header = app_->header("coalesce", where, count);
  auto edge = core::narrow_on(node_);
  edge.how = core::dependency::kind::grouped;
  auto [groups, places] = core::coalesced(*node_, count);
  edge.groups = std::move(groups);
  header.dependencies.push_back(std::move(edge));
  auto made = derive<core::concatenation_node<T>>(std::move(header));
  made.node_->places = std::move(places);
  return made;
}

template <class T>
rdd<core::kept_t<T>> rdd<T>::repartition(core::partition_spec by, where_t where) const {
  const auto partitions = by.partitions;
  if (partitions == 0)
    core::throw_error(errc::invalid_argument,
                      "repartition at " + call_site::from(where).text() + ": number of partitions (0) must be positive");
  auto header = app_->header("repartition", where, partitions);
  header.dependencies.push_back(core::wide_on(node_, app_->next_shuffle()));
  return derive<core::repartition_node<T>>(std::move(header));
}

// -- caching and properties -------------------------------------------------------------------------------------------------------

template <class T>
const rdd<T>& rdd<T>::cache() const {
  node_->set_cache_reader(core::cache_reader<T>());
  return *this;
}

template <class T>
const rdd<T>& rdd<T>::unpersist(bool blocking) const {
  node_->set_cache_reader(nullptr);
  app_->runner().unpersist(node_->id, blocking);
  return *this;
}

template <class T>
std::string rdd<T>::to_debug_string() const {
  return core::describe_lineage(*node_);
}

} // namespace salamander
