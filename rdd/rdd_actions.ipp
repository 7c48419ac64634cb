// Actions; see rdd.hpp.
#pragma once

#include <salamander/rdd/object_nodes.hpp>
#include <salamander/rdd/row_output.hpp>

namespace salamander {
namespace core {
/// What a user's function does on the driver when it fails there.
inline constexpr const char* merging = "merging the results of partitions";
} // namespace core

template <class T>
template <class F>
auto rdd<T>::run(F f, const char* operation, const where_t& where) const {
  using action = core::function_action<T, F>;
  core::check_closure(f, operation, where);
  auto blocks = app_->run(node_, std::make_shared<action>(std::move(f), operation, call_site::from(where)), operation, where);
  std::vector<typename action::result_type> results;
  results.reserve(blocks.size());
  for (auto& one : blocks)
    results.push_back(core::take_value<typename action::result_type>(std::move(one)));
  return results;
}

template <class T>
std::vector<core::owned_t<T>> rdd<T>::collect(where_t where) const {
  using action = core::collect_action<T>;
  auto blocks = app_->run(node_, std::make_shared<action>(action::no_limit, "collect", call_site::from(where)), "collect", where);
  std::vector<owned_type> all;
  std::size_t records = 0;
  for (const auto& one : blocks)
    records += one.object ? one.object->record_count() : 0;
  if (blocks.size() != 1)
    all.reserve(records);
  for (auto& one : blocks)
    core::append_rows<T>(all, std::move(one));
  return all;
}

template <class T>
std::uint64_t rdd<T>::count(where_t where) const {
  std::uint64_t all = 0;
  for (const auto one : run(core::count_function<T>{}, "count", where))
    all += one;
  return all;
}

template <class T>
std::vector<core::owned_t<T>> rdd<T>::take(std::size_t n, where_t where) const {
  using action = core::collect_action<T>;
  app_->check_usable("take", where);
  core::check_number(n, "take", where);
  std::vector<owned_type> all;
  std::uint64_t scanned = 0;
  std::uint64_t next = 1;
  while (all.size() < n && scanned < node_->partitions) {
    std::vector<std::uint32_t> partitions;
    for (auto p = scanned; p < std::min<std::uint64_t>(scanned + next, node_->partitions); ++p)
      partitions.push_back(static_cast<std::uint32_t>(p));
    scanned += partitions.size();
    auto blocks =
        app_->run(node_, std::make_shared<action>(n - all.size(), "take", call_site::from(where)), std::move(partitions), "take", where);
    for (auto& one : blocks)
      core::append_rows<T>(all, std::move(one));
    // Nothing found: look further by a factor; else as far as the density so far promises, with a margin.
    constexpr std::uint64_t factor = 4;
    next = all.empty() ? scanned * factor
                       : std::clamp<std::uint64_t>(3 * (n - std::min(n, all.size())) * scanned / (2 * all.size()) + 1, 1, scanned * factor);
  }
  if (all.size() > n)
    all.resize(n);
  return all;
}

template <class T>
core::owned_t<T> rdd<T>::first(where_t where) const {
  auto one = take(1, where);
  if (one.empty())
    core::throw_error(errc::empty_collection, "first at " + call_site::from(where).text() + ": empty collection");
  return std::move(one.front());
}

template <class T>
bool rdd<T>::is_empty(where_t where) const {
  return take(1, where).empty();
}

template <class T>
template <class Order>
std::vector<core::owned_t<T>> rdd<T>::first_ordered(std::size_t n, const Order& order, const char* operation, const where_t& where) const {
  using function = core::first_ordered_function<T, Order>;
  app_->check_usable(operation, where);
  core::check_number(n, operation, where);
  if (n == 0)
    return {};
  auto parts = run(function{{std::tuple<core::carried<std::uint64_t>, Order>(core::carry<std::uint64_t>(n), order)}}, operation, where);
  return core::on_driver(operation, where, core::merging, [&] {
    std::vector<owned_type> all;
    for (auto& part : parts) {
      std::vector<owned_type> merged;
      merged.reserve(std::min(n, all.size() + part.size()));
      for (auto a = all.begin(), b = part.begin(); merged.size() < n && (a != all.end() || b != part.end());) {
        auto& next = a == all.end() || (b != part.end() && order(*b, *a)) ? b : a;
        merged.push_back(std::move(*next));
        ++next;
      }
      all = std::move(merged);
    }
    return all;
  });
}

template <class T>
template <class Less>
std::vector<core::owned_t<T>> rdd<T>::take_ordered(std::size_t n, Less less, where_t where) const {
  return first_ordered(n, core::order_of_records<T>(std::move(less)), "take_ordered", where);
}

template <class T>
template <class Less>
std::vector<core::owned_t<T>> rdd<T>::top(std::size_t n, Less less, where_t where) const {
  return first_ordered(n, core::reversed_order_of_records<T>(std::move(less)), "top", where);
}

template <class T>
template <class Less>
core::owned_t<T> rdd<T>::max(Less less, where_t where) const {
  auto one = first_ordered(1, core::reversed_order_of_records<T>(std::move(less)), "max", where);
  if (one.empty())
    core::throw_error(errc::empty_collection, "max at " + call_site::from(where).text() + ": empty collection");
  return std::move(one.front());
}

template <class T>
template <class Less>
core::owned_t<T> rdd<T>::min(Less less, where_t where) const {
  auto one = first_ordered(1, core::order_of_records<T>(std::move(less)), "min", where);
  if (one.empty())
    core::throw_error(errc::empty_collection, "min at " + call_site::from(where).text() + ": empty collection");
  return std::move(one.front());
}

template <class T>
template <class F>
  requires core::reducer<F, core::owned_t<T>>
core::owned_t<T> rdd<T>::reduce(F f, where_t where) const {
  std::optional<owned_type> all;
  auto parts = run(core::reduce_function<T, F>{{std::tuple<F>(f)}}, "reduce", where);
  core::on_driver("reduce", where, core::merging, [&] {
    for (auto& part : parts)
      if (part)
        all = all ? owned_type(f(std::move(*all), std::move(*part))) : std::move(*part);
  });
  if (!all)
    core::throw_error(errc::empty_collection, "reduce at " + call_site::from(where).text() + ": empty collection");
  return std::move(*all);
}

template <class T>
template <class F>
  requires core::reducer<F, core::owned_t<T>>
core::owned_t<T> rdd<T>::fold(owned_type zero, F f, where_t where) const {
  using function = core::aggregate_function<T, owned_type, F>;
  auto parts = run(function{{std::tuple<core::carried<owned_type>, F>(core::carry(zero), f)}}, "fold", where);
  return core::on_driver("fold", where, core::merging, [&] {
    auto all = std::move(zero);
    for (auto&& part : parts) // values, where the vector holds bits
      all = f(std::move(all), owned_type(std::move(part)));
    return all;
  });
}

template <class T>
template <class Z, class Seq, class Comb>
Z rdd<T>::aggregate(Z zero, Seq seq, Comb comb, where_t where) const {
  using function = core::aggregate_function<T, Z, Seq>;
  auto parts = run(function{{std::tuple<core::carried<Z>, Seq>(core::carry(zero), std::move(seq))}}, "aggregate", where);
  return core::on_driver("aggregate", where, core::merging, [&] {
    auto all = std::move(zero);
    for (auto&& part : parts)
      core::merge_in(comb, all, Z(std::move(part)));
    return all;
  });
}

template <class T>
template <core::record_function<T> F>
void rdd<T>::foreach(F f, where_t where) const {
  run(core::foreach_function<T, F>{{std::tuple<F>(std::move(f))}}, "foreach", where);
}

template <class T>
template <class F>
  requires std::is_invocable_v<const F&, record_range<T>>
void rdd<T>::foreach_partition(F f, where_t where) const {
  run(core::foreach_partition_function<T, F>{{std::tuple<F>(std::move(f))}}, "foreach_partition", where);
}

template <class T>
auto rdd<T>::count_by_value(where_t where) const {
  const auto counted = map_as<std::pair<T, std::uint64_t>>("count_by_value", core::one_function<T>{}, false, where)
                           .reduce_by_key(std::plus<>{}, {}, where)
                           .collect(where);
  return core::counts_of(counted);
}

template <class T>
auto rdd<T>::count_by_key(where_t where) const
  requires core::pair_record<T>
{
  const auto counted = map_as<std::pair<core::key_in<T>, std::uint64_t>>("count_by_key", core::one_for_key_function<T>{}, true, where)
                           .reduce_by_key(std::plus<>{}, {}, where)
                           .collect(where);
  return core::counts_of(counted);
}

template <class T>
auto rdd<T>::collect_as_map(where_t where) const
  requires core::pair_record<T>
{
  core::result_map<core::owned_key<T>, core::owned_value<T>> map;
  for (auto& [key, value] : collect(where))
    map.insert_or_assign(std::move(key), std::move(value));
  return map;
}

template <class T>
std::vector<core::owned_value<T>> rdd<T>::lookup(const core::owned_key<T>& key, where_t where) const
  requires core::pair_record<T>
{
  using owned_key = core::owned_key<T>;
  using function = core::lookup_function<T>;
  using action = core::function_action<T, function>;
  app_->check_usable("lookup", where);
  std::vector<std::uint32_t> partitions(node_->partitions);
  std::iota(partitions.begin(), partitions.end(), 0U);
  if (node_->assigner && node_->partitions != 0) {
    using key_row = core::row_t<core::kept_t<core::key_in<T>>>;
    core::arena characters;
    const key_row row = core::to_row(key, characters);
    std::uint32_t only = 0;
    core::on_driver("lookup", where, "finding the partition of the key", [&] {
      static_cast<const core::key_partitioner<key_row>*>(node_->assigner.get())->assign(&row, sizeof row, 1, &only);
    });
    partitions = {only};
  }
  function find{{std::tuple<core::carried<owned_key>>(core::carry(key))}};
  auto blocks = app_->run(node_, std::make_shared<action>(std::move(find), "lookup", call_site::from(where)), std::move(partitions), "lookup", where);
  std::vector<core::owned_value<T>> all;
  for (auto& one : blocks)
    for (auto&& value : core::take_value<std::vector<core::owned_value<T>>>(std::move(one)))
      all.push_back(std::move(value));
  return all;
}

// -- numbers ----------------------------------------------------------------------------------------------------------------------

template <class T>
double rdd<T>::sum(where_t where) const
  requires std::is_arithmetic_v<T>
{
  double all = 0;
  for (const auto part : run(core::sum_function<T>{}, "sum", where))
    all += part;
  return all;
}

template <class T>
stat_counter rdd<T>::stats(where_t where) const
  requires std::is_arithmetic_v<T>
{
  if (node_->partitions == 0)
    core::throw_error(errc::empty_collection, "stats at " + call_site::from(where).text() + ": empty collection");
  stat_counter all;
  for (const auto& part : run(core::stats_function<T>{}, "stats", where))
    all.merge(part);
  return all;
}

template <class T>
double rdd<T>::mean(where_t where) const
  requires std::is_arithmetic_v<T>
{
  return stats(where).mean();
}

// -- output -----------------------------------------------------------------------------------------------------------------------

template <class T>
template <class Function, class... Options>
void rdd<T>::save(const std::string& path, core::output_order order, compression files, const char* operation, const where_t& where,
                  Options... options) const {
  app_->check_usable(operation, where);
  core::output_way how;
  how.sync = order.sync = app_->settings().get_bool("salamander.files.syncOutput");
  const auto writer = [&](core::output_order wanted) {
    return Function{{std::tuple<core::carried<core::output_order>, core::carried<Options>...>(core::carry(std::move(wanted)),
                                                                                           core::carry(Options(options))...)}};
  };
  using course_kind = core::engine::output_course::kind;
  auto course = app_->runner().begin_output(node_, path, operation + core::closure_text(writer(order)), app_->local_properties());
  if (course.what == course_kind::skip)
    return;
  how.anew = course.what == course_kind::write_anew;
  how.attempts = std::move(course.attempts);
  how.seal = std::move(course.seal);
  how.still_ours = std::move(course.still_ours);
  core::output_directory output(path, operation, call_site::from(where), files, how);
  order.attempts = output.attempts();
  order.known_as = std::move(course.results);
  output.commit(run(writer(std::move(order)), operation, where));
}

template <class T>
void rdd<T>::save_as_text_file(const std::string& path, compression packing, where_t where) const {
  save<core::write_text_function<T>>(path, {{}, packing}, packing, "save_as_text_file", where);
}

template <class T>
void rdd<T>::save_as_text_file(const std::string& path, where_t where) const {
  save_as_text_file(path, compression::none, where);
}

template <class T>
void rdd<T>::save_as_object_file(const std::string& path, compression packing, where_t where) const {
  constexpr const char* operation = "save_as_object_file";
  if (packing == compression::gzip)
    core::throw_error(errc::invalid_argument, std::string(operation) + " at " + call_site::from(where).text() +
                                                  ": the blocks of object files are packed by zstd or not at all");
  save<core::write_objects_function<T>>(path, {{}, packing}, compression::none, operation, where);
}

template <class T>
void rdd<T>::save_as_object_file(const std::string& path, where_t where) const {
  save_as_object_file(path, compression::none, where);
}

template <class T>
void rdd<T>::save_as_csv_file(const std::string& path, csv_options options, compression packing, where_t where) const
  requires core::row_record<T>
{
  constexpr const char* operation = "save_as_csv_file";
  if (options.columns.empty())
    options.columns = core::names_of_members<T>();
  const auto site = call_site::from(where);
  core::check_rows(options, core::members_of<T>, operation, site);
  if (options.header && options.columns.empty())
    core::throw_error(errc::invalid_argument, std::string(operation) + " at " + site.text() +
                                                  ": a header needs names: give the struct column_names, or pass columns");
  save<core::write_csv_function<T>>(path, {{}, packing}, packing, operation, where, std::move(options));
}

template <class T>
void rdd<T>::save_as_json_lines_file(const std::string& path, json_options options, compression packing, where_t where) const
  requires core::row_record<T>
{
  constexpr const char* operation = "save_as_json_lines_file";
  if (options.columns.empty())
    options.columns = core::names_of_members<T>();
  core::check_columns(options.columns, core::members_of<T>, operation, call_site::from(where));
  save<core::write_json_function<T>>(path, {{}, packing}, packing, operation, where, std::move(options));
}

} // namespace salamander
