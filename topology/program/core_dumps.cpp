#include "topology/program/core_dumps.hpp"

#include <sys/resource.h>

namespace zcomet::program {

void make_no_core_dumps() {
    // Where core_pattern names a program, the kernel pays no heed to a limit of 0: it is for files.
    // With a limit of 1 it starts no such program, and writes no file either, since none has but a
    // byte (do_coredump(); core(5)).
    constexpr rlimit kNoDump{1, 1};
    if (::setrlimit(RLIMIT_CORE, &kNoDump) != 0) { // the hard limit is 0 already
        constexpr rlimit kNoFile{0, 0};
        ::setrlimit(RLIMIT_CORE, &kNoFile);
    }
}

} // namespace zcomet::program
