#include "topology/process/memory_limit.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <system_error>

namespace zcomet::process {

namespace {

std::string text_of(const std::string& file) {
    std::ostringstream text;
    if (std::ifstream in(file); in) {
        text << in.rdbuf();
    }
    return text.str();
}

/// The file says "max" where there is no limit.
std::optional<std::uint64_t> number_in(const std::string& text) {
    std::uint64_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() ? std::optional(number) : std::nullopt;
}

} // namespace

std::optional<std::uint64_t> group_memory_max(std::string_view group, const std::string& root) {
    std::optional<std::uint64_t> lowest;
    for (;;) {
        const auto here = number_in(text_of(root + std::string(group) + "/memory.max"));
        if (here && (!lowest || *here < *lowest)) {
            lowest = here;
        }
        const std::size_t slash = group.rfind('/');
        if (slash == std::string_view::npos) {
            return lowest;
        }
        group = group.substr(0, slash);
    }
}

std::string_view group_in(std::string_view text) {
    constexpr std::string_view kVersionTwo = "0::";
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        if (line.substr(0, kVersionTwo.size()) == kVersionTwo) {
            return line.substr(kVersionTwo.size());
        }
        text.remove_prefix(std::min(text.size(), line.size() + 1));
    }
    return {};
}

std::uint64_t memory_limit() {
    const auto pages = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PHYS_PAGES), 0L));
    const std::uint64_t machine =
        pages * static_cast<std::uint64_t>(std::max(::sysconf(_SC_PAGESIZE), 0L));
    const std::string groups = text_of("/proc/self/cgroup");
    const auto group = group_memory_max(group_in(groups), "/sys/fs/cgroup");
    return std::min(machine == 0 ? UINT64_MAX : machine, group.value_or(UINT64_MAX));
}

} // namespace zcomet::process
