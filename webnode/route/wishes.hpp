// What the headers of a request to publish ask for, beside its messages.
#pragma once

#include "topology/http/http_front.hpp"
#include "topology/wire/frames.hpp"
#include "webnode/publish/publisher.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace zcomet::webnode::route {

/// What the whole request depends on.
/// @param confirm  is set to what the client waits for.
/// @return the refusal; nothing: the request may go on.
[[nodiscard]] std::optional<http::Reply> read_wishes(const http::Request& request,
                                                     wire::Confirm& confirm);

/// By which the client knows its request if it sends it again; empty: it has none.
[[nodiscard]] std::string_view idempotency_key(const http::Request& request);

/// Gives each message of a request a key of its own, so that a request that was taken only in part
/// can be repeated.
/// @param key  of the request; empty: the messages have none, either.
void give_keys(std::vector<publish::Publication>& publications, std::string_view key);

} // namespace zcomet::webnode::route
