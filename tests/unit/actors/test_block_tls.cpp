#include "transfer_fixture.hpp"

#include <salamander/actors/net/block_line.hpp>

namespace {

using namespace transfer_test;
using salamander::actors::driver_credentials;
using salamander::actors::executor_credentials;
using salamander::actors::make_credentials;

server_options served_over_tls(const scratch& sockets, const scratch& keys) {
  make_credentials(keys.path());
  server_options made{sockets.path(), 1};
  made.tls = std::make_shared<const tls_context>(executor_credentials(keys.path()));
  made.here = {"127.0.0.1", 0};
  return made;
}

/// A holder and a reader that share no directory, as on two machines.
struct distant {
  distant() : store(memory), server(served_over_tls(sockets, keys), store) {}

  client_options options(const credentials& who) {
    const auto book = std::make_shared<peer_book>(std::make_shared<const tls_context>(who));
    book->put(1, server.where());
    client_options made;
    made.directory = elsewhere.path();
    made.peers = book;
    made.retry_wait = std::chrono::milliseconds(1);
    return made;
  }
  void put(std::uint32_t map, byte_buffer bytes) {
    const auto size = bytes.size();
    storage::map_output output{{std::make_shared<const byte_buffer>(std::move(bytes))}, nullptr, size, 1};
    CHECK(store.commit_map_output(1, map, std::move(output)) == storage::put_outcome::stored);
  }

  using credentials = salamander::actors::credentials;
  scratch sockets;
  scratch elsewhere;
  scratch keys;
  storage::memory_manager memory{0};
  storage::block_store store;
  block_server server;
};

} // namespace

TEST_CASE("blocks of all sizes come from another machine over TLS, in order and over one connection") {
  distant it;
  const std::vector<std::size_t> sizes{0, 1, 12, 16384, 65536, 65537, 300000, (4U << 20) + 1, 9U << 20, 5};
  std::vector<block_fetcher::request> requests;
  for (std::uint32_t map = 0; map < sizes.size(); ++map) {
    it.put(map, pattern(sizes[map], map));
    requests.push_back(transfer::ask(map));
  }
  block_client client(it.options(driver_credentials(it.keys.path())));
  for (int round = 0; round < 2; ++round) {
    block_fetcher fetcher(client, requests, nullptr);
    for (std::uint32_t map = 0; map < sizes.size(); ++map) {
      const auto bytes = fetcher.next();
      REQUIRE(bytes);
      CHECK(*bytes == pattern(sizes[map], map));
    }
  }
  CHECK(it.server.connections() == 1);
}

TEST_CASE("a slow reader of large blocks over TLS loses nothing") {
  distant it;
  std::vector<block_fetcher::request> requests;
  for (std::uint32_t map = 0; map < 24; ++map) {
    it.put(map, pattern(1U << 20, map));
    requests.push_back(transfer::ask(map));
  }
  auto options = it.options(driver_credentials(it.keys.path()));
  options.bytes_in_flight_max = 1U << 20;
  block_client client(options);
  block_fetcher fetcher(client, requests, nullptr);
  for (std::uint32_t map = 0; map < requests.size(); ++map)
    REQUIRE(*fetcher.next() == pattern(1U << 20, map));
}

TEST_CASE("executors of another application get no block") {
  distant it;
  it.put(0, pattern(100));
  const scratch others;
  make_credentials(others.path());
  block_client client(it.options(executor_credentials(others.path())));
  block_fetcher fetcher(client, {transfer::ask(0)}, nullptr);
  CHECK(failure_of(fetcher).problem == fetch_problem::unreachable);
}

TEST_CASE("a peer that is in no book, or whose port nobody listens at, cannot be reached") {
  distant it;
  auto options = it.options(driver_credentials(it.keys.path()));
  {
    block_client client(options);
    block_fetcher fetcher(client, {transfer::ask(0, 2)}, nullptr);
    CHECK(failure_of(fetcher).problem == fetch_problem::unreachable);
  }
  const auto book = std::make_shared<peer_book>(std::make_shared<const tls_context>(driver_credentials(it.keys.path())));
  unique_fd taken(salamander::actors::net::listen_at(address{"127.0.0.1", 0}, 1));
  book->put(1, {"127.0.0.1", port_of(taken.get())});
  taken.reset();
  options.peers = book;
  block_client client(options);
  block_fetcher fetcher(client, {transfer::ask(0)}, nullptr);
  CHECK(failure_of(fetcher).problem == fetch_problem::unreachable);
}
