#include <salamander/rdd/plan.hpp>

#include <salamander/rdd/narrow.hpp>

#include "../../support/task_fixture.hpp"

#include <algorithm>
#include <ctime>

namespace {

using namespace fake;

int nodes_made = 0;

/// Adds a number; counts how often it is rebuilt from a plan.
class adding_node final : public typed_node<int> {
public:
  adding_node(node_header&& header, int number) : typed_node<int>(std::move(header)), number_(number) {}
  adding_node(node_header&& header, byte_reader& in) : typed_node<int>(std::move(header)), number_(read_value<int>(in)) {
    ++nodes_made;
  }
  code_token token() const override {
    return fixed_token ? *fixed_token : node_token<adding_node>();
  }
  void encode(byte_writer& out) const override {
    write_value(out, number_);
  }
  std::unique_ptr<stream<int>> open(std::uint32_t p, core::task_context& context) const override {
    return parent<int>(0).read(p, context);
  }

  std::optional<code_token> fixed_token;

private:
  int number_;
};

class sum_action final : public action {
public:
  sum_action() = default;
  explicit sum_action(byte_reader&) {}
  code_token token() const override {
    return fixed_token ? *fixed_token : action_token<sum_action>();
  }
  void encode(byte_writer&) const override {}
  std::shared_ptr<const block_object> run(const node& final, std::uint32_t partition, core::task_context& context) const override {
    int sum = 0;
    auto input = static_cast<const typed_node<int>&>(final).read(partition, context);
    for (batch<int> in; input->next(in);)
      in.for_each([&](int record) { sum += record; });
    return std::make_shared<value_block<int>>(sum);
  }

  std::optional<code_token> fixed_token;
};

std::unique_ptr<stream<int>> read_as_twice(const typed_node<int>& dataset, std::uint32_t p, core::task_context& context) {
  class stream_of_twos final : public stream<int> {
  public:
    explicit stream_of_twos(std::unique_ptr<stream<int>> input) : input_(std::move(input)) {}
    bool next(batch<int>& out) override {
      if (!input_->next(out))
        return false;
      twos_.assign(out.size, 2);
      out = {twos_.data(), twos_.size(), nullptr, false};
      return true;
    }

  private:
    std::unique_ptr<stream<int>> input_;
    std::vector<int> twos_;
  };
  return std::make_unique<stream_of_twos>(dataset.open(p, context));
}

int result_of(const byte_buffer& plan, services& around) {
  task run(around);
  return take_value<int>({stage_program::decode(plan)->run(0, run.context), nullptr});
}

auto chain_of(services& around, std::uint32_t length) {
  std::shared_ptr<const lineage> last = source<int>(around, 1, {{1, 2, 3}});
  for (std::uint32_t i = 0; i < length; ++i)
    last = std::make_shared<adding_node>(header(2 + i, "map", 1, {narrow(std::move(last))}), 0);
  return std::static_pointer_cast<const typed_node<int>>(last);
}

} // namespace

TEST_CASE("a plan computes what the driver's nodes compute") {
  services around;
  const auto numbers = source<int>(around, 1, {{1, 2, 3}});
  int factor = 10;
  const auto times = [factor](int x) { return x * factor; };
  const auto mapped = std::make_shared<map_node<int, decltype(times)>>(header(2, "map", 1, {narrow(numbers)}), times);
  const auto joined = std::make_shared<concatenation_node<int>>(header(3, "union", 1, {narrow(mapped), narrow(numbers), narrow(mapped)}));
  const auto plan = encode_result_plan(*joined, sum_action());
  CHECK(result_of(plan, around) == 126);
  around.remote = true;
  CHECK(result_of(plan, around) == 126);
  CHECK(stage_program::decode(plan)->title_of(rdd_id{2}) == "map at program.cpp:12");
  CHECK(stage_program::decode(plan)->title_of(rdd_id{9}).empty());
}

TEST_CASE("a plan says which datasets are read through the cache") {
  services around;
  const auto numbers = source<int>(around, 1, {{1, 5, 3}});
  register_code(reinterpret_cast<code_address>(&read_as_twice), code_kind::cache);
  const auto cached = std::make_shared<adding_node>(header(2, "map", 1, {narrow(numbers)}), 0);
  cached->set_cache_reader(reinterpret_cast<code_address>(&read_as_twice));
  CHECK(result_of(encode_result_plan(*cached, sum_action()), around) == 6);
  cached->set_cache_reader(nullptr);
  CHECK(result_of(encode_result_plan(*cached, sum_action()), around) == 9);
}

