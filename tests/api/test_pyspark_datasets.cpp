// The examples of PySpark's documentation of RDD, without those of pairs; see pyspark_examples.hpp for what is left out.
#include "pyspark_examples.hpp"

using namespace pyspark;
using ints = std::vector<int>;
using strings = std::vector<std::string>;

namespace {

const auto sum = [](auto records) {
  int all = 0;
  for (const auto one : records)
    all += one;
  return ints{all};
};
const auto place = [](std::uint32_t partition, auto) { return std::vector<std::uint32_t>{partition}; };
const auto as_text = [](const auto& a, const auto& b) { return text(a) < text(b); };
const auto mean_parts = [](std::pair<int, int> all, int x) { return std::pair{all.first + x, all.second + 1}; };
const auto add_parts = [](std::pair<int, int> a, const std::pair<int, int>& b) {
  return std::pair{a.first + b.first, a.second + b.second};
};

const ints five_below_nine{-5, -4, -3, -2, -1, 1, 2, 3, 4};

const example of_records[] = {
    {"cache",
     [](sal::context& sc) {
       const auto data = sc.range(5);
       const auto same = &data.cache() == &data;
       data.unpersist();
       return text(std::pair{same, data.is_cached()});
     },
     "(true,false)"},
    {"unpersist",
     [](sal::context& sc) {
       const auto data = sc.range(5);
       std::vector<bool> seen{data.is_cached()};
       data.unpersist();
       seen.push_back(data.is_cached());
       data.cache();
       seen.push_back(data.is_cached());
       data.unpersist();
       seen.push_back(data.is_cached());
       return text(strings{seen[0] ? "True" : "False", seen[1] ? "True" : "False", seen[2] ? "True" : "False", seen[3] ? "True" : "False"});
     },
     "[False, False, True, False]"},
    {"map",
     [](sal::context& sc) {
       return sorted_text(sc.parallelize(strings{"b", "a", "c"}).map([](const std::string& x) { return std::pair{x, 1}; }).collect());
     },
     "[(a,1), (b,1), (c,1)]"},
    {"flatMap",
     [](sal::context& sc) {
       return sorted_text(sc.parallelize({2, 3, 4}).flat_map([](int x) { return numbers(1, x); }).collect());
     },
     "[1, 1, 1, 2, 2, 3]"},
    {"flatMap",
     [](sal::context& sc) {
       return sorted_text(sc.parallelize({2, 3, 4})
                              .flat_map([](int x) {
                                return std::vector<std::pair<int, int>>{{x, x}, {x, x}};
                              })
                              .collect());
     },
     "[(2,2), (2,2), (3,3), (3,3), (4,4), (4,4)]"},
    {"mapPartitions",
     [](sal::context& sc) {
       return text(sc.parallelize({1, 2, 3, 4}, 2).map_partitions(sum).collect());
     },
     "[3, 7]"},
    {"mapPartitionsWithIndex",
     [](sal::context& sc) {
       return text(sc.parallelize({1, 2, 3, 4}, 4).map_partitions_with_index(place).sum());
     },
     "6.0"},
    {"getNumPartitions",
     [](sal::context& sc) {
       return text(sc.parallelize({1, 2, 3, 4}, 2).num_partitions());
     },
     "2"},
    {"filter",
     [](sal::context& sc) {
       return text(sc.parallelize({1, 2, 3, 4, 5}).filter([](int x) { return x % 2 == 0; }).collect());
     },
     "[2, 4]"},
    {"distinct",
     [](sal::context& sc) {
       return sorted_text(sc.parallelize({1, 1, 2, 3}).distinct().collect());
     },
     "[1, 2, 3]"},
    {"sample",
     [](sal::context& sc) {
       const auto some = sc.parallelize(numbers(0, 100), 4).sample(false, 0.1, 81).count();
       return text(2 <= some && some <= 22); // their seed makes it 6 to 14
     },
     "true"},
    {"randomSplit",
     [](sal::context& sc) {
       const auto parts = sc.parallelize(numbers(0, 500), 1).random_split({2, 3}, 17);
       const auto first = parts[0].count();
       const auto second = parts[1].count();
       return text(std::tuple{first + second, 150 < first && first < 250, 250 < second && second < 350});
     },
     "(500,true,true)"},
    {"takeSample",
     [](sal::context& sc) {
       const auto data = sc.parallelize(numbers(0, 10));
       return text(ints{static_cast<int>(data.take_sample(true, 20, 1).size()), static_cast<int>(data.take_sample(false, 5, 2).size()),
                        static_cast<int>(data.take_sample(false, 15, 3).size())});
     },
     "[20, 5, 10]"},
    {"union",
     [](sal::context& sc) {
       const auto data = sc.parallelize({1, 1, 2, 3});
       return text(data.union_with(data).collect());
     },
     "[1, 1, 2, 3, 1, 1, 2, 3]"},
    {"__add__",
     [](sal::context& sc) {
       const auto data = sc.parallelize({1, 1, 2, 3});
       return text((data + data).collect());
     },
     "[1, 1, 2, 3, 1, 1, 2, 3]"},
    {"intersection",
     [](sal::context& sc) {
       return sorted_text(sc.parallelize({1, 10, 2, 3, 4, 5}).intersection(sc.parallelize({1, 6, 2, 3, 7, 8})).collect());
     },
     "[1, 2, 3]"},
    {"glom",
     [](sal::context& sc) {
       return text(sc.parallelize({1, 2, 3, 4}, 2).glom().collect());
     },
     "[[1, 2], [3, 4]]"},
    {"cartesian",
     [](sal::context& sc) {
       const auto data = sc.parallelize({1, 2});
       return sorted_text(data.cartesian(data).collect());
     },
     "[(1,1), (1,2), (2,1), (2,2)]"},
    {"groupBy",
     [](sal::context& sc) {
       return sorted_text(sc.parallelize({1, 1, 2, 3, 5, 8}).group_by([](int x) { return x % 2; }).collect());
     },
     "[(0,[2, 8]), (1,[1, 1, 3, 5])]"},
    {"pipe",
     [](sal::context& sc) {
       return text(sc.parallelize(strings{"1", "2", "", "3"}).pipe("cat").collect());
     },
     "[1, 2, , 3]"},
    {"repartition",
     [](sal::context& sc) {
       const auto data = sc.parallelize({1, 2, 3, 4, 5, 6, 7}, 4);
       return text(data.glom().collect()) + text(data.repartition(2).glom().count()) + text(data.repartition(10).glom().count());
     },
     "[[1], [2, 3], [4, 5], [6, 7]]210"},
    {"coalesce",
     [](sal::context& sc) {
       const auto data = sc.parallelize({1, 2, 3, 4, 5}, 3);
       return text(data.glom().collect()) + text(data.coalesce(1).glom().collect());
     },
     "[[1], [2, 3], [4, 5]][[1, 2, 3, 4, 5]]"},
    {"zip", [](sal::context& sc) { return text(sc.parallelize(numbers(0, 5)).zip(sc.parallelize(numbers(1000, 1005))).collect()); },
     "[(0,1000), (1,1001), (2,1002), (3,1003), (4,1004)]"},
    {"zipWithIndex",
     [](sal::context& sc) {
       return text(sc.parallelize(strings{"a", "b", "c", "d"}, 3).zip_with_index().collect());
     },
     "[(a,0), (b,1), (c,2), (d,3)]"},
    {"zipWithUniqueId",
     [](sal::context& sc) {
       return text(sc.parallelize(strings{"a", "b", "c", "d", "e"}, 3).zip_with_unique_id().collect());
     },
     "[(a,0), (b,1), (c,4), (d,2), (e,5)]"},
};

const example of_actions[] = {
    {"collect",
     [](sal::context& sc) {
       return text(sc.range(5).collect()) + text(sc.parallelize(strings{"x", "y", "z"}).collect());
     },
     "[0, 1, 2, 3, 4][x, y, z]"},
    {"reduce",
     [](sal::context& sc) {
       return text(sc.parallelize({1, 2, 3, 4, 5}).reduce(std::plus<>{}));
     },
     "15"},
    {"reduce", [](sal::context& sc) { return text(sc.parallelize(ints(10, 2)).map([](int) { return 1; }).cache().reduce(std::plus<>{})); },
     "10"},
    {"reduce",
     [](sal::context& sc) { return text(code_of([&] { sc.parallelize(ints{}).reduce(std::plus<>{}); }) == sal::errc::empty_collection); },
     "true"},
    {"treeReduce",
     [](sal::context& sc) {
       const auto data = sc.parallelize(five_below_nine, 10);
       ints all{data.tree_reduce(std::plus<>{})};
       for (const int depth : {1, 2, 5, 10})
         all.push_back(data.tree_reduce(std::plus<>{}, depth));
       return text(all);
     },
     "[-5, -5, -5, -5, -5]"},
    {"treeAggregate",
     [](sal::context& sc) {
       const auto data = sc.parallelize(five_below_nine, 10);
       ints all{data.tree_aggregate(0, std::plus<>{}, std::plus<>{})};
       for (const int depth : {1, 2, 5, 10})
         all.push_back(data.tree_aggregate(0, std::plus<>{}, std::plus<>{}, depth));
       return text(all);
     },
     "[-5, -5, -5, -5, -5]"},
    {"fold",
     [](sal::context& sc) {
       return text(sc.parallelize({1, 2, 3, 4, 5}).fold(0, std::plus<>{}));
     },
     "15"},
    {"aggregate",
     [](sal::context& sc) {
       return text(sc.parallelize({1, 2, 3, 4}).aggregate(std::pair{0, 0}, mean_parts, add_parts)) +
              text(sc.parallelize(ints{}).aggregate(std::pair{0, 0}, mean_parts, add_parts));
     },
     "(10,4)(0,0)"},
    {"max",
     [](sal::context& sc) {
       const auto data = sc.parallelize({1.0, 5.0, 43.0, 10.0});
       return text(std::vector{data.max(), data.max(as_text)});
     },
     "[43.0, 5.0]"},
    {"min",
     [](sal::context& sc) {
       const auto data = sc.parallelize({2.0, 5.0, 43.0, 10.0});
       return text(std::vector{data.min(), data.min(as_text)});
     },
     "[2.0, 10.0]"},
    {"sum",
     [](sal::context& sc) {
       return text(sc.parallelize({1.0, 2.0, 3.0}).sum());
     },
     "6.0"},
    {"count",
     [](sal::context& sc) {
       return text(sc.parallelize({2, 3, 4}).count());
     },
     "3"},
    {"histogram", [](sal::context& sc) { return text(sc.parallelize(numbers(0, 51)).histogram(2)); }, "([0.0, 25.0, 50.0],[25, 26])"},
    {"histogram",
     [](sal::context& sc) {
       const auto data = sc.parallelize(numbers(0, 51));
       return text(data.histogram(std::vector<double>{0, 5, 25, 50})) + text(data.histogram(std::vector<double>{0, 15, 30, 45, 60}));
     },
     "[5, 20, 26][15, 15, 15, 6]"},
    {"mean",
     [](sal::context& sc) {
       return text(sc.parallelize({1, 2, 3}).mean());
     },
     "2.0"},
    {"variance",
     [](sal::context& sc) {
       return text(sc.parallelize({1, 2, 3}).variance()).substr(0, 5);
     },
     "0.666"},
    {"stdev",
     [](sal::context& sc) {
       return text(sc.parallelize({1, 2, 3}).stdev()).substr(0, 5);
     },
     "0.816"},
    {"sampleStdev",
     [](sal::context& sc) {
       return text(sc.parallelize({1, 2, 3}).sample_stdev());
     },
     "1.0"},
    {"sampleVariance",
     [](sal::context& sc) {
       return text(sc.parallelize({1, 2, 3}).sample_variance());
     },
     "1.0"},
    {"countByValue",
     [](sal::context& sc) {
       return sorted_text(sc.parallelize({1, 2, 1, 2, 2}, 2).count_by_value());
     },
     "[(1,2), (2,3)]"},
    {"top",
     [](sal::context& sc) {
       return text(sc.parallelize({10, 4, 2, 12, 3}).top(1)) + text(sc.parallelize({2, 3, 4, 5, 6}, 2).top(2)) +
              text(sc.parallelize({10, 4, 2, 12, 3}).top(3, as_text));
     },
     "[12][6, 5][4, 3, 2]"},
    {"takeOrdered",
     [](sal::context& sc) {
       const ints data{10, 1, 2, 9, 3, 4, 5, 6, 7};
       return text(sc.parallelize(data).take_ordered(6)) + text(sc.parallelize(data, 2).take_ordered(6, std::greater<>{})) +
              text(sc.empty_rdd<int>().take_ordered(3));
     },
     "[1, 2, 3, 4, 5, 6][10, 9, 7, 6, 5, 4][]"},
    {"take",
     [](sal::context& sc) {
       return text(sc.parallelize({2, 3, 4, 5, 6}).cache().take(2)) + text(sc.parallelize({2, 3, 4, 5, 6}).take(10)) +
              text(sc.parallelize(numbers(0, 100), 100).filter([](int x) { return x > 90; }).take(3));
     },
     "[2, 3][2, 3, 4, 5, 6][91, 92, 93]"},
    {"first",
     [](sal::context& sc) {
       return text(sc.parallelize({2, 3, 4}).first()) +
              text(code_of([&] { sc.parallelize(ints{}).first(); }) == sal::errc::empty_collection);
     },
     "2true"},
    {"isEmpty",
     [](sal::context& sc) {
       return text(std::pair{sc.parallelize(ints{}).is_empty(), sc.parallelize({1}).is_empty()});
     },
     "(true,false)"},
    {"countApprox",
     [](sal::context& sc) { return text(sc.parallelize(numbers(0, 1000), 10).count_approx(std::chrono::minutes(5), 1.0).value().mean); },
     "1000.0"},
    {"sumApprox",
     [](sal::context& sc) {
       const auto about = sc.parallelize(numbers(0, 1000), 10).sum_approx(std::chrono::minutes(5)).value().mean;
       return text(std::abs(about - 499'500) / 499'500 < 0.05);
     },
     "true"},
    {"meanApprox",
     [](sal::context& sc) {
       const auto about = sc.parallelize(numbers(0, 1000), 10).mean_approx(std::chrono::minutes(5)).value().mean;
       return text(std::abs(about - 499.5) / 499.5 < 0.05);
     },
     "true"},
    {"countApproxDistinct",
     [](sal::context& sc) {
       const auto many = sc.parallelize(numbers(0, 1000)).map([](int x) { return std::to_string(x); }).count_approx_distinct();
       const auto few = sc.parallelize(numbers(0, 1000)).map([](int x) { return x % 20; }).count_approx_distinct();
       return text(std::pair{900 < many && many < 1100, 16 < few && few < 24});
     },
     "(true,true)"},
    {"toLocalIterator",
     [](sal::context& sc) {
       ints all;
       for (const int one : sc.parallelize(numbers(0, 10)).to_local_iterator())
         all.push_back(one);
       return text(all);
     },
     "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"},
};

} // namespace

TEST_CASE_FIXTURE(api, "the examples of PySpark's transformations give the same here") {
  check(sc, of_records);
}

TEST_CASE_FIXTURE(api, "the examples of PySpark's actions give the same here") {
  check(sc, of_actions);
}
