// How many clients are connected to a group of processes, from /proc: for web nodes without an
// admin page.
#pragma once

#include <absl/container/flat_hash_set.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace zcomet::tools::memlog {

/// One line of /proc/PID/net/tcp.
struct TcpSocket {
    enum class State : std::uint8_t { kEstablished = 0x01, kListening = 0x0A, kOther = 0 };
    State state = State::kOther;
    std::uint16_t local_port = 0;
    std::uint64_t inode = 0;
};

using SocketInodes = absl::flat_hash_set<std::uint64_t>;

/// From the text of /proc/PID/net/tcp or tcp6. Lines that are not of that form are left out.
[[nodiscard]] std::vector<TcpSocket> parse_tcp_table(std::string_view text);

/// The inode in "socket:[123]", to which a link in /proc/PID/fd points; absent for other links.
[[nodiscard]] std::optional<std::uint64_t> parse_socket_link(std::string_view link);

/// How many of `sockets` are established, are among `inodes`, and have a local port that one of
/// `inodes` listens at; `only_port`: at that port alone.
[[nodiscard]] std::uint64_t count_connections(const std::vector<TcpSocket>& sockets,
                                              const SocketInodes& inodes,
                                              std::optional<std::uint16_t> only_port);

/// As of now, for `processes`, which share the network namespace of the first.
/// Cost: the kernel prints a line for every TCP connection of the host; a second for a million.
[[nodiscard]] std::uint64_t tree_connections(const std::vector<pid_t>& processes,
                                             std::optional<std::uint16_t> only_port);

} // namespace zcomet::tools::memlog
