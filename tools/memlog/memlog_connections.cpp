#include "tools/memlog/memlog_connections.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

namespace zcomet::tools::memlog {

namespace {

/// Columns of /proc/net/tcp, from 0: proc(5).
constexpr std::size_t kLocalColumn = 1;
constexpr std::size_t kStateColumn = 3;
constexpr std::size_t kInodeColumn = 9;
constexpr std::size_t kColumns = 10;

constexpr int kHex = 16;

template <typename Number>
[[nodiscard]] std::optional<Number> parse_whole(std::string_view text, int base = 10) {
    Number value{};
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value, base);
    return parsed.ec == std::errc{} && parsed.ptr == end ? std::optional(value) : std::nullopt;
}

/// The first ten words of a line; those that are missing are empty.
[[nodiscard]] std::array<std::string_view, kColumns> split(std::string_view line) {
    std::array<std::string_view, kColumns> words;
    for (std::string_view& word : words) {
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
        word = line.substr(0, line.find(' '));
        line.remove_prefix(word.size());
    }
    return words;
}

[[nodiscard]] TcpSocket::State state_of(std::uint8_t code) {
    const auto state = static_cast<TcpSocket::State>(code);
    const bool known =
        state == TcpSocket::State::kEstablished || state == TcpSocket::State::kListening;
    return known ? state : TcpSocket::State::kOther;
}

[[nodiscard]] std::optional<TcpSocket> parse_line(std::string_view line) {
    const auto words = split(line);
    const std::string_view local = words[kLocalColumn];
    const std::size_t colon = local.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    const auto port = parse_whole<std::uint16_t>(local.substr(colon + 1), kHex);
    const auto state = parse_whole<std::uint8_t>(words[kStateColumn], kHex);
    const auto inode = parse_whole<std::uint64_t>(words[kInodeColumn]);
    if (!port || !state || !inode) {
        return std::nullopt;
    }
    return TcpSocket{state_of(*state), *port, *inode};
}

void add_inodes(pid_t pid, SocketInodes& inodes) {
    std::error_code ignored; // the process, or a descriptor of it, may be gone by now
    const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
    std::filesystem::directory_iterator at(folder, ignored);
    while (at != std::filesystem::directory_iterator()) {
        const auto link = std::filesystem::read_symlink(at->path(), ignored);
        if (const auto inode = parse_socket_link(link.native())) {
            inodes.insert(*inode);
        }
        at.increment(ignored);
    }
}

} // namespace

std::vector<TcpSocket> parse_tcp_table(std::string_view text) {
    std::vector<TcpSocket> sockets;
    while (!text.empty()) {
        const std::size_t line_end = std::min(text.find('\n'), text.size() - 1);
        if (const auto socket = parse_line(text.substr(0, line_end))) {
            sockets.push_back(*socket);
        }
        text.remove_prefix(line_end + 1);
    }
    return sockets;
}

std::optional<std::uint64_t> parse_socket_link(std::string_view link) {
    constexpr std::string_view kStart = "socket:[";
    if (!link.starts_with(kStart) || !link.ends_with(']')) {
        return std::nullopt;
    }
    return parse_whole<std::uint64_t>(link.substr(kStart.size(), link.size() - kStart.size() - 1));
}

std::uint64_t count_connections(const std::vector<TcpSocket>& sockets, const SocketInodes& inodes,
                                std::optional<std::uint16_t> only_port) {
    absl::flat_hash_set<std::uint16_t> ports;
    for (const TcpSocket& socket : sockets) {
        const bool wanted = !only_port || socket.local_port == *only_port;
        if (wanted && socket.state == TcpSocket::State::kListening &&
            inodes.contains(socket.inode)) {
            ports.insert(socket.local_port);
        }
    }
    const auto counts = [&](const TcpSocket& socket) {
        return socket.state == TcpSocket::State::kEstablished && inodes.contains(socket.inode) &&
               ports.contains(socket.local_port);
    };
    return static_cast<std::uint64_t>(std::count_if(sockets.begin(), sockets.end(), counts));
}

std::uint64_t tree_connections(const std::vector<pid_t>& processes,
                               std::optional<std::uint16_t> only_port) {
    if (processes.empty()) {
        return 0;
    }
    SocketInodes inodes;
    for (const pid_t pid : processes) {
        add_inodes(pid, inodes);
    }
    std::vector<TcpSocket> sockets;
    for (const std::string name : {"tcp", "tcp6"}) {
        std::ifstream file("/proc/" + std::to_string(processes.front()) + "/net/" + name);
        const std::string text{std::istreambuf_iterator<char>(file),
                               std::istreambuf_iterator<char>()};
        const std::vector<TcpSocket> some = parse_tcp_table(text);
        sockets.insert(sockets.end(), some.begin(), some.end());
    }
    return count_connections(sockets, inodes, only_port);
}

} // namespace zcomet::tools::memlog
