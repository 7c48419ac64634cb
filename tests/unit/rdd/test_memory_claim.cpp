#include <salamander/rdd/actions.hpp>
#include <salamander/rdd/cogroup.hpp>
#include <salamander/rdd/combine.hpp>
#include <salamander/rdd/exchange.hpp>
#include <salamander/rdd/functions.hpp>
#include <salamander/rdd/narrow.hpp>
#include <salamander/rdd/weight.hpp>

#include "../../support/task_fixture.hpp"

#include <malloc.h>

#include <list>
#include <map>
#include <random>
#include <unordered_map>

namespace {

using namespace fake;

constexpr std::size_t mebibyte = std::size_t{1} << 20;

/// Bytes that the process has allocated and not freed; 0 when the allocator does not tell (under a sanitizer).
std::size_t live_bytes() {
  const auto facts = ::mallinfo2();
  return facts.uordblks + facts.hblkhd;
}

/// Makes its records as they are asked for, so that only what an operation keeps of them takes memory, and watches how much that is.
template <class T>
class endless_node final : public typed_node<T> {
public:
  endless_node(std::uint64_t count, T (*make)(std::uint64_t)) : typed_node<T>(header(1, "endless", 1)), count_(count), make_(make) {}

  code_token token() const override {
    throw std::logic_error("not sent anywhere");
  }
  void encode(byte_writer&) const override {}
  std::unique_ptr<stream<T>> open(std::uint32_t, core::task_context&) const override {
    return std::make_unique<endless_stream>(*this);
  }

  mutable std::size_t most = 0; ///< live bytes while records were made
  mutable std::uint64_t made = 0;

private:
  class endless_stream final : public stream<T> {
  public:
    explicit endless_stream(const endless_node& dataset) : dataset_(dataset) {}
    bool next(batch<T>& out) override {
      records_.clear();
      while (records_.size() < batch_capacity<T> && dataset_.made < dataset_.count_)
        records_.push_back(dataset_.make_(dataset_.made++));
      dataset_.most = std::max(dataset_.most, live_bytes());
      out = {records_.data(), records_.size(), nullptr, true};
      return !records_.empty();
    }

  private:
    const endless_node& dataset_;
    std::vector<T> records_;
  };

  std::uint64_t count_;
  T (*make_)(std::uint64_t);
};

using keyed_text = std::pair<std::int64_t, std::string>;

keyed_text small_text(std::uint64_t i) {
  return {static_cast<std::int64_t>(i), std::string(40, static_cast<char>('a' + i % 26))};
}
keyed_text few_keys(std::uint64_t i) {
  return {static_cast<std::int64_t>(i % 7), std::string(100, static_cast<char>('a' + i % 26))};
}
std::pair<std::int64_t, std::vector<double>> vectors(std::uint64_t i) {
  return {static_cast<std::int64_t>(i), std::vector<double>(300, static_cast<double>(i))};
}

const auto gather = [](std::vector<std::string> all, const std::string& one) {
  all.push_back(one);
  return all;
};
const auto gather_all = [](std::vector<std::string> all, const std::vector<std::string>& more) {
  all.insert(all.end(), more.begin(), more.end());
  return all;
};
const auto create = [](const std::string& one) { return std::vector<std::string>{one}; };
using gathering = general_aggregator<std::string, std::vector<std::string>, decltype(create), decltype(gather), decltype(gather_all)>;

template <class Key>
std::shared_ptr<const key_partitioner<Key>> by_hash(std::uint32_t partitions) {
  return std::make_shared<const hash_key_partitioner<Key>>(partitions);
}

/// Runs `work` with a budget far below what it wants: it ends with an error that says where, and has not taken much more than that.
template <class T, class Work>
void check_bounded(const endless_node<T>& input, const std::string& place, const std::string& what, Work&& work) {
  CAPTURE(place);
  CAPTURE(what);
  constexpr std::size_t budget = 32 * mebibyte;
  services around;
  around.budget = budget;
  const auto before = live_bytes();
  input.most = before;
  input.made = 0;
  std::string text;
  {
    task run(around);
    CHECK(code_of([&] { work(run.context); }, &text) == errc::out_of_memory);
  }
  CAPTURE(text);
  CHECK(text.starts_with(place + ", partition 0: " + what + " needs "));
  CHECK(text.find("use more partitions") != std::string::npos);
  CHECK(around.reserved == 0);
  if (live_bytes() == 0)
    return;
  CAPTURE(input.made);
  CAPTURE((input.most - before) / mebibyte);
  CHECK(input.most - before < budget + budget / 2);
  CHECK(input.most - before > budget / 8);
}

template <class T>
std::unique_ptr<partition_reader<T>> reader_of(const endless_node<T>& input, core::task_context& context, const lineage& place) {
  return std::make_unique<partition_reader<T>>(input.read(0, context), context, place);
}

struct placed : lineage {
  explicit placed(std::string what) {
    operation = std::move(what);
    site = {"program.cpp", 5};
  }
};

} // namespace

