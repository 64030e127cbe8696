// A route's view of one request, and the ways to answer it.
#pragma once

#include "topology/base/time.hpp"
#include "topology/http/http_front.hpp"
#include "topology/wire/owned_ids.hpp"
#include "webnode/connection/connection_table.hpp"
#include "webnode/format/stream_format.hpp"
#include "webnode/request/readiness.hpp"
#include "webnode/stream/stream_opener.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
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
    /// The connection becomes a stream of `ids` in this format; else nullptr.
    const format::StreamFormat* format = nullptr;
    format::Framing framing = format::Framing::kBare;
    wire::OwnedIds ids;
    stream::Beginning beginning;
    std::string greeting; ///< the first bytes of the stream
    /// The request is a poll of `ids` for so long.
    std::optional<std::chrono::seconds> poll;
    bool is_later = false;
    bool is_no_stream_now = false; ///< a stream was refused: Readiness::why_no_streams()
};

/// A route calls one of answer(), open(), poll() and later(), once. If it calls none, the answer is
/// 500.
class Exchange {
  public:
    /// @param ticket  the result of later().
    /// @param random  for StreamFormat::greet().
    Exchange(const http::Request& request, Ticket ticket, const Readiness& readiness,
             std::uint32_t random, Outcome& outcome)
        : request_(request), ticket_(ticket), readiness_(readiness), random_(random),
          outcome_(outcome) {}
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    /// Valid until the route returns.
    [[nodiscard]] const http::Request& request() const { return request_; }

    /// Of this node.
    [[nodiscard]] const Readiness& readiness() const { return readiness_; }

    void answer(http::Reply reply);

    /// Makes the connection a stream, if the format opens one for this request. A HEAD gets the
    /// head of the stream and no stream. While the node takes no streams, both get what the format
    /// makes of unavailable().
    /// @param ids  1 to stream::kIdsOfStreamMax valid ids, each once.
    void open(const format::StreamFormat& format, wire::OwnedIds ids);

    /// The request is answered with the next messages to these ids (stream::Polls), or with none
    /// after `wait`. HEAD, and a node that takes no streams: as for open().
    void poll(wire::OwnedIds ids, std::chrono::seconds wait);

    /// Requests::finish(), called after the route has returned, gives the answer. If it is not
    /// called, the request is answered with 504 after Requests::kLaterMax.
    [[nodiscard]] Ticket later();

  private:
    /// @return whether the node takes streams; if not, the outcome is set.
    [[nodiscard]] bool takes_streams(const format::StreamFormat& format);

    const http::Request& request_;
    Ticket ticket_;
    const Readiness& readiness_;
    std::uint32_t random_;
    Outcome& outcome_;
};

/// Time after which a client that got 503 may try again. A balancer has noticed by then.
/// @limit time after which a refused client is told to try again
inline constexpr std::chrono::seconds kRetryAfter = 5s;

/// 503 with Retry-After.   @param why  a sentence.
[[nodiscard]] http::Reply unavailable(std::string_view why);

/// An error with Retry-After: a second, since what is in the way is soon over.
/// @param sentence  says so.
[[nodiscard]] http::Reply try_again(int status, std::string_view sentence);
/// Why a request that needs the broker gets 503.
inline constexpr std::string_view kNoBroker = "no broker is connected; try again in a moment";

/// A route. Several may share a path, with different methods.
struct Route {
    http::Pattern pattern;
    std::function<void(Exchange&)> serve;
};

/// Lets the routes of a list answer requests. Thread: one at a time.
class Routes {
  public:
    /// @param seed  random: different for each worker.
    Routes(std::vector<Route> routes, std::uint64_t seed);

    /// Without this the node is always ready. `readiness` lives longer than this.
    void set_readiness(const Readiness& readiness) { readiness_ = &readiness; }

    /// As http::HttpFront::allow_origins().
    void allow_origins(const http::Cors& cors) { front_.allow_origins(cors); }
    /// As http::HttpFront::guard().
    void guard(const http::PageGuard& guard) { front_.guard(guard); }

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
    std::minstd_rand random_;
    http::HttpFront front_;
    AlwaysReady always_ready_;
    const Readiness* readiness_ = &always_ready_;
};

} // namespace zcomet::webnode::request
