#include "sample_plans.hpp"

#include <salamander/rdd/actions.hpp>
#include <salamander/rdd/cogroup.hpp>
#include <salamander/rdd/combine.hpp>
#include <salamander/rdd/exchange.hpp>
#include <salamander/rdd/narrow.hpp>
#include <salamander/rdd/pairing.hpp>
#include <salamander/rdd/sources.hpp>

namespace fuzz {
namespace {

using namespace salamander::core;

using record = std::pair<std::string, std::int64_t>;
using key_row = std::string_view;

const auto plus = [](std::int64_t a, std::int64_t b) { return a + b; };
using summing = reduce_aggregator<std::int64_t, decltype(plus)>;

class counting_node final : public typed_node<int> {
public:
  explicit counting_node(node_header&& header) : typed_node(std::move(header)) {}
  counting_node(node_header&& header, byte_reader& in) : typed_node(std::move(header)), text_(in.text()) {
    ++nodes_made();
  }
  code_token token() const override {
    return node_token<counting_node>();
  }
  void encode(byte_writer& out) const override {
    out.text(text_);
  }
  std::unique_ptr<stream<int>> open(std::uint32_t, salamander::core::task_context&) const override {
    return nullptr;
  }

private:
  std::string text_ = "a parameter";
};

std::unique_ptr<stream<int>> read_cached(const typed_node<int>& dataset, std::uint32_t p, salamander::core::task_context& context) {
  return dataset.open(p, context);
}

node_header header(std::uint32_t id, const char* operation, std::vector<dependency> dependencies = {}) {
  node_header made;
  made.id.value = id;
  made.operation = operation;
  made.site = {"program.cpp", 10 + id};
  made.partitions = 3;
  made.dependencies = std::move(dependencies);
  return made;
}

dependency edge(dependency::kind how, std::shared_ptr<const lineage> parent) {
  dependency made;
  made.how = how;
  made.parent = std::move(parent);
  made.shift = {1, 2};
  made.cross = {3, 2};
  if (how == dependency::kind::grouped)
    made.groups = {{0, 1}, {2}, {}};
  made.shuffle.value = 5;
  return made;
}

constexpr auto narrow = dependency::kind::one_to_one;
constexpr auto wide = dependency::kind::wide;

std::shared_ptr<const key_partitioner<key_row>> by_hash() {
  return std::make_shared<const hash_key_partitioner<key_row>>(3U);
}
std::shared_ptr<const key_partitioner<key_row>> by_range() {
  return std::make_shared<const range_key_partitioner<key_row, std::less<>>>(std::vector<std::string>{"g", "p"}, std::less<>(), true);
}
const auto first_letter = [](std::string_view key) { return key.empty() ? 0 : key[0] % 3; };
std::shared_ptr<const key_partitioner<key_row>> by_letter() {
  return std::make_shared<const custom_key_partitioner<key_row, decltype(first_letter)>>(3U, first_letter);
}

const auto twice = [](int x) { return x * 2; };
const auto is_marked = [](const std::string& mark, std::string_view line) { return line.find(mark) != std::string_view::npos; };
using marked = decltype(salamander::bind_front(is_marked, std::string()));

struct datasets {
  std::shared_ptr<counting_node> cached = std::make_shared<counting_node>(header(1, "counting"));
  std::shared_ptr<const node> numbers = std::make_shared<driver_data_node<int>>(header(2, "parallelize"));
  std::shared_ptr<const node> doubled = std::make_shared<map_node<int, decltype(twice)>>(header(3, "map", {edge(narrow, numbers)}), twice);
  std::shared_ptr<const node> both = std::make_shared<concatenation_node<int>>(
      header(4, "union", {edge(narrow, doubled), edge(dependency::kind::shifted, cached), edge(dependency::kind::grouped, numbers)}));
  std::shared_ptr<const node> crossed = std::make_shared<cartesian_node<int, int>>(
      header(12, "cartesian", {edge(dependency::kind::crossed, doubled), edge(dependency::kind::crossed, numbers)}));
  std::shared_ptr<const node> range = std::make_shared<range_node>(header(5, "range"), -3, 7, 1000);
  std::shared_ptr<const node> lines =
      std::make_shared<text_node>(header(6, "text_file"), std::vector<file_split>{{"/data/a.txt", 0, 100, salamander::compression::none},
                                                                                  {"/data/b.gz", 0, 70, salamander::compression::gzip}});
  std::shared_ptr<const node> some = std::make_shared<filter_node<std::string_view, marked>>(
      header(7, "filter", {edge(narrow, lines)}), salamander::bind_front(is_marked, std::string("ERROR")));
  std::shared_ptr<const node> pairs = std::make_shared<driver_data_node<record>>(header(8, "parallelize"));
  std::shared_ptr<const node> sums = std::make_shared<combine_node<record, summing>>(header(9, "reduce_by_key", {edge(wide, pairs)}),
                                                                                     summing{{std::tuple(plus)}}, by_hash());
  std::shared_ptr<const node> sorted = std::make_shared<sort_node<record, std::less<>, whole_record<record>>>(
      header(10, "sort_by_key", {edge(wide, pairs)}), by_range(), std::less<>(), true);
  std::shared_ptr<const node> moved =
      std::make_shared<partition_node<record>>(header(11, "partition_by", {edge(wide, pairs)}), by_letter());