TEST_CASE("a weight is about what a value holds, and costs the same for any size") {
  const auto near = [](const auto& value) {
    const auto want = static_cast<double>(heap_bytes(value));
    const auto got = static_cast<double>(weight_of(value));
    CAPTURE(want);
    CAPTURE(got);
    CHECK(got > want / 2);
    CHECK(got < want * 2 + 100);
  };
  CHECK(weight_of(7) == 0);
  CHECK(weight_of(std::string("short")) == 0);
  CHECK(weight_of(std::vector<int>{}) == 0);
  near(std::string(1000, 'x'));
  near(std::vector<double>(1000));
  near(std::vector<std::string>(1000, std::string(100, 'x')));
  near(std::vector<std::string>(5, std::string(100, 'x')));
  near(std::list<std::string>(300, std::string(50, 'x')));
  near(std::pair(std::string(100, 'a'), std::optional(std::vector<int>(50))));
  std::map<int, std::string> tree;
  std::unordered_map<std::string, std::vector<int>> table;
  for (int i = 0; i < 500; ++i) {
    tree[i] = std::string(60, 'x');
    table[std::to_string(i) + " is a key of some length"] = std::vector<int>(20);
  }
  near(tree);
  near(table);
  near(std::vector<std::vector<std::vector<int>>>(20, std::vector<std::vector<int>>(20, std::vector<int>(20))));
}

