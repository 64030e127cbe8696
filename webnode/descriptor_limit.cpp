#include "webnode/descriptor_limit.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

namespace zcomet {

namespace {

/// ZeroMQ opens a socket and closes the old one later when it reconnects, for DEALER and SUB each;
/// the rest is for resolving names, and for reading /proc.
constexpr std::uint64_t kReserve = 16;

/// A table of more records than this would not fit into any machine's memory.
constexpr std::uint64_t kConnectionsMax = 100'000'000;

std::uint64_t descriptors_open() {
    const std::filesystem::directory_iterator open("/proc/self/fd");
    return static_cast<std::uint64_t>(std::distance(begin(open), end(open)));
}

} // namespace

std::uint64_t raise_descriptor_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

std::uint32_t connections_possible(std::uint64_t limit) {
    const std::uint64_t taken = descriptors_open() + kReserve;
    const std::uint64_t left = limit > taken ? limit - taken : 1;
    return static_cast<std::uint32_t>(std::min(left, kConnectionsMax));
}

} // namespace zcomet
