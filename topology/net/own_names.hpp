// The names by which others call this machine.
#pragma once

#include "topology/base/time.hpp"
#include "topology/wire/endpoint.hpp"

#include <initializer_list>
#include <string>
#include <vector>

namespace zcomet::net {

/// Most hosts find their own name in a file.
/// @limit time for the name service to tell a starting program its host's full name
inline constexpr Duration kFullNamePatience = 1s;

/// The host name, its part before the first dot, the full name that the name service has for it,
/// and the hosts of these addresses, where they are names: each once.
/// @param addresses  at which a program listens; an empty host: none.
/// @param patience   for the name service; without an answer the full name is missing.
/// Thread: any; waits for that long at most.
[[nodiscard]] std::vector<std::string> own_names(std::initializer_list<wire::HostPort> addresses,
                                                 Duration patience = kFullNamePatience);

} // namespace zcomet::net