TEST_CASE("sampled growth adds up to the whole, whatever the sizes of its steps") {
  std::mt19937_64 random(5);
  for (const std::size_t step : {std::size_t{10}, std::size_t{1000}, std::size_t{100'000}, 3 * mebibyte}) {
    CAPTURE(step);
    growth_meter meter;
    std::size_t whole = 0;
    std::size_t measured = 0;
    for (std::size_t i = 0; i < 20'000; ++i) {
      const auto change = random() % (2 * step);
      whole += change;
      if (meter.due()) {
        ++measured;
        meter.add(static_cast<std::int64_t>(change));
      }
    }
    CHECK(static_cast<double>(meter.bytes()) > 0.85 * static_cast<double>(whole));
    CHECK(static_cast<double>(meter.bytes()) < 1.15 * static_cast<double>(whole));
    CHECK(measured < (step < 5000 ? 2000 : 20'001));
  }
  growth_meter shrinking;
  for (int i = 0; i < 1000; ++i)
    if (shrinking.due())
      shrinking.add(-100);
  CHECK(shrinking.bytes() == 0);
}

TEST_CASE("a claim grows, shrinks and gives everything back, and fails with operation, call site, partition and advice") {
  services around;
  around.budget = mebibyte;
  task run(around, 0, 3);
  const placed dataset("reduce_by_key");
  {
    memory_claim claim(run.context, dataset, "combining by key");
    claim.hold(1000);
    claim.hold(500); // too little to bother
    CHECK(around.reserved == 1000);
    claim.hold(500'000);
    claim.add(24);
    CHECK(around.reserved == 500'024);
    claim.hold(100);
    CHECK(around.reserved == 100);
    std::string text;
    CHECK(code_of([&] { claim.hold(2 * mebibyte); }, &text) == errc::out_of_memory);
    CHECK(text.starts_with("reduce_by_key at program.cpp:5, partition 3: combining by key needs 2097052 more bytes on top of 100 "));
    CHECK(claim.held_bytes() == 100);
    CHECK_FALSE(claim.try_hold(2 * mebibyte, {1}));
    CHECK(claim.try_hold(50, {1}));
    CHECK(around.reserved == 50);
    const memory_claim moved(std::move(claim));
    CHECK(around.reserved == 50);
  }
  CHECK(around.reserved == 0);
}

TEST_CASE("a table says beforehand what it takes while it grows") {
  combine_table<std::int64_t, std::int64_t> table;
  std::size_t promised = 0;
  for (std::int64_t key = 0; key < 300'000; ++key) {
    if (key % 1000 == 0) {
      CHECK(table.memory_bytes() <= promised + 64 * 8);
      promised = table.bytes_while_adding(1000);
    }
    table.upsert(
        key, hash_value(key), [&] { return std::pair(key, key); }, [](std::int64_t&) {});
  }
  CHECK(table.memory_bytes() <= promised);
}

TEST_CASE("tables and buffers of tasks stay near the budget, and what does not fit is an error that says where") {
  const endless_node<keyed_text> texts(20'000'000, &small_text);
  const endless_node<keyed_text> groups(20'000'000, &few_keys);
  const endless_node<std::pair<std::int64_t, std::vector<double>>> wide_records(1'000'000, &vectors);
  const auto on = [](const auto& input) { return std::vector{wide(std::shared_ptr<const lineage>(&input, [](const lineage*) {}), 1)}; };
  const auto beside = [](const auto& input) { return std::vector{narrow(std::shared_ptr<const lineage>(&input, [](const lineage*) {}))}; };

  SUBCASE("combining many keys") {
    const auto keep = [](std::string a, const std::string&) { return a; };
    using keeping = reduce_aggregator<std::string, decltype(keep)>;
    const combine_node<keyed_text, keeping> dataset(header(2, "reduce_by_key", 4, on(texts)), keeping{{std::tuple(keep)}},
                                                    by_hash<std::int64_t>(4));
    check_bounded(texts, "reduce_by_key at program.cpp:12", "combining by key",
                  [&](core::task_context& context) { dataset.write_map_output(0, 0, context); });
  }
  SUBCASE("combining few keys into ever larger values") {
    const combine_node<keyed_text, gathering> dataset(header(2, "combine_by_key", 4, on(groups)),
                                                      gathering{{std::tuple(create, gather, gather_all)}}, by_hash<std::int64_t>(4));
    check_bounded(groups, "combine_by_key at program.cpp:12", "combining by key",
                  [&](core::task_context& context) { dataset.write_map_output(0, 0, context); });
  }
  SUBCASE("scattering") {
    const partition_node<keyed_text> dataset(header(2, "partition_by", 4, on(texts)), by_hash<std::int64_t>(4));
    check_bounded(texts, "partition_by at program.cpp:12", "a shuffle",
                  [&](core::task_context& context) { dataset.write_map_output(0, 0, context); });
  }
  SUBCASE("scattering records with memory of their own") {
    using wide_record = std::pair<std::int64_t, std::vector<double>>;
    const partition_node<wide_record> dataset(header(2, "partition_by", 4, on(wide_records)), by_hash<std::int64_t>(4));
    check_bounded(wide_records, "partition_by at program.cpp:12", "a shuffle",
                  [&](core::task_context& context) { dataset.write_map_output(0, 0, context); });
  }
  SUBCASE("grouping a narrow parent") {
    const group_node<keyed_text> dataset(header(2, "group_by_key", 1, beside(groups)), by_hash<std::int64_t>(1));
    check_bounded(groups, "group_by_key at program.cpp:12", "reading a partition by key",
                  [&](core::task_context& context) { dataset.read(0, context); });
  }
  SUBCASE("collecting") {
    const collect_action<keyed_text> collect(collect_action<keyed_text>::no_limit, "collect", {"program.cpp", 5});
    check_bounded(texts, "collect at program.cpp:5", "collecting a partition",
                  [&](core::task_context& context) { collect.run(texts, 0, context); });
    const collect_action<std::pair<std::int64_t, std::vector<double>>> collect_wide(~0ULL, "collect", {"program.cpp", 5});
    check_bounded(wide_records, "collect at program.cpp:5", "collecting a partition",
                  [&](core::task_context& context) { collect_wide.run(wide_records, 0, context); });
  }
  SUBCASE("the first of many") {
    const first_ordered_function<keyed_text, std::less<>> top{{std::tuple(carry<std::uint64_t>(10'000'000), std::less<>())}};
    const placed place("take_ordered");
    check_bounded(texts, "take_ordered at program.cpp:5", "the result of a partition",
                  [&](core::task_context& context) { top(*reader_of(texts, context, place)); });
  }
  SUBCASE("aggregating into a container") {
    const auto add = [](std::vector<std::string> all, const keyed_text& one) {
      all.push_back(one.second);
      return all;
    };
    using function = aggregate_function<keyed_text, std::vector<std::string>, decltype(add)>;
    const function aggregate{{std::tuple(carry(std::vector<std::string>{}), add)}};
    const placed place("aggregate");
    check_bounded(groups, "aggregate at program.cpp:5", "the result of a partition",
                  [&](core::task_context& context) { aggregate(*reader_of(groups, context, place)); });
  }
  SUBCASE("glom") {
    const glom_node<keyed_text> dataset(header(2, "glom", 1, beside(texts)));
    check_bounded(texts, "glom at program.cpp:12", "glom", [&](core::task_context& context) {
      batch<std::vector<keyed_text>> out;
      dataset.read(0, context)->next(out);
    });
  }
}

TEST_CASE("what a task holds for one of several tables is free when that one is done with") {
  services around;
  around.budget = 8 * mebibyte;
  std::vector<std::vector<keyed_text>> partitions(20);
  for (std::size_t p = 0; p < partitions.size(); ++p)
    for (std::uint64_t i = 0; i < 10'000; ++i)
      partitions[p].push_back(small_text(i));
  const auto pairs = source(around, 1, partitions);
  const auto first = [](std::string a, const std::string&) { return a; };
  using keeping = reduce_aggregator<std::string, decltype(first)>;
  const auto combined = std::make_shared<combine_node<keyed_text, keeping>>(header(2, "reduce_by_key", 20, {narrow(pairs)}),
                                                                            keeping{{std::tuple(first)}}, by_hash<std::int64_t>(20));
  auto all = header(3, "coalesce", 1);
  dependency edge = narrow(combined);
  edge.how = dependency::kind::grouped;
  edge.groups.emplace_back();
  for (std::uint32_t p = 0; p < 20; ++p)
    edge.groups[0].push_back(p);
  all.dependencies.push_back(edge);
  const concatenation_node<keyed_text> one(std::move(all));
  task run(around);
  CHECK(records_of(one, run.context).size() == 200'000);
}
