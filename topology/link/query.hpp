// One question to a broker and its answer: PING and QUERY of docs/PROTOCOL.md, section 4.8.
#pragma once

#include "topology/base/result.hpp"
#include "topology/base/time.hpp"
#include "topology/link/link_context.hpp"

#include <string>
#include <string_view>

namespace zcomet::link {

/// @return the time from PING to PONG.
/// Errors: the address is bad; no answer within `timeout`; another protocol version.
[[nodiscard]] Result<Duration> ping_broker(LinkContext& context, const std::string& broker,
                                           Duration timeout);

/// @return the JSON text of the ANSWER.   Errors: as ping_broker(); an unknown query.
[[nodiscard]] Result<std::string> query_broker(LinkContext& context, const std::string& broker,
                                               std::string_view what, std::string_view argument,
                                               Duration timeout);

} // namespace zcomet::link
