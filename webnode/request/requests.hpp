// From events to answers: reads requests from connections, lets routes answer them, opens streams,
// passes the browsers' input on streams to the formats, and ends connections that take too long.
#pragma once

#include "topology/base/time.hpp"
#include "topology/http/http_front.hpp"
#include "webnode/connection/clients.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/layer/layers.hpp"
#include "webnode/layer/unfinished.hpp"
#include "webnode/request/answers.hpp"
#include "webnode/request/exchange.hpp"
#include "webnode/request/handshake_queue.hpp"
#include "webnode/request/request_input.hpp"
#include "webnode/request/stream_input.hpp"
#include "webnode/request/waits.hpp"
#include "webnode/stream/stream_opener.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::webnode::request {

/// Bounds on requests that are not complete.
struct RequestLimits {
    /// From the beginning of the connection, or from the request's first byte.
    /// @limit a request's arrival (`--request-deadline-ms`)
    Duration deadline = 10s;
    /// Memory for what has come of the requests of all connections that are not complete, and for
    /// what browsers have said on open streams and no format has used yet. Ten thousand slow
    /// browsers with large cookies fit.
    /// @limit bytes of unfinished requests, of a worker's connections together (`--request-memory`)
    std::size_t bytes_max = 64U << 20U;
};

/// Thread: the worker's loop only.
class Requests final : private connection::CloseListener {
  public:
    /// Everything but the routes must live longer than this.
    Requests(connection::Connections& connections, stream::StreamOpener& streams,
             std::vector<Route> routes, metrics::Counters<slot::WorkerCounter>& counters,
             RequestLimits limits);
    ~Requests() override;

    /// A connection was accepted: reads at once, since its request is mostly there already.
    /// @param origin  of no meaning here: Connection::origin().
    void on_accepted(int fd, Time now, std::uint16_t origin = 0);

    /// Epoll reports an event of a connection, which may be a stream, or gone by now.
    void on_event(connection::Handle handle, std::uint32_t events, Time now);

    /// Gives a request the answer that its route has postponed. Then serves requests that the
    /// connection has sent after it.
    /// @param reply  its body is Reply::Body::kWhole.
    /// @return false if the ticket is stale: the request was answered (it took too long), or the
    /// browser is gone.
    bool finish(Ticket ticket, const http::Reply& reply, Time now);

    /// Serves a request again that waits for what Routes::set_asker() is to say. Otherwise as
    /// finish().
    /// @param request  its head.
    bool go_on(Ticket ticket, std::string_view request, const Verdict& verdict, Time now);

    /// Answers the polls for which something came, and those whose time is over.
    void answer_polls(Time now);
    /// The polls of the streams that the opener opens; they live longer than this.
    void use(stream::Polls& polls) { polls_ = &polls; }

    /// From now on connections may be those of proxies, for other clients. `clients` live longer
    /// than this.
    void set_clients(connection::Clients& clients, layer::Place place) {
        layers_.proxies().use(clients, std::move(place));
    }

    /// As Routes::set_gate().
    void set_gate(Gate& gate) { routes_.set_gate(gate); }
    /// As Routes::set_asker().
    void set_asker(Asker& asker) { routes_.set_asker(asker); }
    /// As Routes::set_public_gate().
    void set_public_gate(Gate& gate) { routes_.set_public_gate(gate); }
    /// As http::HttpFront::allow_origins().
    void allow_origins(const http::Cors& cors) { routes_.allow_origins(cors); }
    /// As http::HttpFront::guard().
    void guard(http::PageGuard& guard) { routes_.guard(guard); }
    /// From now on. A request that is on its way already keeps its deadline.
    void set_limits(const RequestLimits& limits) {
        unfinished_.set_bytes_max(limits.bytes_max);
        waits_.set_delay(Wait::kRequest, limits.deadline);
    }

    /// As Routes::set_readiness().
    void set_readiness(const Readiness& readiness) { routes_.set_readiness(readiness); }

    /// Ends a stream at once; what it has not read is dropped. A connection that is no stream
    /// stays.
    void end_if_stream(connection::Handle handle, connection::Connection& connection);

    /// Ends a stream whose token has expired: it is told to come back. What it has not read is
    /// dropped.
    void end_expired(connection::Handle handle, connection::Connection& connection);

    /// From now on each connection ends with its next answer, which says so.
    void close_connections();
    /// Ends a connection that waits for its next request.
    void end_if_idle(connection::Handle handle, connection::Connection& connection);
    /// Ends a stream that its browser is to open at another node, in the way of its format. It logs
    /// out at once; what it has not read yet is written for kFlushMax at most.
    void move_stream(connection::Handle handle, connection::Connection& connection, Time now);

    /// Ends all connections. Streams get their farewell, and requests that wait for a later answer
    /// get 503. Bytes that cannot be written at once stay in the connections' outboxes.
    void end_all();

    /// Memory that RequestLimits::bytes_max bounds, now.
    [[nodiscard]] std::size_t unfinished_bytes() const { return unfinished_.sum(); }

    /// Ends connections that have waited for too long, and goes on with handshakes for which the
    /// turn has time. Comes last in a turn.
    void sweep(Time now);
    /// When sweep() next has something to do.
    [[nodiscard]] Time due() const { return handshakes_.empty() ? waits_.due() : Time::min(); }

