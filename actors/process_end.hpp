// What happens to running engines when the program ends without stopping them.
#pragma once

namespace salamander::actors {

class actor_engine;

/// From now on until `forget_engine`, exit() and the return of main stop the engine before static objects are destroyed. If one
/// of its tasks cannot be ended, the process ends right then with the same exit code.
/// Threads: any. A process forked by the program is not concerned.
void stop_at_exit(actor_engine& engine);
void forget_engine(actor_engine& engine) noexcept;

} // namespace salamander::actors
