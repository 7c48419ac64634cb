// Threads of ours that take no signals: users' handlers run on users' threads.
#pragma once

#include <csignal>

namespace salamander::actors {

/// Blocks all signals but those that a thread's own instructions raise. Threads that are made in its lifetime inherit this; the
/// thread that holds it has its own mask back afterwards.
class quiet_threads {
public:
  quiet_threads() {
    sigset_t most;
    ::sigfillset(&most);
    for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
      ::sigdelset(&most, own);
    ::pthread_sigmask(SIG_BLOCK, &most, &before_);
  }
  quiet_threads(const quiet_threads&) = delete;
  quiet_threads& operator=(const quiet_threads&) = delete;
  ~quiet_threads() {
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

private:
  sigset_t before_{};
};

} // namespace salamander::actors