    /// Time that a browser has for its next request on an open connection.
    /// @limit idle time of a connection
    static constexpr Duration kIdleMax = 15s;
    /// Time that a route has for a later answer.
    /// @limit wait for an answer that a route gives later
    static constexpr Duration kLaterMax = 10s;
    /// Time for reading the end of an answer that the socket did not take whole.
    /// @limit time for the last bytes of an answer
    static constexpr Duration kFlushMax = 5s;
    /// Time for reading an answer that came before the request was complete.
    /// @limit time that a closed connection lingers for the peer
    static constexpr Duration kLingerMax = 2s;

  private:
    void on_close(connection::Handle handle, connection::Connection& connection) override;
    void on_readable(connection::Handle handle, bool ended, Time now);
    void on_stream_input(connection::Handle handle, connection::Connection& connection, Time now);
    /// @return false if the stream was closed.
    [[nodiscard]] bool pass_to_format(connection::Handle handle, std::string_view bytes, Time now);
    void end_stream(connection::Handle handle, connection::Connection& connection);
    /// The same in end_all().
    void tell_end(connection::Handle handle, connection::Connection& connection);

    [[nodiscard]] After read(connection::Handle handle, Time now);
    /// Whether the connection's handshake is not made, and has to wait for its turn.
    [[nodiscard]] bool has_to_wait(connection::Handle handle, Time now) const;
    [[nodiscard]] After wait_for_handshake(connection::Handle handle, Time now);
    void go_on_with_handshakes(Time now);
    /// Takes what was read.
    [[nodiscard]] After take(connection::Handle handle, std::string_view bytes, Time now);
    /// Takes off what lies around the text, for a connection with such layers.
    /// @return nothing if the connection was closed, or is going to be.
    [[nodiscard]] std::optional<layer::Taken> unwrap(connection::Handle handle,
                                                     std::string_view bytes, Time now);
    /// Sends what TLS has held back for the answer, if there was none.
    void write_held(connection::Handle handle);
    /// A layer keeps something: it has the time and the memory of a request that is not complete.
    /// @return false if the connection in hand has to go, and has.
    [[nodiscard]] bool keep_layer(connection::Handle handle, Time now);
    /// A connection that waits for a later answer may have left input in its socket.
    void note_more(connection::Handle handle, bool has_more);
    /// @param begins  a request begins with `bytes`, and its time.
    [[nodiscard]] After serve(connection::Handle handle, std::string_view bytes, Time now,
                              bool begins = false);
    [[nodiscard]] After keep_rest(connection::Handle handle, std::string rest,
                                  const http::RequestReader& reader, bool answered, Time now);
    /// @param rest  the bytes after the request.
    [[nodiscard]] After answer(connection::Handle handle, std::string_view request,
                               std::string_view rest, Time now);
    /// Does what a route has decided.
    /// @param unread  more input has come.
    [[nodiscard]] After carry_out(connection::Handle handle, const Outcome& outcome,
                                  http::Answer answer, std::string_view rest, bool unread,
                                  Time now);
    /// The record of a connection that waits for this answer; nullptr: the ticket is stale.
    [[nodiscard]] RequestInput* awaiting(Ticket ticket);
    /// What a connection has that no longer waits for an answer.
    struct Left {
        std::string rest;      ///< the bytes after the request
        bool has_more = false; ///< more is in the socket
    };
    [[nodiscard]] Left end_wait(RequestInput& input);
    /// Serves what has come behind a request, now that it is answered.
    void serve_left(connection::Handle handle, const Left& left, Time now);
    void wait_for_answer(connection::Handle handle, const http::AnswerForm& form,
                         std::string_view rest, Time now);
    void open_stream(connection::Handle handle, const Outcome& outcome, std::string head);
    /// @param rest  the bytes after the request.
    void open_poll(connection::Handle handle, const Outcome& outcome, http::AnswerForm form,
                   std::string_view rest, Time now);
    void answer_poll(connection::Handle handle, Time now);
    /// @return the last bytes of a stream; of a poll its answer.
    [[nodiscard]] std::string end_of(connection::Handle handle,
                                     const connection::Connection& connection);
    void shed_stream(connection::Handle handle);
    void on_deadline(connection::Handle handle, const RequestInput& input, Time now);

    layer::UnfinishedBytes unfinished_; // in `waits_`, `layers_` and `stream_input_`
    connection::Connections& connections_;
    connection::ConnectionTable& table_;
    stream::StreamOpener& streams_;
    stream::Polls* polls_ = nullptr; // nullptr: there are none
    metrics::Counters<slot::WorkerCounter>& counters_;
    Routes routes_;
    std::uint32_t last_ticket_ = 0;
    bool closes_connections_ = false; // with their next answer
    std::minstd_rand random_;
    StreamInput stream_input_{unfinished_};
    layer::Layers layers_;
    Waits waits_;
    HandshakeQueue handshakes_;
    bool is_in_turn_ = false; // the first of the queue is served
    Answers answers_;
    std::unique_ptr<char[]> buffer_; // one for all connections: between reads it holds nothing
};

} // namespace zcomet::webnode::request
