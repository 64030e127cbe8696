#include "topology/net/door.hpp"

#include "topology/base/signals_held.hpp"

#include <linux/close_range.h>
#include <linux/filter.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <thread>
#include <vector>

namespace zcomet::net {

namespace {

/// Passes every segment but those that begin a connection: SYN without ACK, byte 13 of the header.
constexpr std::array<sock_filter, 5> kNoBeginnings{{{BPF_LD | BPF_B | BPF_ABS, 0, 0, 13},
                                                    {BPF_ALU | BPF_AND | BPF_K, 0, 0, 0x12},
                                                    {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0x02},
                                                    {BPF_RET | BPF_K, 0, 0, 0},
                                                    {BPF_RET | BPF_K, 0, 0, 0xFFFFFFFF}}};

/// Connections accepted and closed in a call. As many may wait at a listener of libzmq at least.
constexpr std::uint32_t kRefusedMax = 1024;

/// The calling thread gets a table of descriptors of its own, with only these in it.
/// @param wanted  rising.
/// @return whether it has.
bool leave_table(const std::vector<int>& wanted) {
    const auto above = static_cast<unsigned>(wanted.back()) + 1;
    if (::close_range(above, ~0U, CLOSE_RANGE_UNSHARE) != 0) {
        return false;
    }
    unsigned first = 0;
    for (const int fd : wanted) {
        if (const auto next = static_cast<unsigned>(fd); first < next) {
            ::close_range(first, next - 1, 0);
        }
        first = static_cast<unsigned>(fd) + 1;
    }
    return true;
}

} // namespace

void turn_away(int listener) {
    std::array<sock_filter, kNoBeginnings.size()> filter = kNoBeginnings;
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    ::setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

void let_in(int socket) {
    constexpr int kUnused = 0;
    ::setsockopt(socket, SOL_SOCKET, SO_DETACH_FILTER, &kUnused, sizeof kUnused);
}

std::uint32_t refuse_waiting(std::span<const int> listeners) {
    std::vector<int> wanted(listeners.begin(), listeners.end());
    std::sort(wanted.begin(), wanted.end());
    std::uint32_t refused = 0;
    if (wanted.empty()) {
        return refused;
    }
    try {
        const SignalsHeld held; // the thread inherits that: no handler runs in it
        std::thread([&wanted, &refused] {
            if (!leave_table(wanted)) {
                return;
            }
            for (const int listener : wanted) {
                int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
                for (; fd >= 0 && refused < kRefusedMax; ++refused) {
                    ::close(fd);
                    fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
                }
            }
        }).join();
    } catch (const std::system_error&) { // no thread
    }
    return refused;
}

} // namespace zcomet::net
