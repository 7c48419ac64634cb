#include <salamander/actors/process_end.hpp>

#include <salamander/actors/engine.hpp>

#include <stdlib.h>
#include <unistd.h>

#include <set>

namespace salamander::actors {
namespace {

struct running_engines {
  std::mutex mutex;
  std::set<actor_engine*> engines;
  pid_t process = ::getpid();
};

void stop_all(int exit_code, void* all) {
  auto& running = *static_cast<running_engines*>(all);
  if (running.process != ::getpid())
    return;
  std::set<actor_engine*> engines;
  {
    const std::lock_guard lock(running.mutex);
    engines = running.engines;
  }
  bool clean = true;
  for (auto* engine : engines) {
    if (exit_code != 0)
      engine->note_failure("its driver has ended: exited with code " + std::to_string(exit_code));
    engine->stop();
    clean = clean && engine->stopped_cleanly();
  }
  if (!clean) {
    ::fflush(nullptr);
    ::_exit(exit_code);
  }
}

/// Never destroyed: a context in a global that is older than the first engine is destroyed after every function-local static.
running_engines& all_engines() {
  static running_engines* const instance = [] {
    auto made = std::make_unique<running_engines>();
    ::on_exit(&stop_all, made.get());
    return made.release();
  }();
  return *instance;
}

} // namespace

void stop_at_exit(actor_engine& engine) {
  auto& all = all_engines();
  const std::lock_guard lock(all.mutex);
  all.engines.insert(&engine);
}

void forget_engine(actor_engine& engine) noexcept {
  auto& all = all_engines();
  const std::lock_guard lock(all.mutex);
  all.engines.erase(&engine);
}

} // namespace salamander::actors
