#include "topology/process/file_limit.hpp"

#include <sys/resource.h>

namespace zcomet::process {

namespace {

rlimit limits() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit;
}

} // namespace

std::uint64_t file_limit_max() {
    return limits().rlim_max;
}

std::uint64_t raise_file_limit() {
    rlimit limit = limits();
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return limits().rlim_cur;
}

} // namespace zcomet::process
