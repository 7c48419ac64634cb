// What functions add to accumulators is kept apart by what it will be counted for.
#include "../../support/task_fixture.hpp"

#include <salamander/rdd/accumulator.hpp>
#include <salamander/rdd/cache.hpp>

namespace {

using namespace fake;

using number = typed_contribution<std::int64_t, summing>;

void add(contributions& to, std::uint32_t accumulator, std::int64_t value) {
  auto& slot = to.slot(accumulator);
  if (slot)
    static_cast<number&>(*slot).value += value;
  else
    slot = std::make_shared<number>(value);
}

std::map<std::uint32_t, std::int64_t> values_of(const contribution_list& list) {
  std::map<std::uint32_t, std::int64_t> all;
  for (const auto& [accumulator, value] : list)
    REQUIRE(all.emplace(accumulator, static_cast<const number&>(*value).value).second);
  return all;
}

using values = std::map<std::uint32_t, std::int64_t>;

/// Remembers what was contributed for which partition; its cache refuses everything.
class noting_services final : public task_services {
public:
  std::map<std::pair<std::uint32_t, std::uint32_t>, values> noted;
  bool keeps = false;

  block find_cached(rdd_id, std::uint32_t) override {
    return {};
  }
  bool store_cached(rdd_id, std::uint32_t, std::shared_ptr<const block_object>) override {
    return keeps;
  }
  void contribute(rdd_id dataset, std::uint32_t partition, contribution_list added) override {
    noted[{dataset.value, partition}] = values_of(added);
  }
  void commit_map_output(shuffle_id, std::uint32_t, std::uint64_t, std::vector<std::shared_ptr<const block_object>>,
                         std::uint64_t) override {}
  std::unique_ptr<shuffle_input> open_shuffle(shuffle_id, std::uint32_t, const std::atomic<bool>&) override {
    return nullptr;
  }
  block fetch_source(rdd_id, std::uint32_t) override {
    return {};
  }
  bool reserve_memory(std::size_t bytes) override {
    return bytes <= limit;
  }
  void release_memory(std::size_t) noexcept override {}
  std::size_t limit = std::numeric_limits<std::size_t>::max();
};

/// A thousand batches of one record each; every one adds 1.
class adding_node final : public typed_node<std::int64_t> {
public:
  using typed_node::typed_node;
  code_token token() const override {
    return {};
  }
  void encode(byte_writer&) const override {}
  std::unique_ptr<stream<std::int64_t>> open(std::uint32_t, core::task_context& context) const override {
    class input final : public stream<std::int64_t> {
    public:
      explicit input(core::task_context& around) : context_(around) {}
      bool next(batch<std::int64_t>& out) override {
        if (at_ == 1000)
          return false;
        record_ = at_++;
        out = batch<std::int64_t>{&record_, 1};
        add(context_.added, 5, 1);
        return true;
      }

    private:
      core::task_context& context_;
      std::int64_t at_ = 0;
      std::int64_t record_ = 0;
    };
    return std::make_unique<input>(context);
  }
};

} // namespace

TEST_CASE("contributions of the task and of what it computes for the cache are apart, and meet when that is not finished") {
  contributions all;
  add(all, 1, 10);
  const auto outer = all.open();
  const auto inner = all.open();
  {
    const contribution_scope in_outer(all, outer);
    add(all, 1, 100);
    {
      const contribution_scope in_inner(all, inner);
      add(all, 1, 1000);
      add(all, 2, 2000);
    }
    add(all, 1, 100);
  }
  add(all, 1, 10);
  CHECK(values_of(all.close(inner)) == values{{1, 1000}, {2, 2000}});
  CHECK(values_of(all.close(inner)).empty());
  CHECK(values_of(all.close_all()) == values{{1, 220}});
  CHECK(all.close_all().empty());
}

TEST_CASE("what a dropped computation has added does not count, nor what others within it have that were not finished") {
  contributions all;
  add(all, 1, 10);
  const auto dropped = all.open();
  {
    const contribution_scope in_dropped(all, dropped);
    add(all, 1, 100);
    const auto finished = all.open();
    const auto left = all.open();
    {
      const contribution_scope in_finished(all, finished);
      add(all, 1, 1000);
    }
    CHECK(values_of(all.close(finished)) == values{{1, 1000}});
    const contribution_scope in_left(all, left);
    add(all, 1, 5000);
  }
  const auto beside = all.open();
  {
    const contribution_scope in_beside(all, beside);
    add(all, 2, 7);
  }
  all.drop(dropped);
  CHECK(values_of(all.close_all()) == values{{1, 10}, {2, 7}});
}

TEST_CASE("a slot that nothing was added to contributes nothing") {
  contributions all;
  CHECK_FALSE(all.slot(3));
  CHECK(all.close_all().empty());
}

TEST_CASE("a partition for the cache contributes when it has been computed to its end, kept or not") {
  for (const bool keeps : {true, false}) {
    noting_services around;
    around.keeps = keeps;
    task_position position;
    core::task_context context(around, position, 0, 3, 0, 1, 0);
    adding_node dataset(header(7, "map", 4));
    const auto input = read_cached<std::int64_t>(dataset, 3, context);
    CHECK(around.noted == std::map<std::pair<std::uint32_t, std::uint32_t>, values>{{{7, 3}, {{5, 1000}}}});
    CHECK(drain(*input).size() == 1000);
    CHECK(context.added.close_all().empty());
  }
}

TEST_CASE("a partition that does not fit the cache contributes when it has been read to its end, else to the task") {
  noting_services around;
  around.limit = 0;
  task_position position;
  core::task_context context(around, position, 0, 3, 0, 1, 0);
  adding_node dataset(header(7, "map", 4));
  auto input = read_cached<std::int64_t>(dataset, 3, context);
  CHECK(around.noted.empty());
  CHECK(drain(*input).size() == 1000);
  CHECK(around.noted == std::map<std::pair<std::uint32_t, std::uint32_t>, values>{{{7, 3}, {{5, 1000}}}});
  CHECK(context.added.close_all().empty());
  around.noted.clear();
  input = read_cached<std::int64_t>(dataset, 3, context);
  batch<std::int64_t> first;
  REQUIRE(input->next(first));
  REQUIRE(input->next(first));
  input.reset();
  CHECK(around.noted.empty());
  CHECK(values_of(context.added.close_all()) == values{{5, 2}});
}
