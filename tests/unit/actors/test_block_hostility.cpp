#include "transfer_fixture.hpp"

#include <sys/stat.h>

namespace {

using namespace transfer_test;

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
  scratch sockets;
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
  scratch sockets;
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
  scratch sockets;
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
  scratch open;
  REQUIRE(::chmod(open.path().c_str(), 0755) == 0);
  CHECK(refused(open.path()).find("0700") != std::string::npos);
  scratch real;
  const auto link = real.path() / "link";
  std::filesystem::create_directory_symlink(open.path(), link);
  CHECK(refused(link).find("0700") != std::string::npos);
  CHECK(refused(real.path() / std::string(100, 'x')).find("characters too long") != std::string::npos);
  CHECK(refused(real.path() / "made").empty());
}

} // namespace
