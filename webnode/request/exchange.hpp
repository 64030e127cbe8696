// A route's view of one request, and the ways to answer it.
#pragma once

#include "topology/http/http_front.hpp"
#include "webnode/connection/connection_table.hpp"
#include "webnode/format/stream_format.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::webnode::request {

/// Stands for a request whose answer comes later. It may be kept for any time: once the request was
/// answered, or its connection is gone, Requests::finish() does nothing with it.
struct Ticket {
    connection::Handle connection;
    std::uint32_t number = 0;
};

/// What a route has decided.
struct Outcome {
    std::optional<http::Reply> reply;
    /// The connection becomes a stream of `id` in this format; else nullptr.
    const format::StreamFormat* format = nullptr;
    format::Framing framing = format::Framing::kBare;
    std::string id;
    bool is_later = false;
};

/// A route calls one of answer(), open() and later(), once. If it calls none, the answer is 500.
class Exchange {
  public:
    /// @param ticket  the result of later().
    Exchange(const http::Request& request, Ticket ticket, Outcome& outcome)
        : request_(request), ticket_(ticket), outcome_(outcome) {}
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    /// Valid until the route returns.
    [[nodiscard]] const http::Request& request() const { return request_; }

    void answer(http::Reply reply);

    /// Makes the connection a stream of `id`, a valid id, if the format opens one for this request.
    /// A HEAD gets the head of the stream and no stream.
    void open(const format::StreamFormat& format, std::string_view id);

    /// Requests::finish(), called after the route has returned, gives the answer. If it is not
    /// called, the request is answered with 504 after Requests::kLaterMax.
    [[nodiscard]] Ticket later();

  private:
    const http::Request& request_;
    Ticket ticket_;
    Outcome& outcome_;
};

/// A route. Several may share a path, with different methods.
struct Route {
    http::Pattern pattern;
    std::function<void(Exchange&)> serve;
};

/// Lets the routes of a list answer requests. Thread: one at a time.
class Routes {
  public:
    explicit Routes(std::vector<Route> routes);

    /// As http::HttpFront::handle(). If the outcome is "later", the answer's bytes and status mean
    /// nothing, and its form is for http::late_answer().
    /// @param ticket   what a route gets from Exchange::later().
    /// @param outcome  is set to the route's decision, without its reply.
    [[nodiscard]] http::Answer handle(std::string_view whole_request, Ticket ticket,
                                      Outcome& outcome);
    /// As http::HttpFront::refuse_body().
    [[nodiscard]] std::optional<http::Answer> refuse_body(std::string_view head,
                                                          std::size_t body_bytes) {
        return front_.refuse_body(head, body_bytes);
    }

  private:
    std::vector<Route> routes_;
    http::HttpFront front_;
};

} // namespace zcomet::webnode::request
