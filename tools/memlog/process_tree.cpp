#include "tools/memlog/process_tree.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

namespace zcomet::tools::memlog {

namespace {

[[nodiscard]] std::string proc_path(pid_t pid, std::string_view file) {
    std::string path = "/proc/" + std::to_string(pid) + "/";
    return path.append(file);
}

/// Empty if it cannot be read.
[[nodiscard]] std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// A number at the front of `text`, after blanks.
template <typename Number> [[nodiscard]] std::optional<Number> parse_number(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    Number value{};
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    return parsed.ec == std::errc{} ? std::optional(value) : std::nullopt;
}

[[nodiscard]] std::vector<ProcessParent> all_processes() {
    std::vector<ProcessParent> processes;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
        const auto pid = parse_number<pid_t>(entry.path().filename().native());
        if (!pid) {
            continue;
        }
        if (const auto parent = parse_parent(read_file(proc_path(*pid, "stat")))) {
            processes.emplace_back(*pid, *parent);
        }
    }
    return processes;
}

} // namespace

std::optional<pid_t> parse_parent(std::string_view stat) {
    // "PID (NAME) STATE PARENT …"; a process may give itself any NAME.
    constexpr std::size_t kStateBytes = 4; // ") S "
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string_view::npos || stat.size() < name_end + kStateBytes) {
        return std::nullopt;
    }
    return parse_number<pid_t>(stat.substr(name_end + kStateBytes));
}

std::vector<pid_t> descendants(pid_t root, const std::vector<ProcessParent>& processes) {
    std::vector<pid_t> found{root};
    for (std::size_t i = 0; i < found.size(); ++i) {
        for (const auto& [pid, parent] : processes) {
            if (parent == found[i] && std::find(found.begin(), found.end(), pid) == found.end()) {
                found.push_back(pid);
            }
        }
    }
    return found;
}

std::vector<pid_t> process_tree(pid_t root) {
    const std::vector<ProcessParent> processes = all_processes();
    const bool alive = std::any_of(processes.begin(), processes.end(),
                                   [root](const ProcessParent& one) { return one.first == root; });
    return alive ? descendants(root, processes) : std::vector<pid_t>{};
}

Result<process::ProcessMemory> tree_memory(const std::vector<pid_t>& processes) {
    process::ProcessMemory sum;
    for (const pid_t pid : processes) {
        const Result<process::ProcessMemory> memory = process::process_memory(pid);
        if (!memory.ok()) {
            return memory.error();
        }
        sum += memory.value();
    }
    return sum;
}

} // namespace zcomet::tools::memlog
