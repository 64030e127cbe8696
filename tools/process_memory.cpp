#include "tools/process_memory.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

namespace zcomet {

namespace {

[[nodiscard]] std::string proc_path(pid_t pid, std::string_view file) {
    std::string path = "/proc/" + std::to_string(pid) + "/";
    return path.append(file);
}

/// Empty if it cannot be read, with errno set.
[[nodiscard]] std::string read_file(const std::string& path) {
    errno = 0;
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

/// The number in the line that begins with `name`, which ends in a colon.
[[nodiscard]] std::uint64_t field_kb(std::string_view text, std::string_view name) {
    while (!text.empty()) {
        const std::size_t line_end = std::min(text.find('\n'), text.size() - 1);
        if (text.starts_with(name)) {
            return parse_number<std::uint64_t>(text.substr(name.size(), line_end - name.size()))
                .value_or(0);
        }
        text.remove_prefix(line_end + 1);
    }
    return 0;
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
    // "PID (NAME) STATE PARENT …", where NAME is whatever the process calls itself.
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

TreeMemory parse_smaps_rollup(std::string_view text) {
    return {field_kb(text, "Rss:"), field_kb(text, "Pss:")};
}

std::vector<pid_t> process_tree(pid_t root) {
    const std::vector<ProcessParent> processes = all_processes();
    const bool alive = std::any_of(processes.begin(), processes.end(),
                                   [root](const ProcessParent& one) { return one.first == root; });
    return alive ? descendants(root, processes) : std::vector<pid_t>{};
}

Result<TreeMemory> tree_memory(const std::vector<pid_t>& processes) {
    TreeMemory sum;
    for (const pid_t pid : processes) {
        const std::string text = read_file(proc_path(pid, "smaps_rollup"));
        if (text.empty() && (errno == EACCES || errno == EPERM)) {
            return Error{"process " + std::to_string(pid) +
                         " is not ours to look at: run this as its user, or as root"};
        }
        const TreeMemory memory = parse_smaps_rollup(text);
        sum.rss_kb += memory.rss_kb;
        sum.pss_kb += memory.pss_kb;
    }
    return sum;
}

} // namespace zcomet
