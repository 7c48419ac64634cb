#include "stream_fixture.hpp"

#include "proxy/byte_proxy.hpp"

#include <salamander/actors/actor_host.hpp>
#include <salamander/actors/certificates.hpp>

namespace {

using namespace salamander::actors;
using namespace std::chrono_literals;

driver_door::behavior_type hear_nothing(driver_door::pointer) {
  return {[](const register_executor&) {}};
}

} // namespace

TEST_CASE("executors connect although their handshake takes more than a second") {
  const chaos_test::scratch where;
  const auto keys = where / "keys";
  std::filesystem::create_directory(keys);
  make_credentials(keys);
  actor_host driver(network_settings{driver_credentials(keys), 20s});
  const auto door = driver.system().spawn(hear_nothing);
  const auto port = driver.publish(door);
  chaos::byte_proxy proxy;
  const auto slow_port = proxy.listen_tcp("control", [port] { return port; });
  chaos::line_fault slow;
  slow.mode = chaos::line_mode::delay;
  slow.pause = 300ms;
  proxy.afflict("control", std::nullopt, slow);

  actor_host executor(network_settings{executor_credentials(keys), 20s});
  const auto begin = std::chrono::steady_clock::now();
  try {
    CHECK(executor.connect({"127.0.0.1", slow_port}, begin + 30s));
  } catch (const salamander::error& failure) {
    FAIL_CHECK(failure.what());
  }
  CHECK(std::chrono::steady_clock::now() - begin >= 1s);
  proxy.heal();
  driver.end({caf::actor_cast<caf::actor>(door)}, 2s);
}
