// Operations on several datasets; see rdd.hpp.
#pragma once

namespace salamander {

template <class T>
void rdd<T>::check_same_partitions(const char* operation, const where_t& where, std::initializer_list<std::uint32_t> others) const {
  auto all = std::to_string(node_->partitions);
  bool equal = true;
  for (const auto one : others) {
    equal = equal && one == node_->partitions;
    all += ", " + std::to_string(one);
  }
  if (!equal)
    core::throw_error(errc::invalid_argument, operation + (" at " + call_site::from(where).text()) +
                                                  ": Can't zip RDDs with unequal numbers of partitions: " + all);
}

template <class T>
template <class U>
rdd<std::pair<T, U>> rdd<T>::cartesian(const rdd<U>& other, where_t where) const {
  app_->check_same(*other.app(), "cartesian", where);
  const auto columns = other.num_partitions();
  const auto product = std::uint64_t{node_->partitions} * columns;
  if (product > 0x7fffffff)
    core::throw_error(errc::invalid_argument, "cartesian at " + call_site::from(where).text() + ": " + std::to_string(node_->partitions) +
                                                  " times " + std::to_string(columns) + " partitions are more than 2147483647; use coalesce first");
  auto header = app_->header("cartesian", where, static_cast<std::uint32_t>(product));
  auto left = core::narrow_on(node_);
  left.how = core::dependency::kind::crossed;
  left.cross = {std::max(columns, 1U), std::max(node_->partitions, 1U)};
  auto right = core::narrow_on(other.node());
  right.how = core::dependency::kind::crossed;
  right.cross = {1, std::max(columns, 1U)};
  header.dependencies.push_back(std::move(left));
  header.dependencies.push_back(std::move(right));
  return derive<core::cartesian_node<T, U>>(std::move(header));
}

template <class T>
template <class U>
rdd<std::pair<T, U>> rdd<T>::zip(const rdd<U>& other, where_t where) const {
  app_->check_same(*other.app(), "zip", where);
  check_same_partitions("zip", where, {other.num_partitions()});
  auto header = narrow_header("zip", false, where);
  header.dependencies.push_back(core::narrow_on(other.node()));
  return derive<core::zip_node<T, U>>(std::move(header));
}

template <class T>
template <class F, class... Us>
auto rdd<T>::zipped_partitions(F f, bool preserves_partitioning, const where_t& where, const rdd<Us>&... others) const {
  constexpr const char* operation = "zip_partitions";
  (app_->check_same(*others.app(), operation, where), ...);
  check_same_partitions(operation, where, {others.num_partitions()...});
  core::check_closure(f, operation, where);
  auto header = narrow_header(operation, preserves_partitioning, where);
  (header.dependencies.push_back(core::narrow_on(others.node())), ...);
  return derive<core::zip_partitions_node<F, T, Us...>>(std::move(header), std::move(f));
}

template <class T>
template <class U, core::partitions_function<T, U> F>
auto rdd<T>::zip_partitions(const rdd<U>& other, F f, bool preserves_partitioning, where_t where) const {
  return zipped_partitions(std::move(f), preserves_partitioning, where, other);
}

template <class T>
template <class U, class V, core::partitions_function<T, U, V> F>
auto rdd<T>::zip_partitions(const rdd<U>& second, const rdd<V>& third, F f, bool preserves_partitioning, where_t where) const {
  return zipped_partitions(std::move(f), preserves_partitioning, where, second, third);
}

template <class T>
template <class U, class V, class W, core::partitions_function<T, U, V, W> F>
auto rdd<T>::zip_partitions(const rdd<U>& second, const rdd<V>& third, const rdd<W>& fourth, F f, bool preserves_partitioning,
                            where_t where) const {
  return zipped_partitions(std::move(f), preserves_partitioning, where, second, third, fourth);
}

template <class T>
rdd<std::pair<T, std::int64_t>> rdd<T>::zip_with_index(where_t where) const {
  app_->check_usable("zip_with_index", where);
  std::vector<std::int64_t> first(node_->partitions);
  if (node_->partitions > 1) {
    using action = core::function_action<T, core::count_function<T>>;
    std::vector<std::uint32_t> counted(node_->partitions - 1);
    std::iota(counted.begin(), counted.end(), 0U);
    auto blocks = app_->run(node_, std::make_shared<action>(core::count_function<T>{}, "zip_with_index", call_site::from(where)),
                            std::move(counted), "zip_with_index", where);
    for (std::size_t p = 0; p < blocks.size(); ++p)
      first[p + 1] = first[p] + static_cast<std::int64_t>(core::take_value<typename action::result_type>(std::move(blocks[p])));
  }
  return derive<core::numbered_node<T>>(narrow_header("zip_with_index", false, where), std::move(first), std::int64_t{1});
}

template <class T>
rdd<std::pair<T, std::int64_t>> rdd<T>::zip_with_unique_id(where_t where) const {
  std::vector<std::int64_t> first(node_->partitions);
  std::iota(first.begin(), first.end(), std::int64_t{0});
  return derive<core::numbered_node<T>>(narrow_header("zip_with_unique_id", false, where), std::move(first),
                                        static_cast<std::int64_t>(node_->partitions));
}

template <class T>
core::partition_spec rdd<T>::own_partitions(core::partition_spec by) const {
  return by.partitions != 0 ? by : core::partition_spec(node_->partitions);
}

template <class T>
template <class U>
auto rdd<T>::not_in(const rdd<U>& other, core::partitioner_choice choice, const char* operation, const where_t& where) const {
  using function = core::not_in_function<core::kept_t<core::key_in<T>>, core::kept_t<core::value_in<T>>>;
  const auto names = other.template map_as<std::pair<core::key_in<U>, core::no_value_record>>(operation, core::only_key_function<U>{}, true, where);
  return cogrouped_by(std::move(choice), operation, where, names).template flat_map_keeping<function>(operation, where);
}

template <class T>
template <class U>
  requires std::is_same_v<core::kept_t<U>, core::kept_t<T>>
rdd<core::kept_t<T>> rdd<T>::intersection(const rdd<U>& other, core::partition_spec partitions, where_t where) const {
  constexpr const char* operation = "intersection";
  const auto here = map_as<std::pair<T, core::no_value_record>>(operation, core::unit_function<T>{}, false, where);
  const auto there = other.template map_as<std::pair<U, core::no_value_record>>(operation, core::unit_function<U>{}, false, where);
  using function = core::in_both_function<core::kept_t<T>>;
  const auto both = here.cogrouped(partitions, operation, where, there);
  return both.template derive<core::flat_map_node<typename decltype(both)::value_type, function>>(
      both.narrow_header(operation, false, where), function{});
}

template <class T>
template <class U>
  requires std::is_same_v<core::kept_t<U>, core::kept_t<T>>
rdd<core::kept_t<T>> rdd<T>::subtract(const rdd<U>& other, core::partition_spec partitions, where_t where) const {
  constexpr const char* operation = "subtract";
  const auto here = map_as<std::pair<T, core::no_value_record>>(operation, core::unit_function<T>{}, false, where);
  const auto there = other.template map_as<std::pair<U, core::no_value_record>>(operation, core::unit_function<U>{}, false, where);
  return here.not_in(there, core::choose_partitioner(*app_, {here.node().get()}, own_partitions(partitions).partitions), operation, where)
      .keys(where);
}

template <class T>
template <core::pair_record U>
rdd<core::kept_t<T>> rdd<T>::subtract_by_key(const rdd<U>& other, core::partition_spec by, where_t where) const
  requires core::joinable<T, U>
{
  const auto partitions = node_->partitioning && node_->assigner ? by.partitions : own_partitions(by).partitions;
  return not_in(other, core::choose_partitioner(*app_, {node_.get()}, partitions), "subtract_by_key", where);
}

template <class T>
template <core::pair_record U>
auto rdd<T>::group_with(const rdd<U>& other, core::partition_spec by, where_t where) const
  requires core::joinable<T, U>
{
  return cogrouped(by, "group_with", where, other);
}

template <class T>
template <core::pair_record U, core::pair_record V>
auto rdd<T>::group_with(const rdd<U>& second, const rdd<V>& third, core::partition_spec by, where_t where) const
  requires core::joinable<T, U> && core::joinable<T, V>
{
  return cogrouped(by, "group_with", where, second, third);
}

template <class T>
template <core::pair_record U, core::pair_record V, core::pair_record W>
auto rdd<T>::group_with(const rdd<U>& second, const rdd<V>& third, const rdd<W>& fourth, core::partition_spec by, where_t where) const
  requires core::joinable<T, U> && core::joinable<T, V> && core::joinable<T, W>
{
  return cogrouped(by, "group_with", where, second, third, fourth);
}

// -- programs ----------------------------------------------------------------------------------------------------------------------

template <class T>
rdd<std::string> rdd<T>::pipe(std::vector<std::string> command, const pipe_options& options, where_t where) const {
  auto order = core::checked_order(std::move(command), options, where);
  return derive<core::pipe_node<T>>(narrow_header("pipe", false, where), std::move(order));
}

template <class T>
template <std::convertible_to<std::string_view> Text>
rdd<std::string> rdd<T>::pipe(const Text& command, const pipe_options& options, where_t where) const {
  return pipe(core::words_of_command(std::string(std::string_view(command))), options, where);
}

} // namespace salamander
