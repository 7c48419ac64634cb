#include "transfer_fixture.hpp"

#include <salamander/actors/net/block_pool.hpp>

#include <csignal>

#include <sys/wait.h>

namespace {

using namespace transfer_test;

TEST_CASE("blocks of all sizes arrive whole and in order") {
  transfer it;
  const std::vector<std::size_t> sizes{0, 1, 12, 65536, 65537, 300000, (4U << 20) - 1, (4U << 20), (4U << 20) + 1, 13U << 20, 5};
  std::vector<block_fetcher::request> requests;
  for (std::uint32_t map = 0; map < sizes.size(); ++map) {
    it.put(map, pattern(sizes[map], map));
    requests.push_back(transfer::ask(map));
  }
  block_client client(it.options());
  block_fetcher fetcher(client, requests, nullptr);
  for (std::uint32_t map = 0; map < sizes.size(); ++map) {
    const auto bytes = fetcher.next();
    REQUIRE(bytes);
    CHECK(*bytes == pattern(sizes[map], map));
    CHECK(bytes->capacity() == bytes->size());
  }
  CHECK(fetcher.next() == nullptr);
  CHECK(fetcher.buffered_bytes() == 0);
}

TEST_CASE("more blocks than fit one request arrive over one connection") {
  transfer it;
  std::vector<block_fetcher::request> requests;
  for (std::uint32_t map = 0; map < 3000; ++map) {
    it.put(map, pattern(map % 7 + 1, map));
    requests.push_back(transfer::ask(map));
  }
  block_client client(it.options());
  {
    block_fetcher fetcher(client, requests, nullptr);
    for (std::uint32_t map = 0; map < 3000; ++map)
      REQUIRE(*fetcher.next() == pattern(map % 7 + 1, map));
  }
  block_fetcher again(client, {transfer::ask(5)}, nullptr);
  CHECK(*again.next() == pattern(6, 5));
  CHECK(it.server.connections() == 1);
}

TEST_CASE("a block that is not held is told at once, one without records is no block") {
  transfer it;
  it.store.commit_map_output(1, 0, {{nullptr}, nullptr, 0, 1});
  block_client client(it.options());
  block_fetcher empty(client, {transfer::ask(0)}, nullptr);
  CHECK(empty.next() == nullptr);
  block_fetcher fetcher(client, {transfer::ask(0), transfer::ask(7)}, nullptr);
  const auto failure = failure_of(fetcher);
  CHECK(failure.problem == fetch_problem::not_found);
  CHECK(failure.index == 1);
  CHECK(std::string(failure.what()) == "shuffle_1_7_0 could not be fetched from executor-1: it does not hold the block");
}

TEST_CASE("no more is buffered than allowed, whatever comes first") {
  transfer it;
  // Two peers of one directory; the first block in order is at the slower one.
  storage::memory_manager memory(0);
  storage::block_store second(memory);
  block_server server(server_options{it.sockets.path(), 2}, second);
  std::vector<block_fetcher::request> requests;
  for (std::uint32_t map = 0; map < 40; ++map) {
    const auto bytes = std::make_shared<const byte_buffer>(pattern(100000, map));
    const bool here = map % 10 == 9;
    (here ? it.store : second).commit_map_output(1, map, {{bytes}, nullptr, 100000, 1});
    requests.push_back(transfer::ask(map, here ? 1 : 2));
  }
  auto options = it.options();
  options.bytes_in_flight_max = 350000;
  std::uint64_t reserved = 0;
  std::uint64_t most = 0;
  options.reserve_memory = [&](std::uint64_t bytes) {
    most = std::max(most, reserved += bytes);
    return true;
  };
  options.release_memory = [&](std::uint64_t bytes) { reserved -= bytes; };
  block_client client(options);
  {
    block_fetcher fetcher(client, requests, nullptr);
    for (std::uint32_t map = 0; map < 40; ++map) {
      const auto bytes = fetcher.next();
      REQUIRE(*bytes == pattern(100000, map));
      CHECK(fetcher.buffered_bytes() <= 350000);
    }
  }
  CHECK(most <= 450000); // one more is in the caller's hands
  CHECK(reserved == 0);
}

TEST_CASE("a block larger than the limit on bytes in flight still arrives") {
  transfer it;
  it.put(0, pattern(1000000));
  it.put(1, pattern(10));
  auto options = it.options();
  options.bytes_in_flight_max = 1000;
  block_client client(options);
  block_fetcher fetcher(client, {transfer::ask(1), transfer::ask(0)}, nullptr);
  CHECK(*fetcher.next() == pattern(10));
  CHECK(*fetcher.next() == pattern(1000000));
}

TEST_CASE("a block that does not fit the memory budget is an error of this process, not of its holder") {
  transfer it;
  it.put(0, pattern(1000));
  auto options = it.options();
  options.reserve_memory = [](std::uint64_t bytes) { return bytes < 1000; };
  block_client client(options);
  block_fetcher fetcher(client, {transfer::ask(0)}, nullptr);
  CHECK(failure_of(fetcher).problem == fetch_problem::out_of_memory);
}

TEST_CASE("bytes made for a transfer are accounted for while it lasts") {
  transfer it;
  const auto object = text(std::string(30U << 20, 'x'));
  it.store.put(block_id::source(1, 0),
               {object, [](const void* block, byte_buffer& out) { static_cast<const core::block_object*>(block)->encode(out); },
                object->memory_bytes()});
  const auto before = it.memory.used_bytes();
  auto reader = connected_to(socket_path(it.sockets.path(), 1));
  byte_buffer request;
  const std::vector ids{block_id::source(1, 0)};
  append_request(request, ids);
  send_all(reader.get(), request);
  wait_until([&] { return it.memory.used_bytes() >= before + (30U << 20); });
  reader.reset();
  wait_until([&] { return it.memory.used_bytes() == before; });
}

TEST_CASE("a flipped bit is seen and the block fetched again") {
  transfer it;
  it.put(0, pattern(200000));
  it.put(1, pattern(300));
  block_client client(it.options());
  const auto real = socket_path(it.sockets.path(), 1);
  // In the frame that announces the block, in a chunk's header, in the block, and in the block that comes after.
  for (const std::size_t at : {3UL, 20UL, 30UL, 45UL, 150000UL, 200100UL}) {
    CAPTURE(at);
    const auto peer = static_cast<std::uint32_t>(100 + at % 97);
    {
      const scripted_peer proxy(socket_path(it.sockets.path(), peer), flipping_proxy(real, at, 1));
      block_fetcher fetcher(client, {transfer::ask(0, peer), transfer::ask(1, peer)}, nullptr);
      CHECK(*fetcher.next() == pattern(200000));
      CHECK(*fetcher.next() == pattern(300));
    }
    std::filesystem::remove(socket_path(it.sockets.path(), peer));
  }
}

TEST_CASE("a block that is damaged twice is never handed out") {
  transfer it;
  it.put(3, pattern(200000));
  block_client client(it.options());
  const scripted_peer proxy(socket_path(it.sockets.path(), 50), flipping_proxy(socket_path(it.sockets.path(), 1), 1000, 100));
  block_fetcher fetcher(client, {transfer::ask(3, 50)}, nullptr);
  const auto failure = failure_of(fetcher);
  CHECK(failure.problem == fetch_problem::corrupt);
  CHECK(failure.index == 0);
  CHECK(proxy.connections == 2);
  CHECK(fetcher.buffered_bytes() == 200000); // of the last attempt, until the fetcher ends
}

TEST_CASE("a peer that is killed in mid transfer is a failure that names the block, without further attempts") {
  scratch sockets;
  const auto block = pattern(100000);
  auto answer = answer_with(block, 0);
  answer.resize(answer.size() / 2);
  auto listener = listen_at(socket_path(sockets.path(), 1));
  // The child makes system calls only.
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    char request[1000];
    const int reader = ::accept(listener.get(), nullptr, nullptr);
    static_cast<void>(!::read(reader, request, sizeof(request)));
    static_cast<void>(!::write(reader, answer.data(), answer.size()));
    ::kill(::getpid(), SIGKILL);
  }
  listener.reset();
  client_options options;
  options.directory = sockets.path();
  options.retry_wait = std::chrono::milliseconds(1);
  block_client client(options);
  block_fetcher fetcher(client, {{block_id::shuffle(1, 8, 0), 1}}, nullptr);
  const auto failure = failure_of(fetcher);
  CHECK(failure.problem == fetch_problem::unreachable);
  CHECK(std::string(failure.what()).find("shuffle_1_8_0 could not be fetched from executor-1") == 0);
  CHECK(std::string(failure.what()).find("nobody listens at its socket") != std::string::npos);
  int status = 0;
  CHECK(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
}

TEST_CASE("a broken connection is made again and only what is missing is asked for") {
  transfer it;
  std::vector<block_fetcher::request> requests;
  for (std::uint32_t map = 0; map < 6; ++map) {
    it.put(map, pattern(1000, map));
    requests.push_back(transfer::ask(map, 60));
  }
  // Each connection ends after about three blocks.
  const auto real = socket_path(it.sockets.path(), 1);
  const scripted_peer proxy(socket_path(it.sockets.path(), 60), [&](int reader, int, const std::function<bool()>& stopped) {
    auto holder = connected_to(real);
    byte_buffer bytes(20000);
    if (!wait_readable(reader, stopped))
      return;
    const auto asked = ::recv(reader, bytes.data(), bytes.size(), 0);
    send_all(holder.get(), std::span(bytes).first(static_cast<std::size_t>(asked)));
    std::size_t left = 3500;
    while (left != 0 && wait_readable(holder.get(), stopped)) {
      const auto n = ::recv(holder.get(), bytes.data(), std::min(left, bytes.size()), 0);
      if (n <= 0)
        return;
      send_all(reader, std::span(bytes).first(static_cast<std::size_t>(n)));
      left -= static_cast<std::size_t>(n);
      if (left == 0 || n < 1000)
        return;
    }
  });
  block_client client(it.options());
  block_fetcher fetcher(client, requests, nullptr);
  for (std::uint32_t map = 0; map < 6; ++map)
    CHECK(*fetcher.next() == pattern(1000, map));
  CHECK(proxy.connections == 2);
}

TEST_CASE("idle connections are closed once their peer has closed them") {
  using namespace std::chrono_literals;
  block_client::pool pool({});
  const block_client::pool::time_point start{1h};
  std::vector<unique_fd> peers;
  const auto connect = [&] {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    peers.emplace_back(pair[0]);
    return block_line(unique_fd(pair[1]));
  };
  pool.give_back(1, connect(), start);
  pool.give_back(2, connect(), start);
  pool.give_back(2, connect(), start);
  peers[0].reset();
  peers[2].reset();
  pool.give_back(3, connect(), start + 10ms);
  CHECK(pool.idle() == 4); // not looked for with every block
  pool.give_back(3, connect(), start + 1s);
  CHECK(pool.idle() == 3);
  CHECK_FALSE(pool.take(1));
  CHECK(pool.take(2));
  CHECK_FALSE(pool.take(2));
}

TEST_CASE("a peer that says nothing is given up") {
  scratch sockets;
  const scripted_peer silent(socket_path(sockets.path(), 1), [](int reader, int, const std::function<bool()>& stopped) {
    std::byte request[100];
    while (wait_readable(reader, stopped) && ::recv(reader, request, sizeof(request), 0) > 0) {
    }
  });
  client_options options;
  options.directory = sockets.path();
  options.retry_wait = std::chrono::milliseconds(1);
  options.silence_max = std::chrono::milliseconds(20);
  block_client client(options);
  block_fetcher fetcher(client, {transfer::ask(0)}, nullptr);
  const auto failure = failure_of(fetcher);
  CHECK(failure.problem == fetch_problem::unreachable);
  CHECK(std::string(failure.what()).find("sent nothing for 20 ms") != std::string::npos);
}

TEST_CASE("a cancelled reader leaves a peer that says nothing") {
  scratch sockets;
  std::atomic<bool> cancelled = false;
  const scripted_peer silent(socket_path(sockets.path(), 1), [&](int reader, int, const std::function<bool()>& stopped) {
    std::byte request[100];
    if (wait_readable(reader, stopped) && ::recv(reader, request, sizeof(request), 0) > 0)
      cancelled = true;
    wait_readable(reader, stopped);
  });
  client_options options;
  options.directory = sockets.path();
  options.silence_max = std::chrono::hours(1);
  block_client client(options);
  block_fetcher fetcher(client, {transfer::ask(0)}, &cancelled);
  CHECK_THROWS_AS(fetcher.next(), fetch_cancelled);
}

} // namespace
