// Broadcast values between processes: who is asked for which piece, and what happens when it cannot be had.
#include "runtime_fixture.hpp"

#include <salamander/actors/block_service.hpp>
#include <salamander/actors/broadcast_pieces.hpp>

#include <thread>

namespace {

using namespace runtime_test;

/// A driver and executors that share a directory of sockets.
struct machines {
  scratch sockets;
  block_service driver{peer_options(sockets, driver_peer)};
  block_service first{peer_options(sockets, 0)};
  block_service second{peer_options(sockets, 1)};
};

std::shared_ptr<const core::block_object> decode_text(const core::byte_buffer& bytes) {
  return text({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string long_text(std::size_t pieces) {
  std::string all(pieces * broadcast_piece_bytes - 5, 'x');
  for (std::size_t i = 0; i < all.size(); i += 4096)
    all[i] = static_cast<char>('a' + (i / 4096) % 26);
  return all;
}

std::string got(block_service& where, std::uint32_t id, std::uint64_t size, const std::vector<std::uint32_t>& peers) {
  return static_cast<const text_block&>(*where.broadcasts().get(id, size, &decode_text, peers, nullptr)).text();
}

errc code_of(const std::function<void()>& action, std::string* text = nullptr) {
  try {
    action();
  } catch (const error& failure) {
    if (text)
      *text = failure.what();
    return failure.code();
  }
  return errc::count_;
}

/// A bit changes in what a process holds.
void damage(block_service& where, std::uint32_t id, std::uint32_t piece) {
  const auto found = where.store().find(storage::block_id::broadcast(id, piece));
  REQUIRE(found);
  const_cast<core::byte_buffer&>(*static_cast<const core::byte_buffer*>(found->object.get()))[3] ^= std::byte{1};
}

} // namespace

TEST_CASE("a value goes in pieces from the driver to one executor, and from there to the next") {
  machines all;
  const auto sent = long_text(5);
  const auto size = all.driver.broadcasts().put(1, text(sent));
  CHECK(size == sent.size() + 1);
  CHECK(got(all.first, 1, size, {1}) == sent);
  CHECK(all.first.broadcasts().fetched().from_driver == 5);
  CHECK(all.first.broadcasts().fetched().from_peers == 0);
  CHECK(got(all.second, 1, size, {0}) == sent);
  CHECK(all.second.broadcasts().fetched().from_driver == 0);
  CHECK(all.second.broadcasts().fetched().from_peers == 5);
  // once: the second time nothing is fetched
  CHECK(got(all.second, 1, size, {0}) == sent);
  CHECK(all.second.broadcasts().fetched().from_peers == 5);
}

TEST_CASE("tasks that ask at once share one copy") {
  machines all;
  const auto size = all.driver.broadcasts().put(1, text(long_text(2)));
  std::vector<broadcast_values::value> values(8);
  std::vector<std::thread> tasks;
  for (auto& one : values)
    tasks.emplace_back([&] { one = all.first.broadcasts().get(1, size, &decode_text, {}, nullptr); });
  for (auto& one : tasks)
    one.join();
  for (const auto& one : values)
    CHECK(one == values.front());
  CHECK(all.first.broadcasts().fetched().from_driver == 2);
}

TEST_CASE("a piece that the driver has lost or damaged comes from an executor that has it") {
  machines all;
  const auto sent = long_text(3);
  const auto size = all.driver.broadcasts().put(1, text(sent));
  CHECK(got(all.first, 1, size, {}) == sent);
  damage(all.driver, 1, 0);
  all.driver.store().drop(storage::block_id::broadcast(1, 2));
  CHECK(got(all.second, 1, size, {7, 0}) == sent);
  CHECK(all.second.broadcasts().fetched().from_peers >= 2);
  // a single piece is asked of the driver first
  const auto small = all.driver.broadcasts().put(2, text("small"));
  CHECK(got(all.first, 2, small, {1}) == "small");
  damage(all.driver, 2, 0);
  CHECK(got(all.second, 2, small, {0}) == "small");
}

TEST_CASE("a damaged piece of an executor is fetched from the driver, and served no more") {
  machines all;
  const auto sent = long_text(2);
  const auto size = all.driver.broadcasts().put(1, text(sent));
  CHECK(got(all.first, 1, size, {}) == sent);
  damage(all.first, 1, 0);
  damage(all.first, 1, 1);
  CHECK(got(all.second, 1, size, {0}) == sent);
  CHECK(all.second.broadcasts().fetched().from_driver == 2);
  CHECK_FALSE(all.first.store().find(storage::block_id::broadcast(1, 0)));
}

TEST_CASE("a piece that nobody has is an error that names it, and may be tried again") {
  machines all;
  const auto size = all.driver.broadcasts().put(1, text("small"));
  damage(all.driver, 1, 0);
  std::string why;
  CHECK(code_of([&] { got(all.first, 1, size, {1, 2}); }, &why) == errc::executor_lost);
  CHECK(why.find("broadcast_1_piece0 can be had neither from the driver nor from 2 other executors") != std::string::npos);
  CHECK(retry_class_of(errc::executor_lost) == retry_class::task);
  CHECK(all.first.store().memory().used_bytes(storage::memory_use::execution) == 0);
}

TEST_CASE("a copy that was dropped is fetched again, and whoever has it keeps it") {
  machines all;
  const auto sent = long_text(2);
  const auto size = all.driver.broadcasts().put(1, text(sent));
  const auto held = all.first.broadcasts().get(1, size, &decode_text, {}, nullptr);
  all.first.broadcasts().drop(1, std::nullopt);
  all.driver.broadcasts().drop(1, std::nullopt);
  CHECK_FALSE(all.first.store().find(storage::block_id::broadcast(1, 0)));
  CHECK(static_cast<const text_block&>(*held).text() == sent);
  CHECK(got(all.first, 1, size, {}) == sent);
  CHECK(all.first.broadcasts().fetched().from_driver == 4);
}

TEST_CASE("a destroyed value is refused with its text, also by an executor that came later") {
  machines all;
  const auto size = all.driver.broadcasts().put(1, text(long_text(2)));
  const auto held = all.first.broadcasts().get(1, size, &decode_text, {}, nullptr);
  all.driver.broadcasts().drop(1, "destroyed at a.cpp:7");
  all.first.broadcasts().drop(1, "destroyed at a.cpp:7");
  std::string why;
  CHECK(code_of([&] { got(all.first, 1, size, {1}); }, &why) == errc::destroyed);
  CHECK(why == "destroyed at a.cpp:7");
  CHECK(code_of([&] { got(all.second, 1, size, {0}); }, &why) == errc::destroyed);
  CHECK(why == "destroyed at a.cpp:7");
  CHECK_FALSE(all.driver.store().find(storage::block_id::broadcast(1, 0)));
  CHECK(code_of([&] { got(all.second, 2, 6, {}); }) == errc::executor_lost);
}

TEST_CASE("memory that a value takes is accounted for, and given back") {
  scratch sockets;
  block_service driver(peer_options(sockets, driver_peer));
  auto options = peer_options(sockets, 0);
  options.memory_bytes = 40U << 20;
  block_service executor(options);
  const auto used = [&] { return executor.store().memory().used_bytes(storage::memory_use::execution); };
  const auto fits = driver.broadcasts().put(1, text(long_text(2)));
  const auto too_large = driver.broadcasts().put(2, text(long_text(6)));
  auto held = executor.broadcasts().get(1, fits, &decode_text, {}, nullptr);
  CHECK(used() >= 2 * (fits - 1)); // the object, and the pieces for others
  std::string why;
  CHECK(code_of([&] { got(executor, 2, too_large, {}); }, &why) == errc::out_of_memory);
  held.reset();
  executor.broadcasts().drop(1, std::nullopt);
  executor.broadcasts().drop(2, std::nullopt);
  CHECK(used() == 0);
}
