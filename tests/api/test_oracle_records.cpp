// Operations on datasets of numbers against a single-threaded oracle; see oracle.hpp.
#include "oracle.hpp"

using namespace oracle;

namespace {

using data = sal::rdd<int>;
using input = parts<int>;
using ints = std::vector<int>;

std::set<int> set_of(const input& in) {
  const auto all = flat(in);
  return {all.begin(), all.end()};
}

template <class F>
std::vector<std::invoke_result_t<F, int>> mapped(const input& in, F f) {
  std::vector<std::invoke_result_t<F, int>> out;
  for (const int x : flat(in))
    out.push_back(f(x));
  return out;
}

template <class Keep>
ints kept(const input& in, Keep keep) {
  ints out;
  for (const int x : flat(in))
    if (keep(x))
      out.push_back(x);
  return out;
}

ints ordered(const input& in) {
  return sorted(flat(in));
}

std::map<int, int> counts(const input& in) {
  std::map<int, int> all;
  for (const int x : flat(in))
    ++all[x];
  return all;
}

double sum_of(const input& in) {
  double all = 0;
  for (const int x : flat(in))
    all += x;
  return all;
}

const auto twice = [](int x) { return x * 2; };
const auto even = [](int x) { return x % 2 == 0; };
const auto bag = [](int x) { return ints(static_cast<std::size_t>(x & 3), x); };
const auto digit = [](int x) { return x % 5; };
const auto itself = [](int x) { return x; };
const auto total = [](auto records) {
  long all = 0;
  for (const auto x : records)
    all += x;
  return std::vector<long>{all};
};
const auto lengths = [](auto a, auto b) {
  return std::vector<std::pair<long, long>>{{std::distance(a.begin(), a.end()), std::distance(b.begin(), b.end())}};
};

const std::vector<law<int>> transformations{
    {"map", [](const data& a, const data&) { return text(a.map(twice).collect()); },
     [](const input& a, const input&) { return text(mapped(a, twice)); }},
    {"filter", [](const data& a, const data&) { return text(a.filter(even).collect()); },
     [](const input& a, const input&) { return text(kept(a, even)); }},
    {"flat_map", [](const data& a, const data&) { return text(a.flat_map(bag).collect()); },
     [](const input& a, const input&) {
       ints out;
       for (const int x : flat(a))
         out.insert(out.end(), static_cast<std::size_t>(x & 3), x);
       return text(out);
     }},
    {"map_partitions", [](const data& a, const data&) { return text(a.map_partitions(total).collect()); },
     [](const input& a, const input&) {
       std::vector<long> out;
       for (const auto& part : a)
         out.push_back(std::accumulate(part.begin(), part.end(), 0L));
       return text(out);
     }},
    {"glom", [](const data& a, const data&) { return text(a.glom().collect()); }, [](const input& a, const input&) { return text(a); }},
    {"key_by", [](const data& a, const data&) { return text(a.key_by(digit).collect()); },
     [](const input& a, const input&) { return text(mapped(a, [](int x) {
                                          return std::pair{digit(x), x};
                                        })); }},
    {"union_with", [](const data& a, const data& b) { return text(a.union_with(b).collect()); },
     [](const input& a, const input& b) {
       auto all = flat(a);
       for (const int x : flat(b))
         all.push_back(x);
       return text(all);
     }},
    {"distinct", [](const data& a, const data&) { return text(sorted(a.distinct().collect())); },
     [](const input& a, const input&) { return text(set_of(a)); }},
    {"group_by", [](const data& a, const data&) { return sorted_text(a.group_by(digit, 3).collect()); },
     [](const input& a, const input&) {
       std::map<int, ints> groups;
       for (const int x : flat(a))
         groups[digit(x)].push_back(x);
       return sorted_text(std::vector<std::pair<int, ints>>(groups.begin(), groups.end()));
     }},
    {"sort_by", [](const data& a, const data&) { return text(a.sort_by(itself, true, 4).collect()); },
     [](const input& a, const input&) { return text(ordered(a)); }},
    {"sort_by, descending, stable", [](const data& a, const data&) { return text(a.sort_by(digit, false, 3).collect()); },
     [](const input& a, const input&) {
       auto all = flat(a);
       std::stable_sort(all.begin(), all.end(), [](int x, int y) { return digit(x) > digit(y); });
       return text(all);
     }},
    {"coalesce", [](const data& a, const data&) { return text(a.coalesce(2).collect()) + text(a.coalesce(100).num_partitions()); },
     [](const input& a, const input&) { return text(flat(a)) + text(a.size()); }},
    {"repartition", [](const data& a, const data&) { return text(sorted(a.repartition(5).collect())); },
     [](const input& a, const input&) { return text(ordered(a)); }},
    {"cartesian", [](const data& a, const data& b) { return sorted_text(a.distinct().cartesian(b.distinct()).collect()); },
     [](const input& a, const input& b) {
       std::vector<number_pair> all;
       for (const int x : set_of(a))
         for (const int y : set_of(b))
           all.emplace_back(x, y);
       return sorted_text(all);
     }},
    {"zip", [](const data& a, const data&) { return text(a.zip(a.map(twice)).collect()); },
     [](const input& a, const input&) { return text(mapped(a, [](int x) {
                                          return std::pair{x, twice(x)};
                                        })); }},
    {"zip_partitions", [](const data& a, const data&) { return text(a.zip_partitions(a.filter(even), lengths).collect()); },
     [](const input& a, const input&) {
       std::vector<std::pair<long, long>> all;
       for (const auto& part : a)
         all.emplace_back(part.size(), std::count_if(part.begin(), part.end(), even));
       return text(all);
     }},
    {"zip_with_index", [](const data& a, const data&) { return text(a.zip_with_index().collect()); },
     [](const input& a, const input&) {
       int i = 0;
       return text(mapped(a, [&](int x) { return std::pair{x, i++}; }));
     }},
    {"zip_with_unique_id", [](const data& a, const data&) { return text(a.zip_with_unique_id().collect()); },
     [](const input& a, const input&) {
       std::vector<std::pair<int, std::size_t>> all;
       for (std::size_t p = 0; p < a.size(); ++p)
         for (std::size_t i = 0; i < a[p].size(); ++i)
           all.emplace_back(a[p][i], i * a.size() + p);
       return text(all);
     }},
    {"intersection", [](const data& a, const data& b) { return text(sorted(a.intersection(b).collect())); },
     [](const input& a, const input& b) {
       ints both;
       for (const int x : set_of(a))
         if (set_of(b).count(x) != 0)
           both.push_back(x);
       return text(both);
     }},
    {"subtract", [](const data& a, const data& b) { return text(sorted(a.subtract(b.filter(even)).collect())); },
     [](const input& a, const input& b) {
       const auto gone = set_of(b);
       return text(sorted(kept(a, [&](int x) { return !even(x) || gone.count(x) == 0; })));
     }},
    {"random_split",
     [](const data& a, const data&) {
       const auto splits = a.random_split({1, 2, 3}, 5);
       return text(sorted(splits[0].union_with(splits[1]).union_with(splits[2]).collect()));
     },
     [](const input& a, const input&) { return text(ordered(a)); }},
    {"sample",
     [](const data& a, const data&) {
       const auto some = a.sample(false, 0.5, 3).collect();
       auto all = a.collect();
       return text(std::all_of(some.begin(), some.end(), [&](int x) { return std::find(all.begin(), all.end(), x) != all.end(); })) +
              text(a.sample(false, 1.0).collect());
     },
     [](const input& a, const input&) { return "true" + text(flat(a)); }},
    {"pipe", [](const data& a, const data&) { return text(a.pipe("cat").collect()); },
     [](const input& a, const input&) { return text(flat(a)); }},
};

const std::vector<law<int>> actions{
    {"count, is_empty",
     [](const data& a, const data&) {
       return text(std::pair{a.count(), a.is_empty()});
     },
     [](const input& a, const input&) {
       return text(std::pair{flat(a).size(), flat(a).empty()});
     }},
    {"take", [](const data& a, const data&) { return text(a.take(0)) + text(a.take(3)) + text(a.take(1000)); },
     [](const input& a, const input&) {
       auto all = flat(a);
       const auto first = [&](std::size_t n) { return ints(all.begin(), all.begin() + static_cast<long>(std::min(n, all.size()))); };
       return text(first(0)) + text(first(3)) + text(first(1000));
     }},
    {"first", [](const data& a, const data&) { return or_empty([&] { return text(a.first()); }); },
     [](const input& a, const input&) { return flat(a).empty() ? "empty" : text(flat(a).front()); }},
    {"top, take_ordered", [](const data& a, const data&) { return text(a.top(4)) + text(a.take_ordered(4)) + text(a.take_ordered(0)); },
     [](const input& a, const input&) {
       auto up = ordered(a);
       auto down = up;
       std::reverse(down.begin(), down.end());
       up.resize(std::min<std::size_t>(up.size(), 4));
       down.resize(up.size());
       return text(down) + text(up) + "[]";
     }},
    {"min, max", [](const data& a, const data&) { return or_empty([&] {
                                                    return text(ints{a.min(), a.max(), a.max(std::greater<>{})});
                                                  }); },
     [](const input& a, const input&) {
       const auto all = ordered(a);
       return all.empty() ? "empty" : text(ints{all.front(), all.back(), all.front()});
     }},
    {"reduce", [](const data& a, const data&) { return or_empty([&] { return text(a.reduce(std::plus<>{})); }); },
     [](const input& a, const input&) { return flat(a).empty() ? "empty" : text(static_cast<int>(sum_of(a))); }},
    {"tree_reduce", [](const data& a, const data&) { return or_empty([&] { return text(a.tree_reduce(std::plus<>{}, 3)); }); },
     [](const input& a, const input&) { return flat(a).empty() ? "empty" : text(static_cast<int>(sum_of(a))); }},
    {"fold, aggregate, tree_aggregate",
     [](const data& a, const data&) {
       return text(std::vector{a.fold(0, std::plus<>{}), a.aggregate(0, std::plus<>{}, std::plus<>{}),
                               a.tree_aggregate(0, std::plus<>{}, std::plus<>{}, 3)});
     },
     [](const input& a, const input&) { return text(ints(3, static_cast<int>(sum_of(a)))); }},
    {"sum", [](const data& a, const data&) { return text(a.sum()); }, [](const input& a, const input&) { return text(sum_of(a)); }},
    {"mean, variance",
     [](const data& a, const data&) {
       return or_empty([&] { return text(std::vector{std::round(a.mean() * 1e6), std::round(a.variance() * 1e6)}); });
     },
     [](const input& a, const input&) -> std::string {
       if (a.empty())
         return "empty";
       const auto all = flat(a);
       const auto n = static_cast<double>(all.size());
       if (all.empty())
         return text(std::vector{0.0, std::nan("")});
       const double mean = sum_of(a) / n;
       double squares = 0;
       for (const int x : all)
         squares += (x - mean) * (x - mean);
       return text(std::vector{std::round(mean * 1e6), std::round(squares / n * 1e6)});
     }},
    {"histogram",
     [](const data& a, const data&) {
       return text(a.histogram(std::vector<double>{-5, 0, 7, 20}));
     },
     [](const input& a, const input&) {
       const auto between = [&](int low, int high) { return kept(a, [&](int x) { return x >= low && x < high; }).size(); };
       return text(std::vector{between(-5, 0), between(0, 7), between(7, 21)});
     }},
    {"count_by_value", [](const data& a, const data&) { return sorted_text(a.count_by_value()); },
     [](const input& a, const input&) {
       const auto all = counts(a);
       return sorted_text(std::vector<number_pair>(all.begin(), all.end()));
     }},
    {"count_approx, count_by_value_approx",
     [](const data& a, const data&) {
       const auto late = std::chrono::minutes(5);
       return text(a.count_approx(late).value().high) + text(a.count_by_value_approx(late).value().size());
     },
     [](const input& a, const input&) { return text(static_cast<double>(flat(a).size())) + text(set_of(a).size()); }},
    {"count_approx_distinct", [](const data& a, const data&) { return text(a.count_approx_distinct(0.01)); },
     [](const input& a, const input&) { return text(set_of(a).size()); }},
    {"to_local_iterator",
     [](const data& a, const data&) {
       ints all;
       for (const int x : a.filter(even).to_local_iterator(true))
         all.push_back(x);
       return text(all);
     },
     [](const input& a, const input&) { return text(kept(a, even)); }},
    {"take_sample",
     [](const data& a, const data&) {
       return text(std::vector{a.take_sample(false, 5, 1).size(), a.take_sample(true, 80, 1).size()}) +
              text(sorted(a.take_sample(false, 100'000, 1)));
     },
     [](const input& a, const input&) {
       const auto all = ordered(a);
       return text(std::vector<std::size_t>{std::min<std::size_t>(5, all.size()), all.empty() ? 0U : 80U}) + text(all);
     }},
    {"in the background", [](const data& a, const data&) { return text(a.collect_async().get()) + text(a.count_async().get()); },
     [](const input& a, const input&) { return text(flat(a)) + text(flat(a).size()); }},
};

} // namespace

TEST_CASE_FIXTURE(api, "transformations agree with an oracle on data of every shape") {
  for (const std::uint64_t seed : {1U, 2U})
    check(sc, transformations, random_numbers, seed);
}

TEST_CASE_FIXTURE(api, "actions agree with an oracle on data of every shape") {
  for (const std::uint64_t seed : {3U, 4U})
    check(sc, actions, random_numbers, seed);
}
