// Keeps an executor's process connected to its driver.
#pragma once

#include <salamander/actors/actor_host.hpp>
#include <salamander/actors/executor_actor.hpp>

namespace salamander::actors {

/// Blocks until the process shall end. Whenever the connection is lost it makes another one, with growing pauses while it fails or does not
/// hold, and tells the executor's actor. A driver at whose address nobody listens has ended, and so does the process then; for one that
/// cannot be reached it goes on trying as long as the executor itself waits for its driver (executor_line::limits::silence_max).
/// Threads: one that has nothing else to do.
driver_contact::ending stay_connected(actor_host& host, const net::address& driver, const executor_actor& executor,
                                      driver_contact& contact);

} // namespace salamander::actors
