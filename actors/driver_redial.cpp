#include <salamander/actors/driver_redial.hpp>

#include <salamander/actors/log.hpp>
#include <salamander/actors/redial_pauses.hpp>

namespace salamander::actors {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// As long as a driver's door waits for it.
constexpr milliseconds handshake_max{2000};
/// A connection that held for less is not taken as the end of the trouble.
constexpr milliseconds settled_after{1000};

bool connect_again(actor_host& host, const net::address& driver, const executor_actor& executor) {
  try {
    const auto door = host.try_connect<driver_door>(driver, clock::now() + handshake_max);
    log(log_level::info, "connected to the driver again");
    post(executor, driver_found{caf::actor_cast<caf::strong_actor_ptr>(door)});
    return true;
  } catch (const error& failure) {
    log(log_level::debug, failure.what());
    return false;
  }
}

} // namespace

driver_contact::ending stay_connected(actor_host& host, const net::address& driver, const executor_actor& executor,
                                      driver_contact& contact) {
  redial_pauses pauses({}, redial_seed());
  for (auto connected_at = clock::now();; connected_at = clock::now()) {
    if (auto end = contact.wait())
      return std::move(*end);
    const auto lost_at = clock::now();
    log(log_level::warn, "the connection to the driver broke: making another one");
    if (lost_at - connected_at >= settled_after)
      pauses.restart();
    while (!contact.ends_within(pauses.next()) && !connect_again(host, driver, executor))
      if (net::refuses_connections(driver, handshake_max))
        contact.end(exit_driver_gone, "the driver went away");
  }
}

} // namespace salamander::actors
