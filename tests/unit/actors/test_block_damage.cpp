// Blocks in which a bit is wrong: they never reach a task, and they are not served again.
#include "transfer_fixture.hpp"

#include <salamander/actors/block_service.hpp>
#include <salamander/actors/net/block_stream.hpp>
#include <salamander/storage/crc32c.hpp>

namespace {

using namespace transfer_test;

/// Bytes that are held, and a way to change them under their holder.
struct held_bytes {
  explicit held_bytes(std::size_t size) : bytes(std::make_shared<byte_buffer>(pattern(size))) {}
  storage::stored_block stored() const {
    return to_stored(std::shared_ptr<const core::byte_buffer>(bytes));
  }
  void flip(std::size_t bit) const {
    (*bytes)[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  std::shared_ptr<byte_buffer> bytes;
};

bool drained(const transfer& it, const std::function<bool()>& done) {
  static_cast<void>(it);
  wait_until(done);
  return true;
}

} // namespace

TEST_CASE("a bit that flips in bytes while they are held is found before they are served, wherever it is") {
  transfer it;
  block_client client(it.options());
  const held_bytes held(100);
  for (std::size_t bit = 0; bit < 800; ++bit) {
    CAPTURE(bit);
    REQUIRE(it.store.put(block_id::result(bit), held.stored()) == storage::put_outcome::stored);
    {
      block_fetcher fetcher(client, {{block_id::result(bit), 1}}, nullptr);
      REQUIRE(*fetcher.next() == *held.bytes);
    }
    held.flip(bit);
    block_fetcher fetcher(client, {{block_id::result(bit), 1}}, nullptr);
    REQUIRE(failure_of(fetcher).problem == fetch_problem::not_found);
    CHECK_FALSE(it.store.find(block_id::result(bit)));
    held.flip(bit);
  }
  CHECK(it.memory.used_bytes() == 0);
}

TEST_CASE("a bit that flips in bytes while they are held is found when they are read where they are") {
  block_service blocks{local_options()};
  const held_bytes held(64);
  const auto id = block_id::result(1);
  for (std::size_t bit = 0; bit < 512; bit += 37) {
    REQUIRE(blocks.store().put(id, held.stored()) == storage::put_outcome::stored);
    CHECK(blocks.find_here(id).bytes == held.bytes);
    held.flip(bit);
    CHECK_FALSE(blocks.find_here(id));
    CHECK_FALSE(blocks.store().find(id));
    held.flip(bit);
  }
}

TEST_CASE("a plan that changed while it was held is refused by its reader, and stays, for there is no other") {
  transfer it;
  block_client client(it.options());
  const held_bytes held(1000);
  REQUIRE(it.store.put(block_id::plan(1, 0), held.stored()) == storage::put_outcome::stored);
  held.flip(4321);
  block_fetcher fetcher(client, {{block_id::plan(1, 0), 1}}, nullptr);
  CHECK(failure_of(fetcher).problem == fetch_problem::corrupt);
  CHECK(it.store.find(block_id::plan(1, 0)));
}

TEST_CASE("a block that arrives damaged twice is dropped by its holder, a whole map output, and can be made again") {
  transfer it;
  it.put(3, pattern(2000));
  it.put(4, pattern(2000));
  block_client client(it.options());
  block_spoiler twice{2, 77, 0};
  {
    block_fetcher fetcher(client, {{block_id::shuffle(1, 3, 0), 1, &twice}}, nullptr);
    CHECK(failure_of(fetcher).problem == fetch_problem::corrupt);
  }
  CHECK(drained(it, [&] { return !it.store.find(block_id::shuffle(1, 3, 0)); }));
  CHECK(it.store.find(block_id::shuffle(1, 4, 0)));
  it.put(3, pattern(2000, 9));
  block_fetcher fetcher(client, {transfer::ask(3)}, nullptr);
  CHECK(*fetcher.next() == pattern(2000, 9));
}

TEST_CASE("a block that arrives damaged once is read the second time, and stays") {
  transfer it;
  it.put(3, pattern(2000));
  block_client client(it.options());
  block_spoiler once{1, 77, 0};
  block_fetcher fetcher(client, {{block_id::shuffle(1, 3, 0), 1, &once}}, nullptr);
  CHECK(*fetcher.next() == pattern(2000));
  CHECK(once.done == 1);
  CHECK(it.store.find(block_id::shuffle(1, 3, 0)));
}

TEST_CASE("a connection goes on after it told of damage") {
  transfer it;
  it.put(3, pattern(100));
  it.put(4, pattern(200));
  const auto connection = connected_to(socket_path(it.sockets.path(), 1));
  const block_id three[] = {block_id::shuffle(1, 3, 0), block_id::source(1, 1), block_id::cached(9, 9)};
  const block_id four[] = {block_id::shuffle(1, 4, 0)};
  byte_buffer out;
  append_damaged(out, three);
  append_request(out, four);
  send_all(connection.get(), out);
  byte_buffer in(1000);
  std::size_t size = 0;
  const auto wanted = frame_header_bytes + 16 + frame_header_bytes + 200;
  while (size < wanted && wait_readable(connection.get(), [] { return false; })) {
    const auto n = ::recv(connection.get(), in.data() + size, in.size() - size, 0);
    REQUIRE(n > 0);
    size += static_cast<std::size_t>(n);
  }
  CHECK(size == wanted);
  CHECK_FALSE(it.store.find(three[0]));
  CHECK(it.store.find(four[0]));
}

TEST_CASE("a reader takes no report of damage for an answer") {
  answer_reader reader;
  byte_buffer out;
  const block_id one[] = {block_id::shuffle(1, 3, 0)};
  append_damaged(out, one);
  const auto room = reader.room();
  std::copy(out.begin(), out.end(), room.begin());
  reader.filled(out.size());
  CHECK(std::holds_alternative<answer_reader::malformed>(reader.next()));
}

TEST_CASE("a cached partition that arrives damaged is computed where it was wanted, and its holder says that it has lost it") {
  scratch sockets;
  running_executor holder(peer_options(sockets, 1, 1));
  running_executor reader(peer_options(sockets, 2, 1));
  holder.run(result_plan([](std::uint32_t p, core::task_context& context) {
               CHECK(context.services.store_cached({4}, p, text("cached")));
               return text("");
             }),
             1);
  const scripted_peer proxy(socket_path(sockets.path(), 50), flipping_proxy(socket_path(sockets.path(), 1), 40, 2));
  const auto read = [&] {
    return text_in(only<task_report::success>(reader.run(result_plan([](std::uint32_t p, core::task_context& context) {
                                                           const auto found = context.services.find_cached({4}, p);
                                                           return text(found ? text_in(found) : "compute it");
                                                         }),
                                                         1, {}, {{4, 0, 50}}))
                       .result);
  };
  CHECK(read() == "compute it");
  // The third connection, which tells of the damage, passes through the proxy unharmed.
  wait_until([&] { return holder.runtime.cached_bytes() == 0; });
  CHECK(holder.runtime.take_evictions() == std::vector<std::pair<std::uint32_t, std::uint32_t>>{{4, 0}});
}
