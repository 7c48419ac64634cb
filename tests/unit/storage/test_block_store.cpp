#include <salamander/storage/block_store.hpp>

#include <doctest/doctest.h>

#include <numeric>
#include <thread>

namespace {

using namespace salamander::storage;

std::vector<std::byte> filled(std::size_t size) {
  return std::vector<std::byte>(size, std::byte{7});
}

stored_block block_of(std::size_t size) {
  return {std::make_shared<const std::vector<std::byte>>(filled(size)), nullptr, size};
}

map_output output_of(std::vector<std::size_t> sizes, std::uint64_t attempt) {
  map_output made{{}, nullptr, 0, attempt};
  for (const auto size : sizes) {
    made.size_bytes += size;
    made.blocks.push_back(size == 0 ? nullptr : block_of(size).object);
  }
  return made;
}

std::size_t size_in(const std::optional<stored_block>& found) {
  REQUIRE(found);
  return found->object ? static_cast<const std::vector<std::byte>*>(found->object.get())->size() : 0;
}

struct fixture {
  explicit fixture(std::uint64_t budget) : memory(budget), store(memory) {}
  memory_manager memory;
  block_store store;

  put_outcome cache(std::uint32_t dataset, std::uint32_t partition, std::size_t size) {
    return store.put(block_id::cached(dataset, partition), block_of(size));
  }
  bool holds(std::uint32_t dataset, std::uint32_t partition) {
    return store.find(block_id::cached(dataset, partition)).has_value();
  }
};

TEST_CASE("the least recently used cached block leaves first") {
  // Three blocks, each a little more than a third of the store.
  fixture it(12000);
  CHECK(it.cache(1, 0, 4001) == put_outcome::stored);
  CHECK(it.cache(2, 0, 4001) == put_outcome::stored);
  CHECK(it.cache(3, 0, 4001) == put_outcome::stored);
  CHECK_FALSE(it.holds(1, 0));
  CHECK(it.store.take_evictions() == std::vector{block_id::cached(1, 0)});
  CHECK(it.holds(3, 0));
  CHECK(it.holds(2, 0)); // read last
  CHECK(it.cache(1, 0, 4001) == put_outcome::stored);
  CHECK_FALSE(it.holds(3, 0));
  CHECK(it.holds(2, 0));
  CHECK(it.holds(1, 0));
  CHECK(it.memory.used_bytes() == 8002);
}

TEST_CASE("a cached block never pushes out one of its own dataset") {
  fixture it(12000);
  CHECK(it.cache(1, 0, 4001) == put_outcome::stored);
  CHECK(it.cache(1, 1, 4001) == put_outcome::stored);
  CHECK(it.cache(1, 2, 4001) == put_outcome::refused);
  CHECK(it.holds(1, 0));
  CHECK(it.holds(1, 1));
  CHECK(it.store.take_evictions().empty());
}

TEST_CASE("nothing is evicted for a block that cannot fit anyway") {
  fixture it(12000);
  REQUIRE(it.store.reserve(6000));
  CHECK(it.cache(1, 0, 5000) == put_outcome::stored);
  CHECK(it.cache(2, 0, 6001) == put_outcome::refused);
  CHECK(it.cache(3, 0, 12001) == put_outcome::refused);
  CHECK(it.holds(1, 0));
  CHECK(it.store.take_evictions().empty());
  CHECK(it.memory.used_bytes() == 11000);
}

TEST_CASE("a cached block never pushes out execution or shuffle memory") {
  fixture it(1000);
  REQUIRE(it.store.reserve(400));
  REQUIRE(it.store.commit_map_output(1, 0, output_of({300}, 1)) == put_outcome::stored);
  CHECK(it.cache(1, 0, 301) == put_outcome::refused);
  CHECK(it.cache(1, 0, 300) == put_outcome::stored);
}

TEST_CASE("execution and shuffle blocks push out cached blocks") {
  fixture it(1000);
  CHECK(it.cache(1, 0, 500) == put_outcome::stored);
  CHECK(it.cache(2, 0, 500) == put_outcome::stored);
  CHECK(it.store.reserve(100));
  CHECK_FALSE(it.holds(1, 0));
  CHECK(it.holds(2, 0));
  CHECK(it.store.commit_map_output(7, 0, output_of({0, 900}, 1)) == put_outcome::stored);
  CHECK_FALSE(it.holds(2, 0));
  CHECK_FALSE(it.store.reserve(1));
  CHECK(it.memory.used_bytes(memory_use::cache) == 0);
  it.store.release(100);
}

TEST_CASE("a block that somebody reads is not evicted") {
  fixture it(1000);
  CHECK(it.cache(1, 0, 500) == put_outcome::stored);
  CHECK(it.cache(2, 0, 500) == put_outcome::stored);
  {
    const auto reader = it.store.find(block_id::cached(1, 0));
    CHECK(it.holds(2, 0));
    CHECK(it.store.reserve(500));
    CHECK(it.holds(1, 0));
    CHECK_FALSE(it.holds(2, 0));
    CHECK_FALSE(it.store.reserve(500));
  }
  CHECK(it.store.reserve(500));
  CHECK_FALSE(it.holds(1, 0));
}

TEST_CASE("an eviction is not told when the block has come back") {
  fixture it(1000);
  CHECK(it.cache(1, 0, 600) == put_outcome::stored);
  CHECK(it.cache(2, 0, 600) == put_outcome::stored);
  CHECK(it.cache(1, 0, 600) == put_outcome::stored);
  CHECK(it.store.take_evictions() == std::vector{block_id::cached(2, 0)});
  CHECK(it.store.take_evictions().empty());
}

TEST_CASE("the second block of a name is dropped") {
  fixture it(1000);
  CHECK(it.cache(1, 0, 100) == put_outcome::stored);
  CHECK(it.cache(1, 0, 200) == put_outcome::existed);
  CHECK(size_in(it.store.find(block_id::cached(1, 0))) == 100);
  CHECK(it.store.put(block_id::result(5), block_of(10)) == put_outcome::stored);
  CHECK(it.store.put(block_id::result(5), block_of(20)) == put_outcome::existed);
  CHECK(it.memory.used_bytes() == 110);
}

TEST_CASE("of two attempts of one map task readers see the later one, whichever commits first") {
  fixture it(0);
  const bool in_order = [] {
    bool chosen = false;
    SUBCASE("the earlier one") {
      chosen = true;
    }
    SUBCASE("the later one") {}
    return chosen;
  }();
  if (in_order)
    CHECK(it.store.commit_map_output(3, 1, output_of({11, 22, 33}, 100)) == put_outcome::stored);
  CHECK(it.store.commit_map_output(3, 1, output_of({10, 0, 30}, 101)) == put_outcome::stored);
  if (!in_order)
    CHECK(it.store.commit_map_output(3, 1, output_of({11, 22, 33}, 100)) == put_outcome::existed);
  CHECK(size_in(it.store.find(block_id::shuffle(3, 1, 0))) == 10);
  CHECK(size_in(it.store.find(block_id::shuffle(3, 1, 1))) == 0);
  CHECK(size_in(it.store.find(block_id::shuffle(3, 1, 2))) == 30);
  CHECK_FALSE(it.store.find(block_id::shuffle(3, 0, 0)));
  CHECK_FALSE(it.store.find(block_id::shuffle(4, 1, 0)));
  CHECK(it.memory.used_bytes() == 40);
}

TEST_CASE("an unwanted map output is dropped, but not that of another attempt") {
  fixture it(0);
  it.store.commit_map_output(3, 1, output_of({10, 20}, 100));
  it.store.drop_map_output(3, 1, 99);
  CHECK(it.memory.used_bytes() == 30);
  it.store.drop_map_output(3, 1, 100);
  CHECK(it.memory.used_bytes() == 0);
  CHECK_FALSE(it.store.find(block_id::shuffle(3, 1, 0)));
  it.store.drop_map_output(3, 1, 100);
  it.store.drop_map_output(4, 1);
  CHECK(it.store.commit_map_output(3, 1, output_of({10, 20}, 101)) == put_outcome::stored);
  it.store.drop_map_output(3, 1);
  CHECK(it.memory.used_bytes() == 0);
}

TEST_CASE("the last attempt wins when many commit at once") {
  fixture it(0);
  std::vector<std::thread> threads;
  std::atomic<int> won = 0;
  for (std::size_t t = 1; t <= 4; ++t)
    threads.emplace_back([&, t] {
      for (std::uint32_t map = 0; map < 200; ++map)
        if (it.store.commit_map_output(1, map, output_of({t, t}, t)) == put_outcome::stored && t == 4)
          ++won;
    });
  for (auto& thread : threads)
    thread.join();
  CHECK(won == 200);
  std::uint64_t held = 0;
  for (std::uint32_t map = 0; map < 200; ++map) {
    const auto first = size_in(it.store.find(block_id::shuffle(1, map, 0)));
    CHECK(first == size_in(it.store.find(block_id::shuffle(1, map, 1))));
    held += 2 * first;
  }
  CHECK(it.memory.used_bytes() == held);
}

TEST_CASE("the blocks of one reduce partition come in the order of the maps asked for") {
  fixture it(0);
  for (std::uint32_t map = 0; map < 5; ++map)
    if (map != 3)
      it.store.commit_map_output(1, map, output_of({0, map + 1U}, map));
  const std::vector<std::uint32_t> maps{4, 0, 3};
  const auto found = it.store.find_shuffle(1, 1, maps);
  REQUIRE(found.size() == 3);
  CHECK(size_in(found[0]) == 5);
  CHECK(size_in(found[1]) == 1);
  CHECK_FALSE(found[2]);
}

TEST_CASE("a dropped shuffle gives its memory back and takes no late commit") {
  fixture it(0);
  it.store.commit_map_output(1, 0, output_of({10, 20}, 1));
  it.store.commit_map_output(2, 0, output_of({5}, 1));
  it.store.drop_shuffle(1);
  CHECK(it.memory.used_bytes() == 5);
  CHECK(it.store.commit_map_output(1, 1, output_of({10, 20}, 2)) == put_outcome::existed);
  CHECK_FALSE(it.store.find(block_id::shuffle(1, 1, 0)));
  CHECK(it.memory.used_bytes() == 5);
}

TEST_CASE("data that its owner holds anyway is kept beyond the budget, results are not") {
  fixture it(100);
  CHECK(it.store.put(block_id::source(1, 0), block_of(300)) == put_outcome::stored);
  CHECK(it.store.put(block_id::plan(1, 0), block_of(50)) == put_outcome::stored);
  CHECK(it.store.put(block_id::result(1), block_of(1)) == put_outcome::refused);
  CHECK(it.memory.used_bytes() == 350);
  it.store.drop_all(block_kind::source, 1);
  it.store.drop_all(block_kind::plan, 1);
  CHECK(it.memory.used_bytes() == 0);
}

TEST_CASE("bytes accounted are bytes held after any sequence of calls") {
  memory_manager memory(50000);
  {
    block_store store(memory);
    std::uint32_t state = 12345;
    const auto below = [&](std::uint32_t limit) {
      state = state * 1664525U + 1013904223U;
      return (state >> 8) % limit;
    };
    std::uint64_t reserved = 0;
    for (int step = 0; step < 20000; ++step) {
      switch (below(8)) {
      case 0:
      case 1:
      case 2:
        store.put(block_id::cached(below(4), below(10)), block_of(below(9000)));
        break;
      case 3:
        store.commit_map_output(below(1000000), below(10), output_of({below(500), below(500)}, 1));
        break;
      case 4:
        store.drop(block_id::cached(below(4), below(10)));
        break;
      case 5:
        store.drop_all(block_kind::cached, below(4));
        break;
      case 6:
        if (const auto bytes = below(9000); store.reserve(bytes))
          reserved += bytes;
        break;
      default:
        store.release(reserved);
        reserved = 0;
      }
      std::uint64_t cached = 0;
      for (std::uint32_t dataset = 0; dataset < 4; ++dataset)
        for (std::uint32_t partition = 0; partition < 10; ++partition)
          if (const auto found = store.find(block_id::cached(dataset, partition)))
            cached += size_in(found);
      REQUIRE(memory.used_bytes(memory_use::cache) == cached);
      REQUIRE(memory.used_bytes(memory_use::execution) == reserved);
      REQUIRE(memory.used_bytes() <= 50000);
    }
    store.release(reserved);
  }
  CHECK(memory.used_bytes() == 0);
}

TEST_CASE("a block name reads as in logs") {
  CHECK(block_id::cached(3, 7).text() == "rdd_3_7");
  CHECK(block_id::shuffle(1, 4, 0).text() == "shuffle_1_4_0");
  CHECK(block_id::result(0x100000002).text() == "result_4294967298");
}

TEST_CASE("what a reader found damaged is dropped as a whole and can be made again") {
  fixture it(10000);
  CHECK(it.store.commit_map_output(1, 0, output_of({100, 200}, 1)) == put_outcome::stored);
  CHECK(it.store.commit_map_output(1, 1, output_of({300}, 2)) == put_outcome::stored);
  CHECK(it.store.discard(block_id::shuffle(1, 0, 1)));
  CHECK_FALSE(it.store.find(block_id::shuffle(1, 0, 0)));
  CHECK_FALSE(it.store.find(block_id::shuffle(1, 0, 1)));
  CHECK(size_in(it.store.find(block_id::shuffle(1, 1, 0))) == 300);
  CHECK(it.memory.used_bytes() == 300);
  CHECK_FALSE(it.store.discard(block_id::shuffle(1, 0, 1)));
  CHECK_FALSE(it.store.discard(block_id::shuffle(9, 0, 1)));
  CHECK(it.store.commit_map_output(1, 0, output_of({111, 222}, 3)) == put_outcome::stored);
  CHECK(size_in(it.store.find(block_id::shuffle(1, 0, 1))) == 222);

  CHECK(it.cache(4, 2, 500) == put_outcome::stored);
  CHECK(it.store.discard(block_id::cached(4, 2)));
  CHECK_FALSE(it.holds(4, 2));
  CHECK(it.store.take_evictions() == std::vector{block_id::cached(4, 2)});
  CHECK_FALSE(it.store.discard(block_id::cached(4, 2)));

  CHECK(it.store.put(block_id::result(5), block_of(10)) == put_outcome::stored);
  CHECK(it.store.discard(block_id::result(5)));
  CHECK_FALSE(it.store.find(block_id::result(5)));

  CHECK(it.store.put(block_id::source(1, 0), block_of(10)) == put_outcome::stored);
  CHECK(it.store.put(block_id::plan(1, 0), block_of(10)) == put_outcome::stored);
  CHECK_FALSE(it.store.discard(block_id::source(1, 0)));
  CHECK_FALSE(it.store.discard(block_id::plan(1, 0)));
  CHECK(it.store.find(block_id::source(1, 0)));
}

TEST_CASE("a task that was ordered before its dataset was dropped leaves nothing behind") {
  fixture it(10000);
  const auto ordered = it.store.drops();
  it.store.drop_all(block_kind::cached, 7);
  CHECK(it.store.put(block_id::cached(7, 0), block_of(10), ordered) == put_outcome::existed);
  CHECK_FALSE(it.holds(7, 0));
  CHECK(it.store.put(block_id::cached(8, 0), block_of(10), ordered) == put_outcome::stored);
  // Cached again: later orders may keep it.
  CHECK(it.store.put(block_id::cached(7, 0), block_of(10), it.store.drops()) == put_outcome::stored);
  it.store.drop_all(block_kind::cached, 9);
  CHECK(it.store.put(block_id::cached(7, 1), block_of(10), ordered + 1) == put_outcome::stored);
  CHECK(it.store.put(block_id::cached(9, 1), block_of(10), ordered + 1) == put_outcome::existed);
  CHECK(it.store.put(block_id::cached(9, 1), block_of(10)) == put_outcome::stored); // nothing is known about the order
  for (std::uint32_t dataset = 100; dataset < 3000; ++dataset)
    it.store.drop_all(block_kind::cached, dataset);
  CHECK(it.store.put(block_id::cached(2999, 1), block_of(10), ordered) == put_outcome::existed);
  CHECK(it.store.put(block_id::cached(7, 2), block_of(10), ordered) == put_outcome::stored); // forgotten
}

TEST_CASE("memory for a block to be cached pushes out other datasets and never its own") {
  fixture it(1000);
  CHECK(it.cache(1, 0, 400) == put_outcome::stored);
  CHECK(it.cache(2, 0, 400) == put_outcome::stored);
  CHECK(it.store.reserve(600, 1));
  CHECK(it.holds(1, 0));
  CHECK_FALSE(it.holds(2, 0));
  CHECK_FALSE(it.store.reserve(1, 1));
  CHECK(it.store.reserve(1));
  CHECK_FALSE(it.holds(1, 0));
}

TEST_CASE("the fingerprint of a map output is that of the one that is kept") {
  fixture it(1000);
  auto first = output_of({100}, 1);
  first.fingerprint = 11;
  auto second = output_of({100}, 2);
  second.fingerprint = 22;
  CHECK(it.store.commit_map_output(1, 0, std::move(second)) == put_outcome::stored);
  CHECK(it.store.commit_map_output(1, 0, std::move(first)) == put_outcome::existed);
  CHECK(it.store.fingerprint_of(1, 0) == 22);
  CHECK(it.store.fingerprint_of(1, 1) == 0);
  CHECK(it.store.fingerprint_of(2, 0) == 0);
}

} // namespace

