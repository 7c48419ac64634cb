// Function objects that operations are made of, and the rules for the functions users give.
#pragma once

#include <salamander/rdd/actions.hpp>
#include <salamander/rdd/combine.hpp>
#include <salamander/rdd/invoke.hpp>
#include <salamander/rdd/key_partitioner.hpp>
#include <salamander/rdd/narrow.hpp>
#include <salamander/rdd/ordering.hpp>
#include <salamander/rdd/stats.hpp>
#include <salamander/rdd/part_writer.hpp>
#include <salamander/rdd/to_text.hpp>

#include <unordered_map>

namespace salamander::core {

/// A number of partitions or a hash partitioner; empty: the default rule.
struct partition_spec {
  std::uint32_t partitions = 0;

  partition_spec() = default;
  partition_spec(hash_partitioner by) : partitions(by.partitions) {}
  template <std::integral N>
  partition_spec(N count, const source_location& where = source_location::current())
      : partitions(checked(static_cast<std::int64_t>(count), where)) {}

private:
  static std::uint32_t checked(std::int64_t count, const source_location& where);
};

/// Errors: errc::invalid_argument for a number of records that was negative before it became unsigned.
void check_number(std::size_t n, const char* operation, const source_location& where);

/// Picks what keys and values of a record are seen as.
template <class T>
struct pair_types {
  struct none {};
  using key = none;
  using value = none;
  using owned_key = none;
  using owned_value = none;
};
template <class K, class V>
struct pair_types<std::pair<K, V>> {
  using key = K;
  using value = V;
  using owned_key = owned_t<K>;
  using owned_value = owned_t<V>;
};
template <class T>
using key_in = typename pair_types<T>::key;
template <class T>
using value_in = typename pair_types<T>::value;
template <class T>
using owned_key = typename pair_types<T>::owned_key;
template <class T>
using owned_value = typename pair_types<T>::owned_value;

/// A strict weak ordering of K.
template <class Less, class K>
concept ordering = std::is_invocable_r_v<bool, const Less&, const K&, const K&> && !std::is_arithmetic_v<Less>;

template <class F, class T>
using key_result_t = std::remove_cvref_t<record_result_t<F, T>>;

/// An ordering of K as it lies in blocks, or as an owned value.
template <class Less, class K>
concept ordering_of_rows = ordering<Less, row_t<kept_t<K>>> || ordering<Less, owned_t<K>>;

template <class Less, class T>
concept key_ordering = pair_record<T> && ordering_of_rows<Less, key_in<T>>;

template <class F, class T>
concept value_function = pair_record<T> && record_function<F, value_in<T>>;

/// f(V, V) -> V
template <class F, class V>
concept reducer = std::is_invocable_r_v<V, const F&, V, const V&> || std::is_invocable_r_v<V, const F&, const V&, const V&>;

template <class F, class T>
concept value_reducer = pair_record<T> && reducer<F, kept_t<value_in<T>>>;

template <class T, class U>
concept joinable = pair_record<T> && pair_record<U> && std::is_same_v<kept_t<key_in<T>>, kept_t<key_in<U>>>;

// -- function objects ---------------------------------------------------------

template <class Owned>
struct own_function {
  template <class T>
  Owned operator()(T&& record) const {
    return to_owned<Owned>(std::forward<T>(record));
  }
};

struct key_function {
  template <class T>
  auto operator()(T&& record) const {
    return std::forward<T>(record).first;
  }
};
struct value_function_object {
  template <class T>
  auto operator()(T&& record) const {
    return std::forward<T>(record).second;
  }
};

/// (f(record), record)
template <class F, class T>
struct key_by_function : composed<key_by_function<F, T>, F> {
  using key = key_result_t<F, T>;

