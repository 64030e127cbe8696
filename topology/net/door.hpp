// Turning new connections away from a listening socket without closing it.
#pragma once

#include <cstdint>
#include <span>

namespace zcomet::net {

/// No new connection begins at `listener` from now on: a lone SYN goes unanswered, which its sender
/// repeats after a second. Handshakes under way complete, and wait to be accepted.
/// Errors: none; a socket that is no TCP listener stays as it is.
void turn_away(int listener);
/// Undoes that. Connections inherit the filter of their listener, and lose it by this as well.
void let_in(int socket);

/// Accepts and closes the connections that wait at these listeners, which are open and do not
/// block. It needs no descriptor of this process: none may be free, and one that is set free would
/// go to whoever else is waiting for it, such as a thread that spins in accept(2).
/// @return how many; 0 as well if that does not work here (Linux before 5.9, or no thread).
[[nodiscard]] std::uint32_t refuse_waiting(std::span<const int> listeners);

} // namespace zcomet::net
