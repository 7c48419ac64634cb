// A store behind a server, and clients that ask it.
#pragma once

#include "runtime_fixture.hpp"
#include "socket_fixture.hpp"

#include <salamander/actors/net/block_client.hpp>
#include <salamander/actors/net/block_server.hpp>

#include <thread>

namespace transfer_test {

using namespace runtime_test;
using namespace socket_test;
using storage::block_id;
using byte_buffer = std::vector<std::byte>;

inline byte_buffer pattern(std::size_t size, unsigned seed = 1) {
  byte_buffer made(size);
  for (auto& one : made) {
    seed = seed * 1103515245U + 12345U;
    one = static_cast<std::byte>(seed >> 16);
  }
  return made;
}

/// One process's store behind a server, and a client that asks it.
struct transfer {
  explicit transfer(std::uint64_t budget = 0) : memory(budget), store(memory), server(server_options{sockets.path(), 1}, store) {}

  client_options options() const {
    client_options made;
    made.directory = sockets.path();
    made.retry_wait = std::chrono::milliseconds(1);
    return made;
  }
  void put(std::uint32_t map, byte_buffer bytes) {
    const auto size = bytes.size();
    storage::map_output output{{std::make_shared<const byte_buffer>(std::move(bytes))}, nullptr, size, 1};
    CHECK(store.commit_map_output(1, map, std::move(output)) == storage::put_outcome::stored);
  }
  static block_fetcher::request ask(std::uint32_t map, std::uint32_t peer = 1) {
    return {block_id::shuffle(1, map, 0), peer};
  }

  scratch sockets;
  storage::memory_manager memory;
  storage::block_store store;
  block_server server;
};

inline fetch_error failure_of(block_fetcher& fetcher) {
  try {
    for (;;) {
      const auto bytes = fetcher.next();
      REQUIRE(bytes);
    }
  } catch (const fetch_error& failure) {
    return failure;
  }
}

inline void wait_until(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!holds()) {
    REQUIRE(std::chrono::steady_clock::now() < end);
    std::this_thread::yield();
  }
}

/// What the holder of one block sends for a request of it.
inline byte_buffer answer_with(const byte_buffer& block, std::uint32_t checksum) {
  byte_buffer out;
  append_found(out, {0, block.size(), checksum});
  const auto header = make_chunk_header(static_cast<std::uint32_t>(block.size()));
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), block.begin(), block.end());
  return out;
}

} // namespace transfer_test
