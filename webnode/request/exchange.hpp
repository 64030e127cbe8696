// A route's view of one request, and the ways to answer it.
#pragma once

#include "topology/base/time.hpp"
#include "topology/http/http_front.hpp"
#include "topology/wire/owned_ids.hpp"
#include "webnode/format/stream_format.hpp"
#include "webnode/request/asker.hpp"
#include "webnode/request/gate.hpp"
#include "webnode/request/readiness.hpp"
#include "webnode/request/ticket.hpp"
#include "webnode/stream/stream_opener.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace zcomet::webnode::request {

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

/// Who says what a request may do.
struct Guards {
    Gate* gate = nullptr; ///< nullptr: everybody may do everything
    Pass pass{};          ///< what the gate has said
    /// Is asked before a stream opens, and then nobody may do anything else; nullptr: nobody is
    /// asked.
    Asker* asker = nullptr;
    const Verdict* verdict = nullptr; ///< what it has said; nullptr: nothing yet
};

/// A route calls one of answer(), open(), poll() and later(), once. If it calls none, the answer is
/// 500.
class Exchange {
  public:
    /// @param ticket  the result of later().
    /// @param random  for StreamFormat::greet().
    Exchange(const http::Request& request, Ticket ticket, const Readiness& readiness,
             std::uint32_t random, Outcome& outcome, Guards guards = {})
        : request_(request), ticket_(ticket), readiness_(readiness), random_(random),
          outcome_(outcome), guards_(std::move(guards)) {}
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    /// Valid until the route returns.
    [[nodiscard]] const http::Request& request() const { return request_; }

    /// Of this node.
    [[nodiscard]] const Readiness& readiness() const { return readiness_; }

    void answer(http::Reply reply);

    /// Whether the request's token is for the id: to read what is sent to it, and to send to it. A
    /// refusal is counted; answer_other_id() is for a route that serves nothing then.
    [[nodiscard]] bool may_listen(std::string_view id);
    [[nodiscard]] bool may_publish(std::string_view id);
    /// Likewise for a topic of a foreign protocol and its id. Where somebody else is asked who may
    /// listen, that is when the stream opens.
    [[nodiscard]] bool may_listen_to_topic(std::string_view topic, std::string_view id);
    [[nodiscard]] bool may_publish_to_topic(std::string_view topic, std::string_view id);
    /// Whether the request's token is for what is sent privately to the topic.
    [[nodiscard]] bool may_listen_privately(std::string_view topic) const {
        return guards_.pass.may_listen_privately(topic);
    }
    /// 403.
    void answer_other_id();

    /// Makes the connection a stream, if the format opens one for this request. A HEAD gets the
    /// head of the stream and no stream. While the node takes no streams, both get what the format
    /// makes of unavailable(). If its token is not for all of the ids: 403. The stream ends when
    /// the token expires. Where somebody else is asked who may, it is likewise.
    /// @param ids  1 to stream::kIdsOfStreamMax valid ids, each once.
    void open(const format::StreamFormat& format, wire::OwnedIds ids);
    /// The same without a look at the token: the route has found that it is for all of the ids.
    /// Where somebody else is asked, it is asked here.
    /// @param headers  that the stream's head has in addition.
    void open_allowed(const format::StreamFormat& format, wire::OwnedIds ids,
                      std::vector<http::Reply::Header> headers);

    /// The request is answered with the next messages to these ids (stream::Polls), or with none
    /// after `wait`. HEAD, a token, and a node that takes no streams: as for open().
    void poll(wire::OwnedIds ids, std::chrono::seconds wait);

    /// Requests::finish(), called after the route has returned, gives the answer. If it is not
    /// called, the request is answered with 504 after Requests::kLaterMax.
    [[nodiscard]] Ticket later();

  private:
    /// @return whether the token is for all of these ids; if not, the outcome is set.
    [[nodiscard]] bool may_open(const wire::OwnedIds& ids);
    [[nodiscard]] bool check(bool may);
    /// @return whether a stream of these ids may be opened now; if not, the outcome is set.
    [[nodiscard]] bool admits(const format::StreamFormat& format, wire::OwnedIds& ids);
    /// What the asker says. Ids that it does not let through are taken out.
    [[nodiscard]] bool is_let_in(const format::StreamFormat& format, wire::OwnedIds& ids);
    void make_stream(const format::StreamFormat& format, wire::OwnedIds ids);
    /// @return whether the node takes streams; if not, the outcome is set.
    [[nodiscard]] bool takes_streams(const format::StreamFormat& format);

    const http::Request& request_;
    Ticket ticket_;
    const Readiness& readiness_;
    std::uint32_t random_;
    Outcome& outcome_;
    Guards guards_;
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
    /// Needs no token at a port with a gate.
    bool is_for_all = false;
    /// Looks at a token, if there is one, also where the port is public.
    bool knows_private = false;
    /// Names of cookies and parameters that may have the token, beside the usual ones. Constants.
    std::span<const std::string_view> token_names{};
};

/// Lets the routes of a list answer requests. Thread: one at a time.
class Routes {
  public:
    /// @param seed  random: different for each worker.
    Routes(std::vector<Route> routes, std::uint64_t seed);

    /// Without this the node is always ready. `readiness` lives longer than this.
    void set_readiness(const Readiness& readiness) { readiness_ = &readiness; }

    /// From now on each route wants a token, unless it is for all. `gate` lives longer than this.
    void set_gate(Gate& gate) {
        gate_ = &gate;
        is_public_ = false;
    }
    /// From now on a token counts where a route knows what is private; none is wanted.
    void set_public_gate(Gate& gate) {
        gate_ = &gate;
        is_public_ = true;
    }

    /// From now on `asker` is asked before a stream opens. It lives longer than this.
    void set_asker(Asker& asker) { asker_ = &asker; }

    /// As http::HttpFront::allow_origins().
    void allow_origins(const http::Cors& cors) { front_.allow_origins(cors); }
    /// As http::HttpFront::close_connections().
    void close_connections() { front_.close_connections(); }
    /// As http::HttpFront::guard().
    void guard(http::PageGuard& guard) { front_.guard(guard); }

    /// As http::HttpFront::handle(). If the outcome is "later", the answer's bytes and status mean
    /// nothing, and its form is for http::late_answer().
    /// @param ticket   what a route gets from Exchange::later().
    /// @param outcome  is set to the route's decision, without its reply.
    /// @param origin   of the connection, for the gate.
    /// @param verdict  what the asker has said of this request; nullptr: it is to be asked.
    [[nodiscard]] http::Answer handle(std::string_view whole_request, Ticket ticket,
                                      Outcome& outcome, std::uint16_t origin = 0,
                                      const Verdict* verdict = nullptr);
    /// As http::HttpFront::refuse_body(). Without a good token the body is not read, either.
    [[nodiscard]] std::optional<http::Answer>
    refuse_body(std::string_view head, std::size_t body_bytes, std::uint16_t origin = 0);

  private:
    [[nodiscard]] static std::variant<Pass, http::Reply> look(Gate* gate, bool is_public,
                                                              const Route& route,
                                                              std::string_view head,
                                                              std::uint16_t origin);

    std::vector<Route> routes_;
    std::minstd_rand random_;
    http::HttpFront front_;
    AlwaysReady always_ready_;
    const Readiness* readiness_ = &always_ready_;
    Gate* gate_ = nullptr; // nullptr: everybody may
    bool is_public_ = false;
    Asker* asker_ = nullptr; // nullptr: nobody is asked
};

} // namespace zcomet::webnode::request