TEST_CASE("code that was never registered is refused, and so is code of another kind or module") {
  const auto node_code = node_token<adding_node>();
  const auto action_code = action_token<sum_action>();
  CHECK((code_at(node_code, code_kind::node) == reinterpret_cast<code_address>(&make_node<adding_node>)));
  const auto refused = [](code_token token, code_kind kind) { return code_of([&] { code_at(token, kind); }) == errc::code_refused; };
  CHECK(refused({node_code.module, node_code.offset + 1}, code_kind::node));
  CHECK(refused({node_code.module, 0}, code_kind::node));
  CHECK(refused({node_code.module, ~std::uint64_t{0}}, code_kind::node));
  CHECK(refused({static_cast<std::uint16_t>(code_modules().size()), node_code.offset}, code_kind::node));
  CHECK(refused({0xffff, node_code.offset}, code_kind::node));
  for (const auto kind : {code_kind::action, code_kind::partitioner, code_kind::cache})
    CHECK(refused(node_code, kind));
  CHECK(refused(action_code, code_kind::node));
  CHECK(code_of([] { token_of_code(reinterpret_cast<code_address>(&code_at), code_kind::node); }) == errc::internal);
}

TEST_CASE("a plan that names code it may not calls nothing") {
  services around;
  const auto numbers = source<int>(around, 1, {{1}});
  const auto one = std::make_shared<adding_node>(header(2, "map", 1, {narrow(numbers)}), 0);
  const auto good = node_token<adding_node>();
  nodes_made = 0;
  for (const auto bad : {code_token{good.module, good.offset + 2}, code_token{0xffff, good.offset}, action_token<sum_action>()}) {
    one->fixed_token = bad;
    CHECK(code_of([&] { stage_program::decode(encode_result_plan(*one, sum_action())); }) == errc::code_refused);
  }
  CHECK(nodes_made == 0);
  one->fixed_token.reset();
  sum_action act;
  act.fixed_token = good;
  CHECK(code_of([&] { stage_program::decode(encode_result_plan(*one, act)); }) == errc::code_refused);
}

TEST_CASE("a plan of another build is refused with both builds named, and calls nothing") {
  services around;
  const auto chain = chain_of(around, 1);
  const auto good = encode_result_plan(*chain, sum_action());
  REQUIRE_FALSE(code_modules().empty());
  const auto id = code_modules().front().build_id;
  REQUIRE(id.size() >= 16); // the test program is linked with --build-id
  const auto at =
      std::search(good.begin(), good.end(), id.begin(), id.end(), [](std::byte a, char b) { return a == static_cast<std::byte>(b); });
  REQUIRE(at != good.end());
  auto bad = good;
  auto& digit = bad[static_cast<std::size_t>(at - good.begin()) + 5];
  digit = digit == std::byte{'0'} ? std::byte{'1'} : std::byte{'0'};
  nodes_made = 0;
  std::string text;
  CHECK(code_of([&] { stage_program::decode(bad); }, &text) == errc::build_mismatch);
  CHECK(nodes_made == 0);
  CHECK(text.find(id) != std::string::npos);
  CHECK(text.find("executor has build-id") != std::string::npos);
  stage_program::decode(good);
  CHECK(nodes_made == 1);

  auto fewer = code_modules();
  CHECK(describe_build_mismatch(fewer).empty());
  fewer.pop_back();
  CHECK_FALSE(describe_build_mismatch(fewer).empty());
}

