#include "topology/net/door.hpp"

#include <linux/filter.h>
#include <sys/socket.h>

#include <array>

namespace zcomet::net {

namespace {

/// Passes every segment but those that begin a connection: SYN without ACK, byte 13 of the header.
constexpr std::array<sock_filter, 5> kNoBeginnings{{{BPF_LD | BPF_B | BPF_ABS, 0, 0, 13},
                                                    {BPF_ALU | BPF_AND | BPF_K, 0, 0, 0x12},
                                                    {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0x02},
                                                    {BPF_RET | BPF_K, 0, 0, 0},
                                                    {BPF_RET | BPF_K, 0, 0, 0xFFFFFFFF}}};

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

} // namespace zcomet::net