  template <class Record>
    requires std::is_same_v<std::remove_cvref_t<Record>, T>
  std::pair<key, T> operator()(Record&& record) const {
    record_caller<F, T> call;
    if constexpr (record_caller<F, T>::keeps_copies)
      static_assert(std::is_same_v<key, T>, "salamander: this key is a view into a copy of the record; take the record as std::string_view");
    key made = call(std::get<0>(this->parts), std::as_const(record), 0);
    return std::pair<key, T>(std::move(made), std::forward<Record>(record));
  }
};

/// (key, f(value))
template <class F, class T>
struct map_value_function : composed<map_value_function<F, T>, F> {
  using value = value_in<T>;
  using result = std::remove_cvref_t<record_result_t<F, value>>;

  template <class Record>
    requires std::is_same_v<std::remove_cvref_t<Record>, T>
  std::pair<key_in<T>, result> operator()(Record&& record) const {
    record_caller<F, value> call;
    return std::pair<key_in<T>, result>(std::forward<Record>(record).first,
                                        call(std::get<0>(this->parts), std::forward<Record>(record).second, 0));
  }
};

/// (key, v) for each v of f(value)
template <class F, class T>
struct flat_map_value_function : composed<flat_map_value_function<F, T>, F> {
  using value = value_in<T>;
  using range = std::remove_cvref_t<record_result_t<F, value>>;
  using element = range_record_t<range>;

  template <class Record>
    requires std::is_same_v<std::remove_cvref_t<Record>, T>
  std::vector<std::pair<key_in<T>, element>> operator()(Record&& record) const {
    record_caller<F, value> call;
    std::vector<std::pair<key_in<T>, element>> out;
    auto&& produced = call(std::get<0>(this->parts), std::as_const(record.second), 0);
    for (auto&& one : produced)
      out.emplace_back(record.first, std::forward<decltype(one)>(one));
    return out;
  }
};

/// Orders the other way round, for `top`.
template <class Less>
struct reversed : composed<reversed<Less>, Less> {
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return std::get<0>(this->parts)(b, a);
  }
};

template <class Less>
inline constexpr bool orders_rows<reversed<Less>> = orders_rows<Less>;

struct no_value_record {};

/// A record as a key without a value, for distinct.
template <class T>
struct unit_function {
  std::pair<T, no_value_record> operator()(const T& record) const {
    return {record, {}};
  }
};

struct keep_first {
  template <class V>
  V operator()(V a, const V&) const {
    return a;
  }
};

/// An ordering of owned keys, applied to keys as they lie in blocks.
template <class Less, class Owned>
struct owning_less : composed<owning_less<Less, Owned>, Less> {
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    const Owned& left = owned_form(a);
    const Owned& right = owned_form(b);
    return std::get<0>(this->parts)(left, right);
  }

private:
  template <class A>
  static decltype(auto) owned_form(const A& a) {
    if constexpr (std::is_same_v<A, Owned>)
      return (a);
    else
      return to_owned<Owned>(a);
  }
};

template <class Less, class Owned>
inline constexpr bool orders_rows<owning_less<Less, Owned>> = true;

/// A user's ordering of records as one of records and owned ones, in any combination.
template <class T, class Less>
auto order_of_records(Less less) {
  auto order = strict_order<owned_t<T>>(std::move(less));
  using order_type = decltype(order);
  if constexpr (!is_borrowed<T> || orders_rows<order_type> || (std::is_same_v<T, std::string_view> && ordering<order_type, T>))
    return order;
  else
    return owning_less<order_type, owned_t<T>>{{std::tuple<order_type>(std::move(order))}};
}
template <class T, class Less>
auto reversed_order_of_records(Less less) {
  auto order = order_of_records<T>(std::move(less));
  return reversed<decltype(order)>{{std::tuple<decltype(order)>(std::move(order))}};
}

template <class T>
struct one_function {
  std::pair<T, std::uint64_t> operator()(const T& record) const {
    return {record, 1};
  }
};
template <class T>
struct one_for_key_function {
  std::pair<key_in<T>, std::uint64_t> operator()(const T& record) const {
    return {record.first, 1};
  }
};

struct key_hash {
  template <class K>
  std::size_t operator()(const K& key) const noexcept {
    return static_cast<std::size_t>(hash_value(key));
  }
};

