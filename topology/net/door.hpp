// Turning new connections away from a listening socket without closing it.
#pragma once

namespace zcomet::net {

/// No new connection begins at `listener` from now on: a lone SYN goes unanswered, which its sender
/// repeats after a second. Handshakes under way complete, and wait to be accepted.
/// Errors: none; a socket that is no TCP listener stays as it is.
void turn_away(int listener);
/// Undoes that. Connections inherit the filter of their listener, and lose it by this as well.
void let_in(int socket);

} // namespace zcomet::net
