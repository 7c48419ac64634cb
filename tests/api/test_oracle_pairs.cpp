// Operations on datasets of pairs against a single-threaded oracle; see oracle.hpp.
#include "oracle.hpp"

using namespace oracle;

namespace {

using data = sal::rdd<number_pair>;
using input = parts<number_pair>;
using ints = std::vector<int>;
using groups = std::map<int, ints>;

groups grouped(const input& in) {
  groups all;
  for (const auto& [key, value] : flat(in))
    all[key].push_back(value);
  return all;
}

/// f(key, values) of each key.
template <class F>
std::string by_key(const input& in, F f) {
  std::vector<std::pair<int, std::invoke_result_t<F, const ints&>>> all;
  for (const auto& [key, values] : grouped(in))
    all.emplace_back(key, f(values));
  return sorted_text(all);
}

int sum_of(const ints& values) {
  return std::accumulate(values.begin(), values.end(), 0);
}

/// f(key, values here, values there) for each key of either.
template <class F>
void both(const input& a, const input& b, F f) {
  auto left = grouped(a);
  auto right = grouped(b);
  std::set<int> keys;
  for (const auto& [key, values] : left)
    keys.insert(key);
  for (const auto& [key, values] : right)
    keys.insert(key);
  for (const int key : keys)
    f(key, left[key], right[key]);
}

/// Few values a key, so that joins stay small.
data few(const data& a) {
  return a.reduce_by_key([](int x, int y) { return std::min(x, y); }, 3);
}
input few(const input& a) {
  input out{{}};
  for (const auto& [key, values] : grouped(a))
    out[0].emplace_back(key, *std::min_element(values.begin(), values.end()));
  return out;
}

template <class A, class B>
std::string joined(const input& a, const input& b, bool left_too, bool right_too) {
  std::vector<std::pair<int, std::pair<A, B>>> rows;
  both(few(a), b, [&](int key, const ints& here, const ints& there) {
    for (const int x : here)
      for (const int y : there)
        rows.push_back({key, {x, y}});
    if constexpr (!std::is_same_v<B, int>)
      if (left_too && there.empty())
        for (const int x : here)
          rows.push_back({key, {x, std::nullopt}});
    if constexpr (!std::is_same_v<A, int>)
      if (right_too && here.empty())
        for (const int y : there)
          rows.push_back({key, {std::nullopt, y}});
  });
  return sorted_text(rows);
}

using maybe = std::optional<int>;

const auto tenfold = [](int x) { return x * 10; };
const auto bag = [](int x) { return ints(static_cast<std::size_t>(x % 3), x); };
const auto append = [](ints all, int x) {
  all.push_back(x);
  return all;
};
const auto extend = [](ints all, const ints& more) {
  all.insert(all.end(), more.begin(), more.end());
  return all;
};
const auto by_key_alone = [](const number_pair& x, const number_pair& y) { return x.first < y.first; };

std::vector<number_pair> ordered(const input& in) {
  auto all = flat(in);
  std::stable_sort(all.begin(), all.end(), by_key_alone);
  return all;
}

const std::vector<law<number_pair>> one_dataset{
    {"keys, values", [](const data& a, const data&) { return text(a.keys().collect()) + text(a.values().collect()); },
     [](const input& a, const input&) {
       ints keys, values;
       for (const auto& [key, value] : flat(a)) {
         keys.push_back(key);
         values.push_back(value);
       }
       return text(keys) + text(values);
     }},
    {"map_values", [](const data& a, const data&) { return text(a.map_values(tenfold).collect()); },
     [](const input& a, const input&) {
       auto all = flat(a);
       for (auto& [key, value] : all)
         value *= 10;
       return text(all);
     }},
    {"flat_map_values", [](const data& a, const data&) { return text(a.flat_map_values(bag).collect()); },
     [](const input& a, const input&) {
       std::vector<number_pair> all;
       for (const auto& [key, value] : flat(a))
         all.insert(all.end(), static_cast<std::size_t>(value % 3), {key, value});
       return text(all);
     }},
    {"reduce_by_key", [](const data& a, const data&) { return sorted_text(a.reduce_by_key(std::plus<>{}, 4).collect()); },
     [](const input& a, const input&) { return by_key(a, sum_of); }},
    {"reduce_by_key, default partitions", [](const data& a, const data&) { return sorted_text(a.reduce_by_key(std::plus<>{}).collect()); },
     [](const input& a, const input&) { return by_key(a, sum_of); }},
    {"fold_by_key", [](const data& a, const data&) { return sorted_text(a.fold_by_key(0, std::plus<>{}, 1).collect()); },
     [](const input& a, const input&) { return by_key(a, sum_of); }},
    {"combine_by_key, in order",
     [](const data& a, const data&) { return sorted_text(a.combine_by_key([](int x) { return ints{x}; }, append, extend, 3).collect()); },
     [](const input& a, const input&) { return by_key(a, [](const ints& values) { return values; }); }},
    {"aggregate_by_key", [](const data& a, const data&) { return sorted_text(a.aggregate_by_key(ints{}, append, extend, 50).collect()); },
     [](const input& a, const input&) { return by_key(a, [](const ints& values) { return values; }); }},
    {"group_by_key", [](const data& a, const data&) { return sorted_text(a.group_by_key(3).collect()); },
     [](const input& a, const input&) { return by_key(a, [](const ints& values) { return values; }); }},
    {"partition_by",
     [](const data& a, const data&) {
       const auto moved = a.partition_by(3);
       bool together = true;
       std::set<int> seen;
       for (const auto& part : moved.keys().glom().collect())
         for (const int key : std::set<int>(part.begin(), part.end()))
           together = together && seen.insert(key).second;
       return text(together) + sorted_text(moved.collect());
     },
     [](const input& a, const input&) { return "true" + sorted_text(flat(a)); }},
    {"sort_by_key", [](const data& a, const data&) { return text(a.sort_by_key(true, 4).collect()); },
     [](const input& a, const input&) { return text(ordered(a)); }},
    {"sort_by_key, descending", [](const data& a, const data&) { return text(a.sort_by_key(false, 4).collect()); },
     [](const input& a, const input&) {
       auto all = flat(a);
       std::stable_sort(all.begin(), all.end(), [](const auto& x, const auto& y) { return by_key_alone(y, x); });
       return text(all);
     }},
    {"filter_by_range",
     [](const data& a, const data&) {
       return text(a.sort_by_key(true, 5).filter_by_range(0, 7).collect()) + text(a.filter_by_range(-3, 3).collect());
     },
     [](const input& a, const input&) {
       const auto between = [](std::vector<number_pair> all, int low, int high) {
         std::erase_if(all, [&](const auto& one) { return one.first < low || one.first > high; });
         return text(all);
       };
       return between(ordered(a), 0, 7) + between(flat(a), -3, 3);
     }},
    {"repartition_and_sort_within_partitions",
     [](const data& a, const data&) {
       const auto moved = a.repartition_and_sort_within_partitions(3);
       bool in_order = true;
       for (const auto& part : moved.glom().collect())
         in_order = in_order && std::is_sorted(part.begin(), part.end(), by_key_alone);
       return text(in_order) + sorted_text(moved.collect());
     },
     [](const input& a, const input&) { return "true" + sorted_text(flat(a)); }},
    {"lookup", [](const data& a, const data&) { return text(a.lookup(7)) + text(a.partition_by(4).lookup(7)) + text(a.lookup(1000)); },
     [](const input& a, const input&) { return text(grouped(a)[7]) + text(grouped(a)[7]) + "[]"; }},
    {"collect_as_map", [](const data& a, const data&) { return sorted_text(a.collect_as_map()); },
     [](const input& a, const input&) { return by_key(a, [](const ints& values) { return values.back(); }); }},
    {"count_by_key", [](const data& a, const data&) { return sorted_text(a.count_by_key()); },
     [](const input& a, const input&) { return by_key(a, [](const ints& values) { return values.size(); }); }},
    {"reduce_by_key_locally", [](const data& a, const data&) { return sorted_text(a.reduce_by_key_locally(std::plus<>{})); },
     [](const input& a, const input&) { return by_key(a, sum_of); }},
    {"count_approx_distinct_by_key",
     [](const data& a, const data&) {
       return sorted_text(a.map_values([](int x) { return x % 4; }).count_approx_distinct_by_key(0.01, 3).collect());
     },
     [](const input& a, const input&) {
       return by_key(a, [](const ints& values) {
         std::set<int> different;
         for (const int x : values)
           different.insert(x % 4);
         return different.size();
       });
     }},
    {"sample_by_key_exact",
     [](const data& a, const data&) {
       std::map<int, double> fractions;
       for (int key = -10; key < 30; ++key)
         fractions[key] = 0.5;
       return sorted_text(a.sample_by_key_exact(false, fractions, 9).count_by_key());
     },
     [](const input& a, const input&) { return by_key(a, [](const ints& values) { return (values.size() + 1) / 2; }); }},
};

const std::vector<law<number_pair>> two_datasets{
    {"join", [](const data& a, const data& b) { return sorted_text(few(a).join(b).collect()); },
     [](const input& a, const input& b) { return joined<int, int>(a, b, false, false); }},
    {"join, 20 partitions", [](const data& a, const data& b) { return sorted_text(few(a).join(b, 20).collect()); },
     [](const input& a, const input& b) { return joined<int, int>(a, b, false, false); }},
    {"left_outer_join", [](const data& a, const data& b) { return sorted_text(few(a).left_outer_join(b).collect()); },
     [](const input& a, const input& b) { return joined<int, maybe>(a, b, true, false); }},
    {"right_outer_join", [](const data& a, const data& b) { return sorted_text(few(a).right_outer_join(b).collect()); },
     [](const input& a, const input& b) { return joined<maybe, int>(a, b, false, true); }},
    {"full_outer_join", [](const data& a, const data& b) { return sorted_text(few(a).full_outer_join(b).collect()); },
     [](const input& a, const input& b) { return joined<maybe, maybe>(a, b, true, true); }},
    {"cogroup", [](const data& a, const data& b) { return sorted_text(a.cogroup(b, 4).collect()); },
     [](const input& a, const input& b) {
       std::vector<std::pair<int, std::pair<ints, ints>>> rows;
       both(a, b, [&](int key, const ints& here, const ints& there) { rows.push_back({key, {here, there}}); });
       return sorted_text(rows);
     }},
    {"group_with", [](const data& a, const data& b) { return sorted_text(a.group_with(b, few(a), 4).collect()); },
     [](const input& a, const input& b) {
       std::vector<std::pair<int, std::tuple<ints, ints, ints>>> rows;
       both(a, b, [&](int key, const ints& here, const ints& there) {
         rows.push_back({key, {here, there, here.empty() ? ints{} : ints{*std::min_element(here.begin(), here.end())}}});
       });
       return sorted_text(rows);
     }},
    {"subtract_by_key",
     [](const data& a, const data& b) {
       return sorted_text(a.subtract_by_key(b.filter([](const number_pair& one) { return one.first % 2 == 0; })).collect());
     },
     [](const input& a, const input& b) {
       const auto gone = grouped(b);
       auto all = flat(a);
       std::erase_if(all, [&](const auto& one) { return one.first % 2 == 0 && gone.count(one.first) != 0; });
       return sorted_text(all);
     }},
};

} // namespace

TEST_CASE_FIXTURE(api, "operations by key agree with an oracle on data of every shape") {
  for (const std::uint64_t seed : {5U, 6U})
    check(sc, one_dataset, random_pairs, seed);
}

TEST_CASE_FIXTURE(api, "operations on two datasets of pairs agree with an oracle on data of every shape") {
  for (const std::uint64_t seed : {7U, 8U})
    check(sc, two_datasets, random_pairs, seed);
}
