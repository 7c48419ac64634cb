#include <salamander/rdd/actions.hpp>
#include <salamander/rdd/cogroup.hpp>
#include <salamander/rdd/combine.hpp>
#include <salamander/rdd/exchange.hpp>

#include "../../support/task_fixture.hpp"

#include <algorithm>
#include <numeric>

namespace {

using namespace fake;

using word_count = std::pair<std::string, std::int64_t>;
using records = std::vector<word_count>;
using key_row = std::string_view;

const auto plus = [](std::int64_t a, std::int64_t b) { return a + b; };
using summing = reduce_aggregator<std::int64_t, decltype(plus)>;

std::shared_ptr<const key_partitioner<key_row>> by_hash(std::uint32_t partitions) {
  return std::make_shared<const hash_key_partitioner<key_row>>(partitions);
}

records some_records(std::uint32_t partition, int count) {
  records all;
  for (int i = 0; i < count; ++i)
    all.emplace_back("a key that does not fit a small string " + std::to_string(i * 31 % 500), i + static_cast<int>(partition));
  return all;
}

/// Runs the map side of every parent partition, then reads every partition of the dataset.
template <class T>
auto shuffled(services& around, const typed_node<T>& dataset, std::size_t limit = 0) {
  for (std::uint32_t p = 0; p < dataset.dependencies[0].parent->partitions; ++p) {
    task run(around, limit, p);
    dataset.write_map_output(0, p, run.context);
  }
  std::vector<owned_t<T>> all;
  for (std::uint32_t p = 0; p < dataset.partitions; ++p) {
    task run(around, limit, p);
    for (auto&& one : records_of(dataset, run.context))
      all.push_back(one);
  }
  return all;
}

struct keyed {
  explicit keyed(services& around)
      : pairs(source<word_count>(around, 1, {some_records(0, 3000), {}, some_records(2, 2000)})),
        combined(std::make_shared<combine_node<word_count, summing>>(header(2, "reduce_by_key", 4, {wide(pairs, 1)}),
                                                                     summing{{std::tuple(plus)}}, by_hash(4))),
        grouped(std::make_shared<group_node<word_count>>(header(3, "group_by_key", 4, {wide(pairs, 2)}), by_hash(4))),
        sorted(std::make_shared<sort_node<word_count, std::less<>, whole_record<word_count>>>(header(4, "sort_by_key", 1, {wide(pairs, 3)}),
                                                                                              by_hash(1), std::less<>(), true)) {}

  std::shared_ptr<const typed_node<word_count>> pairs;
  std::shared_ptr<const combine_node<word_count, summing>> combined;
  std::shared_ptr<const group_node<word_count>> grouped;
  std::shared_ptr<const sort_node<word_count, std::less<>, whole_record<word_count>>> sorted;
};

std::map<std::string, std::vector<std::int64_t>> wanted_groups() {
  std::map<std::string, std::vector<std::int64_t>> want;
  for (const auto& [count, partition] : {std::pair(3000, 0U), std::pair(2000, 2U)})
    for (const auto& [key, value] : some_records(partition, count))
      want[key].push_back(value);
  return want;
}

} // namespace

TEST_CASE("combining, grouping and sorting give the same over local and remote blocks and batches of one") {
  const auto want = wanted_groups();
  for (const bool remote : {false, true})
    for (const auto limit : {std::size_t{0}, std::size_t{1}}) {
      CAPTURE(remote);
      CAPTURE(limit);
      services around;
      around.remote = remote;
      const keyed data(around);

      std::map<std::string, std::vector<std::int64_t>> groups;
      for (const auto& [key, values] : shuffled(around, *data.grouped, limit))
        CHECK(groups.emplace(key, values).second);
      CHECK((groups == want));

      const auto sums = shuffled(around, *data.combined, limit);
      CHECK(sums.size() == want.size());
      for (const auto& [key, sum] : sums)
        CHECK(sum == std::accumulate(want.at(key).begin(), want.at(key).end(), std::int64_t{0}));

      records flat;
      for (const auto& [key, values] : want)
        for (const auto value : values)
          flat.emplace_back(key, value);
      CHECK((shuffled(around, *data.sorted, limit) == flat));
      CHECK(around.reserved == 0);
    }
}

