#include <salamander/storage/memory_manager.hpp>

#include <doctest/doctest.h>

#include <thread>
#include <vector>

namespace {

using namespace salamander::storage;

TEST_CASE("memory is given until the budget is used and not beyond") {
  memory_manager memory(100);
  CHECK(memory.try_acquire(memory_use::execution, 60));
  CHECK(memory.try_acquire(memory_use::cache, 40));
  CHECK_FALSE(memory.try_acquire(memory_use::cache, 1));
  CHECK(memory.used_bytes() == 100);
  CHECK(memory.used_bytes(memory_use::execution) == 60);
  memory.release(memory_use::execution, 60);
  CHECK(memory.used_bytes() == 40);
  CHECK(memory.used_bytes(memory_use::cache) == 40);
  CHECK(memory.missing_bytes(60) == 0);
  CHECK(memory.missing_bytes(61) == 1);
}

TEST_CASE("a request above the whole budget is refused even when it would overflow") {
  memory_manager memory(100);
  CHECK_FALSE(memory.try_acquire(memory_use::blocks, 101));
  CHECK_FALSE(memory.try_acquire(memory_use::blocks, ~std::uint64_t{0}));
  CHECK(memory.used_bytes() == 0);
}

TEST_CASE("an exchange takes both or neither") {
  memory_manager memory(100);
  REQUIRE(memory.try_acquire(memory_use::cache, 70));
  REQUIRE(memory.try_acquire(memory_use::execution, 20));
  CHECK_FALSE(memory.try_exchange(30, memory_use::execution, 50));
  CHECK(memory.used_bytes(memory_use::cache) == 70);
  CHECK(memory.try_exchange(40, memory_use::execution, 50));
  CHECK(memory.used_bytes(memory_use::cache) == 30);
  CHECK(memory.used_bytes(memory_use::execution) == 70);
  CHECK(memory.used_bytes() == 100);
}

TEST_CASE("memory in use beyond the budget is felt by later requests") {
  memory_manager memory(100);
  memory.acquire_always(memory_use::blocks, 150);
  CHECK_FALSE(memory.try_acquire(memory_use::execution, 1));
  CHECK(memory.missing_bytes(1) == 51);
  memory.release(memory_use::blocks, 100);
  CHECK(memory.try_acquire(memory_use::execution, 50));
}

TEST_CASE("a budget of zero is no limit") {
  memory_manager memory(0);
  CHECK(memory.try_acquire(memory_use::cache, 1ULL << 50));
}

TEST_CASE("threads never hold more than the budget together") {
  memory_manager memory(1000);
  std::vector<std::thread> threads;
  std::atomic<bool> exceeded = false;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20000; ++i)
        if (memory.try_acquire(memory_use::execution, 300)) {
          if (memory.used_bytes() > 1000)
            exceeded = true;
          memory.release(memory_use::execution, 300);
        }
    });
  for (auto& thread : threads)
    thread.join();
  CHECK_FALSE(exceeded);
  CHECK(memory.used_bytes() == 0);
  CHECK(memory.used_bytes(memory_use::execution) == 0);
}

} // namespace
