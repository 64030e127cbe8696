// bench-micro: what single calls of the cores cost, without sockets: the codec of frames
// (micro_wire.cpp), the broker's router (micro_router.cpp), the chunks of a stream
// (micro_comet.cpp). One benchmark is chosen by --benchmark_filter.
#include <benchmark/benchmark.h>

// NOLINTNEXTLINE: what the macro makes is Google Benchmark's
BENCHMARK_MAIN();