TEST_CASE("what is moved here takes free memory only, and pushes nothing out") {
  fixture f(100);
  REQUIRE(f.cache(1, 0, 60) == put_outcome::stored);
  CHECK(f.store.put(block_id::cached(2, 0), block_of(50), block_store::newest, room::free_only) == put_outcome::refused);
  CHECK(f.store.commit_map_output(3, 0, output_of({50}, 1), room::free_only) == put_outcome::refused);
  CHECK(f.store.find(block_id::cached(1, 0)));
  CHECK(f.store.put(block_id::cached(2, 0), block_of(40), block_store::newest, room::free_only) == put_outcome::stored);
  CHECK(f.memory.used_bytes() == 100);
}

TEST_CASE("the outline of a map output says whose it is and which reduce partitions have records") {
  fixture f(0);
  auto made = output_of({3, 0, 5}, 77);
  made.fingerprint = 99;
  REQUIRE(f.store.commit_map_output(1, 2, std::move(made)) == put_outcome::stored);
  const auto found = f.store.find(block_id::outline(1, 2));
  REQUIRE(found);
  const auto& bytes = *static_cast<const std::vector<std::byte>*>(found->object.get());
  const auto outline = decode_outline(bytes);
  REQUIRE(outline);
  CHECK(outline->attempt == 77);
  CHECK(outline->fingerprint == 99);
  CHECK(outline->has_records == std::vector<bool>{true, false, true});
  CHECK_FALSE(f.store.find(block_id::outline(1, 3)));
  CHECK_FALSE(decode_outline(std::span(bytes).first(bytes.size() - 1)));
  CHECK_FALSE(decode_outline({}));
}

TEST_CASE("a block of a map output that came as bytes has the checksum that it came with") {
  fixture f(0);
  auto made = output_of({3, 0}, 1);
  made.checksums = {42, 0};
  REQUIRE(f.store.commit_map_output(1, 0, std::move(made)) == put_outcome::stored);
  CHECK(f.store.find(block_id::shuffle(1, 0, 0))->checksum == 42);
  CHECK_FALSE(f.store.find(block_id::shuffle(1, 0, 1))->checksum);
}
