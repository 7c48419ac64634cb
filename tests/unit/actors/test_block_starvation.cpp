// A block server without memory. A program of its own, because it replaces the allocation functions.
#include "starving_allocator.hpp"
#include "transfer_fixture.hpp"

namespace {

using namespace transfer_test;

TEST_CASE("a block server that had no memory to wait for its next caller serves again when there is some") {
  transfer it;
  it.put(0, pattern(100));
  starvation::spared = true;
  starvation::starving = true;
  const auto unlucky = connected_to(socket_path(it.sockets.path(), 1));
  wait_until([] { return starvation::refused >= 1; });
  starvation::starving = false;
  auto options = it.options();
  options.silence_max = std::chrono::seconds(1);
  block_client client(options);
  block_fetcher fetcher(client, {transfer::ask(0)}, nullptr);
  CHECK(*fetcher.next() == pattern(100));
}

} // namespace
