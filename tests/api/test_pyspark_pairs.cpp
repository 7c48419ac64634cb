// The examples of PySpark's documentation of RDDs of pairs; see pyspark_examples.hpp for what is left out.
#include "pyspark_examples.hpp"

using namespace pyspark;
using ints = std::vector<int>;

namespace {

const auto first_of = [](const auto& pair) { return pair.first; };
const auto second_of = [](const auto& pair) { return pair.second; };
const auto mean_parts = [](std::pair<int, int> all, int x) { return std::pair{all.first + x, all.second + 1}; };
const auto add_parts = [](std::pair<int, int> a, const std::pair<int, int>& b) {
  return std::pair{a.first + b.first, a.second + b.second};
};
const auto in_lower_case = [](const std::string& word) {
  std::string out;
  for (const char c : word)
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
};
const auto ignoring_case = [](const std::string& a, const std::string& b) { return in_lower_case(a) < in_lower_case(b); };

const pairs<int> letters{{"a", 1}, {"b", 2}, {"1", 3}, {"d", 4}, {"2", 5}};
const pairs<int> a_b_a{{"a", 1}, {"b", 1}, {"a", 1}};
const pairs<int> a_b_a2{{"a", 1}, {"b", 1}, {"a", 2}};
const pairs<int> a1_b4{{"a", 1}, {"b", 4}};

const example of_pairs[] = {
    {"repartitionAndSortWithinPartitions",
     [](sal::context& sc) {
       // A partition function of one's own is partition_by here; hashing spreads whole numbers as theirs does.
       return text(sc.parallelize(std::vector<std::pair<int, int>>{{0, 5}, {3, 8}, {2, 6}, {0, 8}, {3, 8}, {1, 3}})
                       .repartition_and_sort_within_partitions(2)
                       .glom()
                       .collect());
     },
     "[[(0,5), (0,8), (2,6)], [(1,3), (3,8), (3,8)]]"},
    {"sortByKey", [](sal::context& sc) { return text(sc.parallelize(letters).sort_by_key().first()); }, "(1,3)"},
    {"sortByKey", [](sal::context& sc) { return text(sc.parallelize(letters).sort_by_key(true, 1).collect()); },
     "[(1,3), (2,5), (a,1), (b,2), (d,4)]"},
    {"sortByKey", [](sal::context& sc) { return text(sc.parallelize(letters).sort_by_key(true, 2).collect()); },
     "[(1,3), (2,5), (a,1), (b,2), (d,4)]"},
    {"sortByKey",
     [](sal::context& sc) {
       const pairs<int> words{{"Mary", 1},  {"had", 2},    {"a", 3},   {"little", 4}, {"lamb", 5},
                              {"whose", 6}, {"fleece", 7}, {"was", 8}, {"white", 9}};
       return text(sc.parallelize(words).sort_by_key(ignoring_case, 3).collect());
     },
     "[(a,3), (fleece,7), (had,2), (lamb,5), (little,4), (Mary,1), (was,8), (white,9), (whose,6)]"},
    {"sortBy", [](sal::context& sc) { return text(sc.parallelize(letters).sort_by(first_of).collect()); },
     "[(1,3), (2,5), (a,1), (b,2), (d,4)]"},
    {"sortBy", [](sal::context& sc) { return text(sc.parallelize(letters).sort_by(second_of).collect()); },
     "[(a,1), (b,2), (1,3), (d,4), (2,5)]"},
    {"collectAsMap",
     [](sal::context& sc) {
       const auto map = sc.parallelize(std::vector<std::pair<int, int>>{{1, 2}, {3, 4}}).collect_as_map();
       return text(ints{map.at(1), map.at(3)});
     },
     "[2, 4]"},
    {"keys",
     [](sal::context& sc) {
       return text(sc.parallelize(std::vector<std::pair<int, int>>{{1, 2}, {3, 4}}).keys().collect());
     },
     "[1, 3]"},
    {"values",
     [](sal::context& sc) {
       return text(sc.parallelize(std::vector<std::pair<int, int>>{{1, 2}, {3, 4}}).values().collect());
     },
     "[2, 4]"},
    {"reduceByKey", [](sal::context& sc) { return sorted_text(sc.parallelize(a_b_a).reduce_by_key(std::plus<>{}).collect()); },
     "[(a,2), (b,1)]"},
    {"reduceByKeyLocally", [](sal::context& sc) { return sorted_text(sc.parallelize(a_b_a).reduce_by_key_locally(std::plus<>{})); },
     "[(a,2), (b,1)]"},
    {"countByKey", [](sal::context& sc) { return sorted_text(sc.parallelize(a_b_a).count_by_key()); }, "[(a,2), (b,1)]"},
    {"join",
     [](sal::context& sc) {
       return sorted_text(sc.parallelize(a1_b4).join(sc.parallelize(pairs<int>{{"a", 2}, {"a", 3}})).collect());
     },
     "[(a,(1,2)), (a,(1,3))]"},
    {"leftOuterJoin",
     [](sal::context& sc) {
       return sorted_text(sc.parallelize(a1_b4).left_outer_join(sc.parallelize(pairs<int>{{"a", 2}})).collect());
     },
     "[(a,(1,Some(2))), (b,(4,None))]"},
    {"rightOuterJoin",
     [](sal::context& sc) {
       return sorted_text(sc.parallelize(pairs<int>{{"a", 2}}).right_outer_join(sc.parallelize(a1_b4)).collect());
     },
     "[(a,(Some(2),1)), (b,(None,4))]"},
    {"fullOuterJoin",
     [](sal::context& sc) {
       return sorted_text(sc.parallelize(a1_b4).full_outer_join(sc.parallelize(pairs<int>{{"a", 2}, {"c", 8}})).collect());
     },
     "[(a,(Some(1),Some(2))), (b,(Some(4),None)), (c,(None,Some(8)))]"},
    {"partitionBy",
     [](sal::context& sc) {
       const auto sets = sc.parallelize({1, 2, 3, 4, 2, 4, 1}).map([](int x) { return std::pair{x, x}; }).partition_by(2).glom().collect();
       const std::set<std::pair<int, int>> first(sets[0].begin(), sets[0].end());
       return text(std::count_if(sets[1].begin(), sets[1].end(), [&](const auto& one) { return first.count(one) != 0; }));
     },
     "0"},
    {"combineByKey",
     [](sal::context& sc) {
       const auto to_list = [](int a) { return ints{a}; };
       const auto append = [](ints all, int b) {
         all.push_back(b);
         return all;
       };
       const auto extend = [](ints all, const ints& more) {
         all.insert(all.end(), more.begin(), more.end());
         return all;
       };
       return sorted_text(sc.parallelize(a_b_a2).combine_by_key(to_list, append, extend).collect());
     },
     "[(a,[1, 2]), (b,[1])]"},
    {"aggregateByKey",
     [](sal::context& sc) {
       return sorted_text(sc.parallelize(a_b_a2).aggregate_by_key(std::pair{0, 0}, mean_parts, add_parts).collect());
     },
     "[(a,(3,2)), (b,(1,1))]"},
    {"foldByKey", [](sal::context& sc) { return sorted_text(sc.parallelize(a_b_a).fold_by_key(0, std::plus<>{}).collect()); },
     "[(a,2), (b,1)]"},
    {"groupByKey",
     [](sal::context& sc) {
       const auto grouped = sc.parallelize(a_b_a).group_by_key();
       return sorted_text(grouped.map_values([](const auto& values) { return values.size(); }).collect()) + sorted_text(grouped.collect());
     },
     "[(a,2), (b,1)][(a,[1, 1]), (b,[1])]"},
    {"flatMapValues",
     [](sal::context& sc) {
       return text(sc.parallelize(pairs<std::vector<std::string>>{{"a", {"x", "y", "z"}}, {"b", {"p", "r"}}})
                       .flat_map_values([](const std::vector<std::string>& x) { return x; })
                       .collect());
     },
     "[(a,x), (a,y), (a,z), (b,p), (b,r)]"},
    {"mapValues",
     [](sal::context& sc) {
       return text(sc.parallelize(pairs<std::vector<std::string>>{{"a", {"apple", "banana", "lemon"}}, {"b", {"grapes"}}})
                       .map_values([](const std::vector<std::string>& x) { return x.size(); })
                       .collect());
     },
     "[(a,3), (b,1)]"},
    {"groupWith",
     [](sal::context& sc) {
       const auto with = [&](const pairs<int>& more) { return sc.parallelize(more); };
       return sorted_text(with({{"a", 5}, {"b", 6}}).group_with(with({{"a", 1}, {"b", 4}}), with({{"a", 2}}), with({{"b", 42}})).collect());
     },
     "[(a,([5],[1],[2],[])), (b,([6],[4],[],[42]))]"},
    {"cogroup",
     [](sal::context& sc) {
       return sorted_text(sc.parallelize(a1_b4).cogroup(sc.parallelize(pairs<int>{{"a", 2}})).collect());
     },
     "[(a,([1],[2])), (b,([4],[]))]"},
    {"sampleByKey",
     [](sal::context& sc) {
       const std::map<std::string, double> fractions{{"a", 0.2}, {"b", 0.1}};
       const auto all = sc.parallelize(std::vector<std::string>{"a", "b"}).cartesian(sc.parallelize(numbers(0, 1000)));
       const auto sample = all.sample_by_key(false, fractions, 2).group_by_key().collect_as_map();
       bool good = 100 < sample.at("a").size() && sample.at("a").size() < 300 && 50 < sample.at("b").size() && sample.at("b").size() < 150;
       for (const auto& [key, values] : sample)
         for (const int one : values)
           good = good && 0 <= one && one <= 999;
       return text(good);
     },
     "true"},
    {"subtractByKey",
     [](sal::context& sc) {
       const auto data = sc.parallelize(pairs<int>{{"a", 1}, {"b", 4}, {"b", 5}, {"a", 2}});
       return sorted_text(data.subtract_by_key(sc.parallelize(pairs<std::optional<int>>{{"a", 3}, {"c", std::nullopt}})).collect());
     },
     "[(b,4), (b,5)]"},
    {"subtract",
     [](sal::context& sc) {
       const auto data = sc.parallelize(pairs<std::optional<int>>{{"a", 1}, {"b", 4}, {"b", 5}, {"a", 3}});
       return sorted_text(data.subtract(sc.parallelize(pairs<std::optional<int>>{{"a", 3}, {"c", std::nullopt}})).collect());
     },
     "[(a,Some(1)), (b,Some(4)), (b,Some(5))]"},
    {"keyBy",
     [](sal::context& sc) {
       const auto squares = sc.parallelize(numbers(0, 3)).key_by([](int x) { return x * x; });
       return sorted_text(squares.cogroup(sc.parallelize(numbers(0, 5)).map([](int x) { return std::pair{x, x}; })).collect());
     },
     "[(0,([0],[0])), (1,([1],[1])), (2,([],[2])), (3,([],[3])), (4,([2],[4]))]"},
    {"lookup",
     [](sal::context& sc) {
       const auto data = sc.parallelize(numbers(0, 1000)).map([](int x) { return std::pair{x, x}; }).repartition(10);
       const auto sorted_data = data.sort_by_key();
       return text(data.lookup(42)) + text(sorted_data.lookup(42)) + text(sorted_data.lookup(1024));
     },
     "[42][42][]"},
    {"lookup",
     [](sal::context& sc) {
       const std::vector<std::pair<std::pair<char, char>, char>> one{{{'a', 'b'}, 'c'}};
       return text(sc.parallelize(one).group_by_key().lookup({'a', 'b'}).front());
     },
     "[c]"},
};

/// What a directory made for an example is given to.
template <class Use>
std::string in_directory(Use&& use) {
  const scratch directory;
  return use(directory);
}

const example of_contexts[] = {
    {"defaultParallelism",
     [](sal::context& sc) {
       return text(std::pair{sc.default_parallelism() > 0, sc.default_min_partitions() > 0});
     },
     "(true,true)"},
    {"emptyRDD", [](sal::context& sc) { return text(sc.empty_rdd<int>().count()); }, "0"},
    {"range",
     [](sal::context& sc) {
       return text(std::vector{sc.range(5).collect(), sc.range(2, 4).collect(), sc.range(1, 7, 2).collect(), sc.range(5, 0, -1).collect(),
                               sc.range(0, 5, -1).collect()});
     },
     "[[0, 1, 2, 3, 4], [2, 3], [1, 3, 5], [5, 4, 3, 2, 1], []]"},
    {"range",
     [](sal::context& sc) {
       return text(ints{int(sc.range(0, 5, 1, 1).num_partitions()), int(sc.range(0, 5, 1, 10).num_partitions())});
     },
     "[1, 10]"},
    {"parallelize",
     [](sal::context& sc) {
       return text(sc.parallelize({0, 2, 3, 4, 6}, 5).glom().collect()) + text(sc.range(0, 6, 2, 5).glom().collect()) +
              text(sc.parallelize(std::vector<std::string>{"a", "b", "c"}, 2).glom().collect());
     },
     "[[0], [2], [3], [4], [6]][[], [0], [], [2], [4]][[a], [b, c]]"},
    {"saveAsTextFile",
     [](sal::context& sc) {
       return in_directory([&](const scratch& at) {
         sc.parallelize(numbers(0, 10)).save_as_text_file(at / "numbers");
         sc.parallelize(std::vector<std::string>{"", "foo", "", "bar", ""}).save_as_text_file(at / "lines");
         return sorted_text(sc.text_file(at / "numbers").collect()) + sorted_text(sc.text_file(at / "lines").collect());
       });
     },
     "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9][, , , bar, foo]"},
    {"textFile",
     [](sal::context& sc) {
       return in_directory([&](const scratch& at) {
         sc.parallelize(std::vector<std::string>{"x", "y", "z"}).save_as_text_file(at / "text1");
         sc.parallelize(std::vector<std::string>{"aa", "bb", "cc"}).save_as_text_file(at / "text2");
         return sorted_text(sc.text_file(at / "text1", 3).collect()) + sorted_text(sc.text_file(at / "text2", 4).collect()) +
                sorted_text(sc.text_file((at / "text1") + "," + (at / "text2"), 5).collect());
       });
     },
     "[x, y, z][aa, bb, cc][aa, bb, cc, x, y, z]"},
    {"wholeTextFiles",
     [](sal::context& sc) {
       return in_directory([&](const scratch& at) {
         at.file("1.txt", "123");
         at.file("2.txt", "xyz");
         return sorted_text(sc.whole_text_files(at.path().string())
                                .map([](const auto& file) {
                                  return std::pair{std::filesystem::path(file.first).filename().string(), file.second};
                                })
                                .collect());
       });
     },
     "[(1.txt,123), (2.txt,xyz)]"},
    {"binaryFiles",
     [](sal::context& sc) {
       return in_directory([&](const scratch& at) {
         at.file("1.bin", "binary data I");
         at.file("2.bin", "binary data II");
         return sorted_text(
             sc.binary_files(at.path().string())
                 .map([](const auto& file) { return std::string(reinterpret_cast<const char*>(file.second.data()), file.second.size()); })
                 .collect());
       });
     },
     "[binary data I, binary data II]"},
    {"binaryRecords",
     [](sal::context& sc) {
       return in_directory([&](const scratch& at) {
         at.file("1.bin", "000000010002");
         at.file("2.bin", "-001-002-010");
         return sorted_text(sc.binary_records(at.path().string(), 4).collect());
       });
     },
     "[-001, -002, -010, 0000, 0001, 0002]"},
    {"union",
     [](sal::context& sc) {
       return in_directory([&](const scratch& at) {
         at.file("union-text.txt", "Hello");
         const sal::rdd<std::string> lines = sc.text_file(at.path().string());
         return sorted_text(sc.union_of(std::vector{lines, sc.parallelize(std::vector<std::string>{"World!"})}).collect());
       });
     },
     "[Hello, World!]"},
    {"removeJobTag, getJobTags, clearJobTags",
     [](sal::context& sc) {
       sc.add_job_tag("job_to_cancel1");
       sc.add_job_tag("job_to_cancel2");
       auto all = text(sc.job_tags());
       sc.remove_job_tag("job_to_cancel1");
       all += text(sc.job_tags());
       sc.clear_job_tags();
       return all + text(sc.job_tags());
     },
     "[job_to_cancel1, job_to_cancel2][job_to_cancel2][]"},
    {"runJob",
     [](sal::context& sc) {
       const auto data = sc.parallelize(numbers(0, 6), 3);
       const auto squares = [](auto part) {
         ints all;
         for (const int x : part)
           all.push_back(x * x);
         return all;
       };
       return text(sc.run_job(data, squares)) + text(sc.run_job(data, squares, {0, 2}));
     },
     "[[0, 1], [4, 9], [16, 25]][[0, 1], [16, 25]]"},
};

} // namespace

TEST_CASE_FIXTURE(api, "the examples of PySpark's operations on pairs give the same here") {
  check(sc, of_pairs);
}

TEST_CASE_FIXTURE(api, "the examples of PySpark's context give the same here") {
  check(sc, of_contexts);
}
