// Many signals, with a handler that lets system calls be interrupted: as in a program that uses the
// client library and has signal handlers of its own.
#pragma once

#include <sys/time.h>

#include <csignal>

namespace zcomet::test {

/// SIGALRM every 50 microseconds while it exists. Only one at a time.
class Alarms {
  public:
    Alarms() {
        handled = 0;
        struct sigaction action {};
        action.sa_handler = [](int) { handled = handled + 1; }; // without SA_RESTART
        ::sigaction(SIGALRM, &action, &before_);
        const itimerval each{{0, 50}, {0, 50}};
        ::setitimer(ITIMER_REAL, &each, nullptr);
    }
    ~Alarms() {
        const itimerval none{};
        ::setitimer(ITIMER_REAL, &none, nullptr);
        ::sigaction(SIGALRM, &before_, nullptr);
    }
    Alarms(const Alarms&) = delete;
    Alarms& operator=(const Alarms&) = delete;

    /// How many signals have come.
    static inline volatile std::sig_atomic_t handled = 0;

  private:
    struct sigaction before_ {};
};

} // namespace zcomet::test
