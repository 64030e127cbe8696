// One question to a broker and its answer: PING and QUERY of docs/PROTOCOL.md, section 4.8.
#pragma once

#include "topology/base/result.hpp"
#include "topology/base/time.hpp"
#include "topology/link/link_context.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace zcomet::link {

/// What to do if the host says that nothing listens at the broker's port, or that it cannot be
/// reached.
enum class IfRefused : std::uint8_t {
    kWait, ///< the broker may be about to start
    kFail, ///< that is the answer. Only a host that is given by its number is asked
};

/// @return the time from PING to PONG.
/// Errors: the address is bad; refused; no answer within `timeout`; another protocol version.
[[nodiscard]] Result<Duration> ping_broker(LinkContext& context, const std::string& broker,
                                           Duration timeout,
                                           IfRefused if_refused = IfRefused::kWait);

/// @return the JSON text of the ANSWER.   Errors: as ping_broker(); an unknown query.
[[nodiscard]] Result<std::string> query_broker(LinkContext& context, const std::string& broker,
                                               std::string_view what, std::string_view argument,
                                               Duration timeout,
                                               IfRefused if_refused = IfRefused::kWait);

} // namespace zcomet::link
