#include "topology/process/process_memory.hpp"

#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string>

namespace zcomet::process {

namespace {

/// The number in a line "NAME:   123 kB", which stands at the beginning of a line.
std::uint64_t field_kb(std::string_view text, std::string_view name) {
    std::string start = "\n";
    start.append(name).append(":");
    std::size_t at = text.find(start);
    if (at == std::string_view::npos) {
        return 0;
    }
    at = text.find_first_not_of(' ', at + start.size());
    if (at == std::string_view::npos) {
        return 0;
    }
    std::uint64_t value = 0;
    std::from_chars(text.data() + at, text.data() + text.size(), value);
    return value;
}

} // namespace

ProcessMemory parse_smaps_rollup(std::string_view text) {
    return {field_kb(text, "Rss"), field_kb(text, "Pss")};
}

Result<ProcessMemory> process_memory(pid_t pid) {
    errno = 0;
    const std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
    std::ostringstream text;
    text << file.rdbuf();
    if (text.view().empty() && (errno == EACCES || errno == EPERM)) {
        return Error{"process " + std::to_string(pid) +
                     " is not ours to look at: run this as its user, or as root"};
    }
    return parse_smaps_rollup(text.view());
}

} // namespace zcomet::process
