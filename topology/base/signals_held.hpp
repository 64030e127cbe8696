// Holds signals back from a thread for a while.
#pragma once

#include <csignal>

namespace zcomet {

/// While it exists, no signal is handled in this thread. Threads and processes that start meanwhile
/// inherit this. A signal that waits is handled afterwards, or by another thread.
class SignalsHeld {
  public:
    SignalsHeld() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsHeld() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsHeld(const SignalsHeld&) = delete;
    SignalsHeld& operator=(const SignalsHeld&) = delete;

  private:
    sigset_t before_{};
};

} // namespace zcomet
