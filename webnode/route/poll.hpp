// GET /poll/<id>: the next messages to the id, in one answer.
#pragma once

#include "webnode/request/exchange.hpp"

#include <chrono>

namespace zcomet::webnode::route {

/// Time that a poll waits for messages, where the query has no wait=SECONDS.
inline constexpr std::chrono::seconds kPollWait = 25s;
/// @limit time that a long poll waits for messages (`wait`)
inline constexpr std::chrono::seconds kPollWaitMax = 60s;

[[nodiscard]] request::Route poll_route();

/// GET /poll?id=ID&id=ID…: to several ids.
[[nodiscard]] request::Route poll_of_several_route();

} // namespace zcomet::webnode::route