  datasets() {
    cached->set_cache_reader(reinterpret_cast<code_address>(&read_cached));
    const_cast<node&>(*sums).partitioning = salamander::partitioner{salamander::partitioner::kind::hash, 3, 0};
  }
};

[[maybe_unused]] const bool cache_registered = register_code(reinterpret_cast<code_address>(&read_cached), code_kind::cache);

const auto count_all = [](partition_reader<int>& in) {
  std::uint64_t count = 0;
  in.each([&](int) { ++count; });
  return count;
};

} // namespace

int& nodes_made() {
  static int count = 0;
  return count;
}

std::vector<sample_plan> sample_plans() {
  const datasets made;
  const collect_action<int> collect(20, "take", {"program.cpp", 3});
  const collect_action<std::pair<int, int>> collect_pairs(20, "take", {"program.cpp", 5});
  const function_action<int, decltype(count_all)> count(count_all, "count", {"program.cpp", 4});
  return {{"counting", encode_result_plan(*made.cached, collect)},
          {"union", encode_result_plan(*made.both, count)},
          {"crossed", encode_result_plan(*made.crossed, collect_pairs)},
          {"range", encode_result_plan(*made.range, count)},
          {"lines", encode_result_plan(*made.some, collect)},
          {"combined", encode_result_plan(*made.sums, collect)},
          {"combining", encode_map_plan(*made.sums, 0)},
          {"sorting", encode_map_plan(*made.sorted, 0)},
          {"moving", encode_map_plan(*made.moved, 0)}};
}

const std::vector<code_token>& sample_code() {
  static const std::vector<code_token> all = [] {
    const datasets made;
    return std::vector<code_token>{made.cached->token(),
                                   *made.cached->cache_token(),
                                   made.numbers->token(),
                                   made.doubled->token(),
                                   made.both->token(),
                                   made.range->token(),
                                   made.lines->token(),
                                   made.some->token(),
                                   made.pairs->token(),
                                   made.sums->token(),
                                   made.sorted->token(),
                                   made.moved->token(),
                                   by_hash()->token(),
                                   by_range()->token(),
                                   by_letter()->token(),
                                   action_token<collect_action<int>>(),
                                   action_token<function_action<int, decltype(count_all)>>(),
                                   made.crossed->token(),
                                   action_token<collect_action<std::pair<int, int>>>()};
  }();
  return all;
}

bool begins_parameters(std::size_t code) {
  return code >= 12 && code <= 14; // partitioners
}

} // namespace fuzz
