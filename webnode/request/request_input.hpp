// What is kept for a connection while it waits: for a request, for its answer, or for its end.
#pragma once

#include "topology/base/time.hpp"
#include "topology/http/http_front.hpp"
#include "topology/http/request_reader.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace zcomet::webnode::request {

enum class Wait : std::uint8_t {
    kRequest, ///< for the first request, or the rest of one
    kIdle,    ///< for the next request
    kLater,   ///< for the answer that a route gives later; what the browser sends stays unread
    kFlush,   ///< for the browser to read the rest of its answer; then it is closed
    kLinger,  ///< for the end: input is discarded, so that no reset destroys the answer
};

inline constexpr std::size_t kWaits = 5;

/// Streams have none. A connection whose requests are answered as soon as they come has none,
/// either.
struct RequestInput {
    std::string bytes; ///< the beginning of a request; kLater: the bytes after the request
    http::RequestReader reader;
    Time deadline = kNever; ///< of the present wait; see DeadlineQueue
    /// By Wait: the connection's latest deadline.
    std::array<Time, kWaits> latest{Time::min(), Time::min(), Time::min(), Time::min(),
                                    Time::min()};
    Wait wait = Wait::kRequest;
    bool has_more = false;    ///< kLater: what came meanwhile was left in the socket
    bool is_queued = false;   ///< kRequest: it is in the HandshakeQueue
    http::AnswerForm form;    ///< kLater: how the answer must look
    std::uint32_t ticket = 0; ///< kLater: Ticket::number
};

} // namespace zcomet::webnode::request
