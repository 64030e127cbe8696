#include "topology/process/pidfd.hpp"

// glibc 2.36 forgets to say that these are C functions.
extern "C" {
#include <sys/pidfd.h>
}

namespace zcomet::process {

UniqueFd open_pidfd(pid_t pid) {
    return UniqueFd(::pidfd_open(pid, 0));
}

void signal_pidfd(const UniqueFd& pidfd, int number) {
    ::pidfd_send_signal(pidfd.get(), number, nullptr, 0);
}

} // namespace zcomet::process