TEST_CASE("values of bool are grouped and kept like any others") {
  services around;
  const auto flags = source<std::pair<int, bool>>(around, 1, {{{1, true}, {2, false}, {1, false}, {1, true}}});
  const auto moved = std::make_shared<partition_node<std::pair<int, bool>>>(header(2, "partition_by", 1, {wide(flags, 1)}),
                                                                            std::make_shared<const hash_key_partitioner<int>>(1));
  CHECK((shuffled(around, *moved) == std::vector<std::pair<int, bool>>{{1, true}, {2, false}, {1, false}, {1, true}}));
  const auto plain = source<bool>(around, 3, {{true, false, true}});
  const auto dealt = std::make_shared<repartition_node<bool>>(header(4, "repartition", 1, {wide(plain, 2)}));
  for (const bool remote : {false, true}) {
    around.remote = remote;
    CHECK(shuffled(around, *dealt) == std::vector<bool>{true, false, true});
  }
}

TEST_CASE("a failing reducer is told with its dataset, partition and record") {
  services around;
  const auto pairs = source<word_count>(around, 1, {records{{"a", 1}, {"b", 2}, {"a", 3}}});
  const auto fails = [](std::int64_t, std::int64_t b) -> std::int64_t { throw std::range_error("at " + std::to_string(b)); };
  using failing = reduce_aggregator<std::int64_t, decltype(fails)>;
  const combine_node<word_count, failing> combined(header(2, "reduce_by_key", 1, {wide(pairs, 1)}), failing{{std::tuple(fails)}},
                                                   by_hash(1));
  task run(around);
  try {
    combined.write_map_output(0, 0, run.context);
    FAIL("no failure");
  } catch (const user_failure& failure) {
    CHECK(std::string(failure.what()) == "reduce_by_key at program.cpp:12, partition 0, record 2: std::range_error: at 3");
  }
}

TEST_CASE("operations that the memory budget refuses fail with out_of_memory, and give back what they had") {
  services around;
  const keyed data(around);
  const auto refused = [&](auto&& action, const char* what) {
    task run(around);
    std::string text;
    CHECK(code_of([&] { action(run.context); }, &text) == errc::out_of_memory);
    CHECK(text.find(what) != std::string::npos);
    CHECK(text.find("salamander.executor.memory") != std::string::npos);
  };
  const collect_action<word_count> collect(collect_action<word_count>::no_limit, "collect", {"program.cpp", 3});
  const auto write = [](const node& dataset) {
    return [&dataset](core::task_context& context) { dataset.write_map_output(0, 0, context); };
  };
  const auto read = [](const auto& dataset) { return [&dataset](core::task_context& context) { records_of(dataset, context); }; };

  for (const std::size_t budget : {std::size_t{0}, std::size_t{2000}}) {
    around.budget = budget;
    refused(write(*data.combined), "combining by key");
    refused(write(*data.grouped), "a shuffle");
    refused(write(*data.sorted), "a shuffle");
    refused([&](core::task_context& context) { collect.run(*data.pairs, 0, context); }, "collecting a partition");
    CHECK(around.reserved == 0);
  }
  around.budget = std::numeric_limits<std::size_t>::max();
  shuffled(around, *data.combined);
  shuffled(around, *data.grouped);
  shuffled(around, *data.sorted);
  around.budget = 2000;
  refused(read(*data.combined), "combining by key");
  refused(read(*data.grouped), "grouping by key");
  refused(read(*data.sorted), "sorting a partition");
  around.remote = true;
  refused(read(*data.combined), "reading a shuffle");
  refused(read(*data.grouped), "reading a shuffle");
  refused(read(*data.sorted), "reading a shuffle");
  CHECK(around.reserved == 0);
}

TEST_CASE("collect takes no more than its limit and reads no further") {
  services around;
  const auto pairs = source<word_count>(around, 1, {some_records(0, 5000)});
  for (const std::uint64_t limit : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{700}, collect_action<word_count>::no_limit}) {
    task run(around);
    const collect_action<word_count> collect(limit, "take", {"program.cpp", 3});
    records got;
    append_rows<word_count>(got, {collect.run(*pairs, 0, run.context), nullptr});
    auto want = some_records(0, 5000);
    want.resize(std::min<std::size_t>(limit, want.size()));
    CHECK((got == want));
  }
}
