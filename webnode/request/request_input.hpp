// What is kept for a connection while it waits for something: for a request, for its answer, for
// its end.
#pragma once

#include "topology/base/time.hpp"
#include "topology/http/http_front.hpp"
#include "topology/http/request_reader.hpp"

#include <cstdint>
#include <string>

namespace zcomet::webnode::request {

enum class Wait : std::uint8_t {
    kRequest, ///< for the first request, or the rest of one
    kIdle,    ///< for the next request
    kLater,   ///< for the answer that a route gives later; what the browser sends stays unread
    kFlush,   ///< for the browser to read the last of its answer; then it is closed
    kLinger,  ///< the answer is out; what still comes is thrown away, so that no reset destroys it
};

/// Streams have none, nor have connections whose requests were answered as soon as they came.
struct RequestInput {
    std::string bytes; ///< the beginning of a request; kLater: what came behind the request
    http::RequestReader reader;
    Time deadline = kNever; ///< of the present wait; see DeadlineQueue
    Wait wait = Wait::kRequest;
    http::AnswerForm form;    ///< kLater: how the answer must look
    std::uint32_t ticket = 0; ///< kLater: Ticket::number
};

} // namespace zcomet::webnode::request