TEST_CASE("a plan cut short or with flipped bits is decoded or refused, never worse") {
  services around;
  const auto plan = encode_result_plan(*chain_of(around, 3), sum_action());
  const auto harmless = [](errc code) {
    return code == errc::count_ || code == errc::corrupt_data || code == errc::code_refused || code == errc::build_mismatch;
  };
  for (std::size_t size = 0; size < plan.size(); ++size)
    CHECK(code_of([&] { stage_program::decode({plan.begin(), plan.begin() + static_cast<std::ptrdiff_t>(size)}); }) == errc::corrupt_data);
  for (std::size_t bit = 0; bit < plan.size() * 8; ++bit) {
    auto bad = plan;
    bad[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    CHECK(harmless(code_of([&] { stage_program::decode(bad); })));
  }
}

TEST_CASE("a plan with something behind its end is refused") {
  services around;
  auto plan = encode_result_plan(*chain_of(around, 1), sum_action());
  plan.push_back(std::byte{0});
  CHECK(code_of([&] { stage_program::decode(plan); }) == errc::corrupt_data);
}

TEST_CASE("a plan whose last code is unknown has built no node by then") {
  services around;
  const auto chain = chain_of(around, 3);
  sum_action act;
  act.fixed_token = code_token{0xffff, 0};
  nodes_made = 0;
  CHECK(code_of([&] { stage_program::decode(encode_result_plan(*chain, act)); }) == errc::code_refused);
  CHECK(nodes_made == 0);
}

TEST_CASE("a plan stops at shuffles and its map side takes the parent it is about") {
  services around;
  const auto numbers = source<int>(around, 1, {{1}});
  const auto other = source<int>(around, 2, {{2}});
  const auto child = std::make_shared<adding_node>(header(3, "join", 1, {wide(numbers, 7), wide(other, 8)}), 0);
  const auto last = std::make_shared<adding_node>(header(4, "map", 1, {narrow(child)}), 0);
  const auto result = stage_program::decode(encode_result_plan(*last, sum_action()));
  CHECK(result->title_of(rdd_id{1}).empty());
  CHECK_FALSE(result->title_of(rdd_id{3}).empty());
  const auto map_side = stage_program::decode(encode_map_plan(*child, 1));
  CHECK(map_side->title_of(rdd_id{1}).empty());
  CHECK_FALSE(map_side->title_of(rdd_id{2}).empty());
  task run(around);
  CHECK(code_of([&] { map_side->run(0, run.context); }) == errc::internal); // adding_node has no map side
}

TEST_CASE("dependencies name the parent partitions they read") {
  dependency shifted;
  shifted.how = dependency::kind::shifted;
  shifted.shift = {2, 3};
  CHECK(shifted.parents_of(1).empty());
  CHECK(shifted.parents_of(2) == std::vector<std::uint32_t>{0});
  CHECK(shifted.parents_of(4) == std::vector<std::uint32_t>{2});
  CHECK(shifted.parents_of(5).empty());
  dependency grouped;
  grouped.how = dependency::kind::grouped;
  grouped.groups = {{0, 1}, {}};
  CHECK(grouped.parents_of(0) == std::vector<std::uint32_t>{0, 1});
  CHECK(grouped.parents_of(1).empty());
  CHECK(narrow(nullptr).parents_of(4) == std::vector<std::uint32_t>{4});
  CHECK(code_of([] { static_cast<void>(wide(nullptr, 1).parents_of(0)); }) == errc::internal);
}

TEST_CASE("a chain of 200,000 narrow datasets is planned in linear time and goes without a deep stack") {
  services around;
  const auto cost = [&](std::uint32_t length) {
    auto chain = chain_of(around, length);
    const auto begin = std::clock();
    auto program = stage_program::decode(encode_result_plan(*chain, sum_action()));
    const auto spent = static_cast<double>(std::clock() - begin);
    CHECK_FALSE(program->title_of(rdd_id{length + 1}).empty());
    program.reset();
    chain.reset();
    return spent;
  };
  const auto small = cost(25000);
  const auto large = cost(200000);
  // Eight times the nodes: quadratic work would cost 64 times as much.
  CHECK(large < 40 * std::max(small, static_cast<double>(CLOCKS_PER_SEC) / 100));
}

TEST_CASE("a dataset that others still use outlives the chain built on it") {
  services around;
  auto chain = chain_of(around, 1000);
  const auto middle = chain->dependencies[0].parent;
  int released = 0;
  const_cast<typed_node<int>&>(*chain).on_release = [&](const node&) { ++released; };
  chain.reset();
  CHECK(released == 1);
  CHECK(middle->dependencies[0].parent != nullptr);
  task run(around);
  CHECK(records_of(static_cast<const typed_node<int>&>(*middle), run.context) == std::vector<int>{1, 2, 3});
}
