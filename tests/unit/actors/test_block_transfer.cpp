#include "runtime_fixture.hpp"
#include "socket_fixture.hpp"

#include <salamander/actors/net/block_client.hpp>
#include <salamander/actors/net/block_server.hpp>

#include <csignal>
#include <thread>

#include <sys/stat.h>
#include <sys/wait.h>

namespace {

using namespace runtime_test;
using namespace socket_test;
using storage::block_id;
using byte_buffer = std::vector<std::byte>;

byte_buffer pattern(std::size_t size, unsigned seed = 1) {
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

  scratch_directory sockets;
  storage::memory_manager memory;
  storage::block_store store;
  block_server server;
};

fetch_error failure_of(block_fetcher& fetcher) {
  try {
    for (;;) {
      const auto bytes = fetcher.next();
      REQUIRE(bytes);
    }
  } catch (const fetch_error& failure) {
    return failure;
  }
}

void wait_until(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!holds()) {
    REQUIRE(std::chrono::steady_clock::now() < end);
    std::this_thread::yield();
  }
}

/// What the holder of one block sends for a request of it.
byte_buffer answer_with(const byte_buffer& block, std::uint32_t checksum) {
  byte_buffer out;
  append_found(out, {0, block.size(), checksum});
  const auto header = make_chunk_header(static_cast<std::uint32_t>(block.size()));
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), block.begin(), block.end());
  return out;
}

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
  it.store.put(block_id::source(1, 0), {object, [](const void* block, byte_buffer& out) {
                                          static_cast<const core::block_object*>(block)->encode(out);
                                        },
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

TEST_CASE("a peer that is killed in mid transfer is a failure that names the block, after as many attempts as allowed") {
  scratch_directory sockets;
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
  CHECK(std::string(failure.what()).find("3 attempts") != std::string::npos);
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

TEST_CASE("a peer that says nothing is given up") {
  scratch_directory sockets;
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
  scratch_directory sockets;
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

TEST_CASE("hostile bytes close their connection and leave the server as it was") {
  transfer it;
  it.put(0, pattern(1000));
  byte_buffer good;
  const std::vector ids{block_id::shuffle(1, 0, 0)};
  append_request(good, ids);
  const auto changed = [&](std::size_t at, std::initializer_list<unsigned> bytes) {
    auto made = good;
    for (const auto one : bytes)
      made.at(at++) = static_cast<std::byte>(one);
    return made;
  };
  byte_buffer found;
  append_found(found, {0, 1ULL << 39, 0});
  const auto chunk = make_chunk_header(4U << 20);
  const std::vector<byte_buffer> hostile{
      pattern(5000),                          // garbage
      changed(4, {0xff, 0xff, 0xff, 0xff}),   // 4 GiB announced
      changed(4, {0, 0, 0, 0}),               // no ids
      changed(4, {14, 0, 0, 0}),              // not a whole number of ids
      changed(2, {2}),                        // another version
      changed(3, {200}),                      // an unknown type
      changed(8, {0}),                        // a wrong checksum (or the right one by chance, see below)
      changed(12, {9}),                       // an unknown kind of block
      changed(20, {1}),                       // another block than was asked for
      found,                                  // an answer
      byte_buffer(chunk.begin(), chunk.end()) // a block
  };
  REQUIRE(good[8] != std::byte{0});
  std::uint64_t refused = 0;
  for (const auto& bytes : hostile) {
    CAPTURE(refused);
    auto fd = connected_to(socket_path(it.sockets.path(), 1));
    send_all(fd.get(), bytes);
    REQUIRE(wait_readable(fd.get(), [] { return false; }));
    std::byte answer[10];
    CHECK(::recv(fd.get(), answer, sizeof(answer), 0) <= 0);
    ++refused;
    wait_until([&] { return it.server.refused_inputs() == refused; });
  }
  // Truncated at every place, then the connection ends.
  for (std::size_t length = 0; length < good.size(); ++length) {
    auto fd = connected_to(socket_path(it.sockets.path(), 1));
    send_all(fd.get(), std::span(good).first(length));
  }
  wait_until([&] { return it.server.connections() == 0; });
  CHECK(it.server.refused_inputs() == refused);
  block_client client(it.options());
  block_fetcher fetcher(client, {transfer::ask(0)}, nullptr);
  CHECK(*fetcher.next() == pattern(1000));
}

TEST_CASE("a reader is not harmed by hostile answers") {
  scratch_directory sockets;
  const auto block = pattern(100);
  const auto answer = answer_with(block, 1234);
  byte_buffer out_of_order;
  append_index(out_of_order, frame_type::empty, 1);
  byte_buffer endless;
  append_found(endless, {0, 50, 0});
  const auto chunk = make_chunk_header(51);
  endless.insert(endless.end(), chunk.begin(), chunk.end());
  byte_buffer announced; // a terabyte that never comes
  append_found(announced, {0, block_bytes_max, 0});
  for (const auto& bytes : {pattern(5000), out_of_order, endless, announced, byte_buffer(answer.begin(), answer.begin() + 40), answer}) {
    CAPTURE(bytes.size());
    const auto path = socket_path(sockets.path(), 1);
    {
      const scripted_peer hostile(path, [&](int reader, int, const std::function<bool()>& stopped) {
        std::byte request[100];
        if (wait_readable(reader, stopped) && ::recv(reader, request, sizeof(request), 0) > 0)
          send_all(reader, bytes);
      });
      client_options options;
      options.directory = sockets.path();
      options.retry_wait = std::chrono::milliseconds(1);
      block_client client(options);
      block_fetcher fetcher(client, {transfer::ask(0)}, nullptr);
      CHECK(failure_of(fetcher).problem == (bytes == answer ? fetch_problem::corrupt : fetch_problem::unreachable));
    }
    std::filesystem::remove(path);
  }
}

TEST_CASE("further connections than allowed are closed") {
  scratch_directory sockets;
  storage::memory_manager memory(0);
  storage::block_store store(memory);
  block_server server(server_options{sockets.path(), 1, 2, std::chrono::seconds(60)}, store);
  const auto path = socket_path(sockets.path(), 1);
  const auto first = connected_to(path);
  const auto second = connected_to(path);
  wait_until([&] { return server.connections() == 2; });
  const auto third = connected_to(path);
  REQUIRE(wait_readable(third.get(), [] { return false; }));
  std::byte answer[10];
  CHECK(::recv(third.get(), answer, sizeof(answer), 0) == 0);
  CHECK(server.connections() == 2);
}

TEST_CASE("a request that never ends is given up") {
  scratch_directory sockets;
  storage::memory_manager memory(0);
  storage::block_store store(memory);
  block_server server(server_options{sockets.path(), 1, 2, std::chrono::milliseconds(10)}, store);
  byte_buffer request;
  const std::vector ids{block_id::shuffle(1, 0, 0)};
  append_request(request, ids);
  const auto fd = connected_to(socket_path(sockets.path(), 1));
  send_all(fd.get(), std::span(request).first(20));
  REQUIRE(wait_readable(fd.get(), [] { return false; }));
  std::byte answer[10];
  CHECK(::recv(fd.get(), answer, sizeof(answer), 0) == 0);
}

TEST_CASE("a directory that others may enter or that has too long a name is refused with the reason") {
  storage::memory_manager memory(0);
  storage::block_store store(memory);
  const auto refused = [&](const std::filesystem::path& directory) -> std::string {
    try {
      block_server server(server_options{directory, 1}, store);
    } catch (const error& failure) {
      CHECK(failure.code() == errc::io_error);
      return failure.what();
    }
    return {};
  };
  scratch_directory open;
  REQUIRE(::chmod(open.path().c_str(), 0755) == 0);
  CHECK(refused(open.path()).find("0700") != std::string::npos);
  scratch_directory real;
  const auto link = real.path() / "link";
  std::filesystem::create_directory_symlink(open.path(), link);
  CHECK(refused(link).find("0700") != std::string::npos);
  CHECK(refused(real.path() / std::string(100, 'x')).find("characters too long") != std::string::npos);
  CHECK(refused(real.path() / "made").empty());
}

// -- the same between executors -----------------------------------------------

TEST_CASE("a shuffle between executors gives each reducer its blocks in map order") {
  scratch_directory sockets;
  running_executor one(peer_options(sockets, 1));
  running_executor two(peer_options(sockets, 2));
  const auto map = map_plan([](std::uint32_t p, core::task_context& context) {
    context.services.commit_map_output({5}, p, context.task_attempt, {text("<" + std::to_string(p) + ">"), nullptr});
    return nullptr;
  });
  one.run(map, 5);
  two.run(map, 5);
  const auto read = result_plan([](std::uint32_t reduce, core::task_context& context) {
    auto input = context.services.open_shuffle({5}, reduce, context.cancelled);
    std::string all;
    while (const auto block = input->next())
      all += (block.object ? "here" : "there") + text_in(block);
    return text(all);
  });
  const auto results = one.run(read, 2, {{5, {1, 2, 2, 1, 2}}});
  const auto& first = std::get<task_report::success>(results[0].outcome);
  CHECK(first.result.bytes);
  CHECK(text_in(first.result) == "here<0>there<1>there<2>here<3>there<4>");
  CHECK(text_in(std::get<task_report::success>(results[1].outcome).result).empty());

  const auto missing = one.run(read, 1, {{5, {1, 2, 2, 1, 2, 2}}});
  CHECK(only<task_report::fetch_failed>(missing).shuffle == 5);
  CHECK(only<task_report::fetch_failed>(missing).map_partition == 5);
  CHECK(only<task_report::fetch_failed>(missing).executor == 2);
  const auto dead = one.run(read, 1, {{5, {1, 1, 9}}});
  CHECK(only<task_report::fetch_failed>(dead).map_partition == 2);
  CHECK(only<task_report::fetch_failed>(dead).executor == 9);
}

TEST_CASE("records whose packing throws are an error of the user's code, wherever they are packed") {
  scratch_directory sockets;
  running_executor one(peer_options(sockets, 1));
  running_executor two(peer_options(sockets, 2));
  one.run(map_plan([](std::uint32_t p, core::task_context& context) {
            context.services.commit_map_output({5}, p, 1, {text("unpackable")});
            return nullptr;
          }),
          1);
  const auto read = two.run(result_plan([](std::uint32_t, core::task_context& context) {
                              context.services.open_shuffle({5}, 0, context.cancelled)->next();
                              return text("");
                            }),
                            1, {{5, {1}}});
  CHECK(static_cast<errc>(only<task_report::user_error>(read).code) == errc::not_serializable);
  CHECK(only<task_report::user_error>(read).text.find("this record does not pack") != std::string::npos);
  const auto result = two.run(result_plan([](std::uint32_t, core::task_context&) { return text("unpackable"); }), 1);
  CHECK(static_cast<errc>(only<task_report::user_error>(result).code) == errc::not_serializable);
  CHECK(only<task_report::user_error>(result).text.find("this record does not pack") != std::string::npos);
}

TEST_CASE("plans and data come from the driver, cached blocks from who holds them, large results go back as blocks") {
  scratch_directory sockets;
  auto driver_options = peer_options(sockets, driver_peer, 0);
  running_executor driver(driver_options);
  running_executor one(peer_options(sockets, 1));
  running_executor two(peer_options(sockets, 2));
  driver.runtime.put_source(3, 0, text("of the driver"));
  driver.runtime.put_plan(1, 0, result_plan([](std::uint32_t p, core::task_context& context) {
                            const auto data = text_in(context.services.fetch_source({3}, 0));
                            CHECK(context.services.store_cached({4}, p, text("cached " + std::to_string(p))));
                            return text(data + std::string(p * 1000000UL, '!'));
                          }));
  const auto results = one.run(nullptr, 2);
  CHECK(text_in(std::get<task_report::success>(results[0].outcome).result) == "of the driver");
  const auto& large = std::get<task_report::success>(results[1].outcome);
  CHECK(large.result_kept);
  CHECK_FALSE(large.result);
  CHECK(large.result_bytes == 1000013);
  CHECK(text_in(driver.runtime.fetch_result(1, results[1].task)).size() == 1000013);
  one.runtime.drop_result(results[1].task);
  CHECK_THROWS_AS(driver.runtime.fetch_result(1, results[1].task), core::fetch_failure);

  const auto cached = two.run(result_plan([](std::uint32_t p, core::task_context& context) {
                                const auto found = context.services.find_cached({4}, p);
                                return text(found ? text_in(found) : "none");
                              }),
                              3, {}, {{4, 0, 1}, {4, 1, 1}, {4, 2, 1}});
  CHECK(text_in(std::get<task_report::success>(cached[0].outcome).result) == "cached 0");
  CHECK(text_in(std::get<task_report::success>(cached[1].outcome).result) == "cached 1");
  CHECK(text_in(std::get<task_report::success>(cached[2].outcome).result) == "none");
}

TEST_CASE("without the driver its plans and data are lost, and the error says so") {
  scratch_directory sockets;
  running_executor one(peer_options(sockets, 1));
  CHECK(static_cast<errc>(only<task_report::user_error>(one.run(nullptr, 1)).code) == errc::executor_lost);
  const auto data = one.run(result_plan([](std::uint32_t, core::task_context& context) {
                              context.services.fetch_source({3}, 0);
                              return text("");
                            }),
                            1);
  CHECK(static_cast<errc>(only<task_report::user_error>(data).code) == errc::executor_lost);
}

TEST_CASE("a task that waits for a silent peer can be cancelled") {
  scratch_directory sockets;
  auto options = peer_options(sockets, 1, 1);
  options.fetch_silence_max = std::chrono::hours(1);
  running_executor one(options);
  const scripted_peer silent(socket_path(sockets.path(), 2), [&](int reader, int, const std::function<bool()>& stopped) {
    if (wait_readable(reader, stopped))
      one.runtime.cancel({1});
    while (!stopped() && wait_readable(reader, stopped)) {
      std::byte request[100];
      if (::recv(reader, request, sizeof(request), 0) <= 0)
        return;
    }
  });
  const auto reports = one.run(result_plan([](std::uint32_t, core::task_context& context) {
                                 context.services.open_shuffle({5}, 0, context.cancelled)->next();
                                 return text("");
                               }),
                               1, {{5, {2}}});
  only<task_report::cancelled>(reports);
}

// -- frames -------------------------------------------------------------------

TEST_CASE("frames come back as they were written") {
  byte_buffer out;
  const std::vector ids{block_id::shuffle(1, 2, 3), block_id::plan(4, 5), block_id::result(1ULL << 40)};
  append_request(out, ids);
  const auto info = read_header(std::span(out).first(frame_header_bytes));
  REQUIRE(info);
  CHECK(info->type == frame_type::request);
  CHECK(info->length == out.size() - frame_header_bytes);
  CHECK(read_request(std::span(out).subspan(frame_header_bytes)) == ids);
  out.clear();
  append_failed(out, 7, failed_reason::out_of_memory, std::string(5000, 'x'));
  const auto failed = read_failed(std::span(out).subspan(frame_header_bytes));
  REQUIRE(failed);
  CHECK(failed->index == 7);
  CHECK(failed->reason == failed_reason::out_of_memory);
  CHECK(failed->text.size() == failed_text_max);
}

TEST_CASE("a flipped bit anywhere in a frame is seen") {
  byte_buffer out;
  append_found(out, {1, 1000, 99});
  const auto accepted = [&] {
    const auto header = std::span(out).first(frame_header_bytes);
    return read_header(header).has_value() && is_intact(header, std::span(out).subspan(frame_header_bytes));
  };
  CHECK(accepted());
  for (std::size_t bit = 0; bit < out.size() * 8; ++bit) {
    const auto mask = static_cast<std::byte>(1U << (bit % 8));
    out[bit / 8] ^= mask;
    CHECK_FALSE(accepted());
    out[bit / 8] ^= mask;
  }
}

} // namespace
