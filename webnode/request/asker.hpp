// Asks somebody else whether a client may open its stream, and may have to wait for the answer.
#pragma once

#include "topology/http/http_front.hpp"
#include "topology/wire/frames.hpp"
#include "webnode/request/gate.hpp"
#include "webnode/request/ticket.hpp"

#include <optional>
#include <variant>

namespace zcomet::webnode::request {

/// What a client may do; or why it may not open its stream.
using Verdict = std::variant<Pass, http::Reply>;

/// Thread: the worker's loop only.
class Asker {
  public:
    Asker() = default;
    virtual ~Asker() = default;
    Asker(const Asker&) = delete;
    Asker& operator=(const Asker&) = delete;

    /// @param ids  of the stream. It opens with those that the pass names, or not at all.
    /// @return nothing: the answer comes later, by Requests::go_on() with this ticket.
    [[nodiscard]] virtual std::optional<Verdict> ask(const http::Request& request,
                                                     const wire::IdList& ids, Ticket ticket) = 0;
};

} // namespace zcomet::webnode::request
