// On which processor a worker runs.
#pragma once

namespace zcomet::webnode::port {

/// Restricts the calling thread, and the threads it starts later, to one processor: of those that
/// it may use now, number `turn` modulo how many there are.
/// @return the processor, as the kernel counts; -1 if it refused, and nothing has changed.
/// Source: sched_setaffinity(2).
int stay_on_one_processor(unsigned turn);

} // namespace zcomet::webnode::port