/// What actions that return a map give: the standard's, with a hash of ours for keys that the standard cannot hash.
template <class K, class V>
using result_map = std::unordered_map<K, V, std::conditional_t<has_std_hash<K>, std::hash<K>, key_hash>>;

template <class K>
result_map<K, std::uint64_t> counts_of(const std::vector<std::pair<K, std::uint64_t>>& counted) {
  return {counted.begin(), counted.end()};
}

template <class T>
struct lookup_function : composed<lookup_function<T>, carried<owned_key<T>>> {
  std::vector<owned_value<T>> operator()(partition_reader<T>& in) const {
    const auto& key = carried_value(std::get<0>(this->parts));
    std::vector<owned_value<T>> found;
    in.each(
        [&](auto&& record) {
          if (same_key(record.first, key))
            found.push_back(to_owned<owned_value<T>>(std::forward<decltype(record)>(record).second));
        },
        [&] { in.hold(weight_of(found)); });
    return found;
  }
};

template <class T>
struct sum_function {
  double operator()(partition_reader<T>& in) const {
    double all = 0;
    for (batch<T> records; in.next(records);) {
      for (std::size_t i = 0; i < records.size; ++i)
        all += static_cast<double>(records.records[i]);
      in.advance(records.size);
    }
    return all;
  }
};

template <class T>
struct stats_function {
  stat_counter operator()(partition_reader<T>& in) const {
    stat_counter all;
    in.each([&](const T& value) { all.add(static_cast<double>(value)); });
    return all;
  }
};

/// A uniform sample of at most `limit` keys of a partition and their places (reservoir, seeded by the partition's index), and how many
/// records each stands for. One pass whatever the sizes of partitions: the weight makes up for a large one.
template <class T>
struct sample_keys_function : composed<sample_keys_function<T>, carried<std::uint64_t>> {
  using place = sort_place<owned_key<T>>;

  std::pair<double, std::vector<place>> operator()(partition_reader<T>& in) const {
    const auto limit = carried_value(std::get<0>(this->parts));
    const auto partition = in.context().partition_index;
    std::vector<place> kept;
    std::uint64_t seen = 0;
    std::uint64_t state = mix(partition + 1, 0x9e3779b97f4a7c15ULL);
    in.each(
        [&](auto&& record) {
          const auto ordinal = seen++;
          if (kept.size() < limit) {
            kept.push_back({to_owned<owned_key<T>>(record.first), partition, ordinal});
            return;
          }
          state = mix(state + 0x9e3779b97f4a7c15ULL, 0xe7037ed1a0b428dbULL);
          if (const auto at = state % seen; at < limit)
            kept[at] = {to_owned<owned_key<T>>(record.first), partition, ordinal};
        },
        [&] { in.hold(weight_of(kept)); });
    const double weight = kept.empty() ? 0 : static_cast<double>(seen) / static_cast<double>(kept.size());
    return {weight, std::move(kept)};
  }
};

/// Where and how a part file is written, as it travels to tasks.
struct output_order {
  std::string attempts;
  compression packing = compression::none;
  bool sync = false;
  std::string known_as = {}; ///< see engine::begin_output

  /// Errors: of part_writer.
  std::unique_ptr<part_writer> start(const task_context& context) const {
    output_way how;
    how.sync = sync;
    return std::make_unique<part_writer>(attempts, context.partition_index, context.task_attempt, packing, how);
  }
};

/// Writes a partition as a text file of its own.
template <class T>
struct write_text_function : composed<write_text_function<T>, carried<output_order>> {
  using leaves_files = void;
  written_part operator()(partition_reader<T>& in) const {
    auto& context = in.context();
    auto file = described(in.place(), context, 0, [&] { return carried_value(std::get<0>(this->parts)).start(context); });
    auto& part = *file;
    std::string line;
    in.each([&](const T& record) {
      if constexpr (std::is_convertible_v<const T&, std::string_view>) {
        part.write_line(record);
      } else {
        line.clear();
        append_text(line, record);
        part.write_line(line);
      }
    });
    return described(in.place(), context, part.records(), [&] { return part.close(); });
  }
};

} // namespace salamander::core
