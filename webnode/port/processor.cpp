#include "webnode/port/processor.hpp"

#include <sched.h>

namespace zcomet::webnode::port {

int stay_on_one_processor(unsigned turn) {
    cpu_set_t usable;
    CPU_ZERO(&usable);
    if (::sched_getaffinity(0, sizeof usable, &usable) != 0) {
        return -1;
    }
    unsigned before = turn % static_cast<unsigned>(CPU_COUNT(&usable));
    int processor = 0;
    while (!CPU_ISSET(processor, &usable) || before > 0) {
        before -= CPU_ISSET(processor, &usable) ? 1 : 0;
        ++processor;
    }
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    return ::sched_setaffinity(0, sizeof one, &one) == 0 ? processor : -1;
}

} // namespace zcomet::webnode::port
