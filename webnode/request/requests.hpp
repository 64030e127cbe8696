// From events to answers: reads requests from connections, lets routes answer them, opens streams,
// passes the browsers' input on streams to the formats, and ends connections that take too long.
#pragma once

#include "topology/base/time.hpp"
#include "topology/http/http_front.hpp"
#include "topology/net/ip_address.hpp"
#include "topology/net/proxy_header.hpp"
#include "topology/store/slab.hpp"
#include "webnode/connection/clients.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/connection/deadline_queue.hpp"
#include "webnode/request/exchange.hpp"
#include "webnode/request/request_input.hpp"
#include "webnode/request/unfinished.hpp"
#include "webnode/stream/stream_opener.hpp"

#include <array>
#include <cstdint>
#include <functional>
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

    /// Gives a connection the place of a client: port::Listener::place_client().
    using Place = std::function<bool(connection::Connection& connection,
                                     const std::optional<net::IpAddress>& client, Time now)>;
    /// From now on connections may be those of proxies, for other clients. `clients` live longer
    /// than this.
    void set_clients(connection::Clients& clients, Place place) {
        clients_ = &clients;
        place_ = std::move(place);
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
        queue_of(Wait::kRequest).set_delay(limits.deadline);
    }

    /// As Routes::set_readiness().
    void set_readiness(const Readiness& readiness) { routes_.set_readiness(readiness); }

    /// Ends a stream at once; what it has not read is dropped. A connection that is no stream
    /// stays.
    void end_if_stream(connection::Handle handle, connection::Connection& connection);

    /// Ends a stream whose token has expired: it is told to come back. What it has not read is
    /// dropped.
    void end_expired(connection::Handle handle, connection::Connection& connection);

    /// Ends all connections. Streams get their farewell, and requests that wait for a later answer
    /// get 503. Bytes that cannot be written at once stay in the connections' outboxes.
    void end_all();

    /// Memory that RequestLimits::bytes_max bounds, now.
    [[nodiscard]] std::size_t unfinished_bytes() const { return unfinished_.sum(); }

    /// Ends connections that have waited for too long.
    void sweep(Time now);
    /// When sweep() next has something to do.
    [[nodiscard]] Time due() const;

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
    /// The state of the connection after a read, or after one of its requests.
    enum class After : std::uint8_t {
        kReading, ///< it waits for more
        kOver,    ///< it is gone, a stream, or waits for a later answer or its end
    };

    void on_close(connection::Handle handle, connection::Connection& connection) override;
    void on_readable(connection::Handle handle, bool ended, Time now);
    void on_stream_input(connection::Handle handle, connection::Connection& connection, Time now);
    /// @return false if the stream was closed.
    [[nodiscard]] bool pass_to_format(connection::Handle handle, std::string_view bytes, Time now);
    /// Counts input that the format has no use for. @return false if the stream was closed.
    [[nodiscard]] bool tolerate(connection::Handle handle, std::size_t bytes);
    void end_stream(connection::Handle handle, connection::Connection& connection);

    /// Takes the PROXY header of a connection.   @return false if the connection is over.
    [[nodiscard]] bool take_header(connection::Handle handle, const net::ProxyHeader& header,
                                   Time now);
    /// Finds out for which client a request is.   @return whether there is a place for it.
    [[nodiscard]] bool place_client(connection::Handle handle, std::string_view request, Time now);
    [[nodiscard]] After answer_full(connection::Handle handle, bool is_head, Time now);

    [[nodiscard]] After read(connection::Handle handle, Time now);
    /// Takes what was read: on a TLS port it is encrypted.
    [[nodiscard]] After take_raw(connection::Handle handle, std::string_view bytes, Time now);
    /// Decrypts and serves. `earlier` holds `bytes`, or is empty.
    [[nodiscard]] After take_records(connection::Handle handle, std::string_view bytes, Time now);
    /// The text of what a stream has sent; keeps the beginning of a record.
    /// @return nothing if the connection was closed, or is going to be.
    [[nodiscard]] std::optional<std::string_view>
    decrypt(connection::Handle handle, std::string_view bytes, bool& has_ended, Time now);
    /// @return false if the connection in hand has to go, and has.
    [[nodiscard]] bool keep_raw(connection::Handle handle, std::string_view bytes, Time now);
    /// Answers a client that does not speak TLS, and ends the connection.
    void refuse_plain(connection::Handle handle, std::string_view bytes, Time now);
    /// Memory that make_room() can have back from a connection.
    [[nodiscard]] std::size_t unfinished_of(connection::Handle handle) const;
    /// A connection that waits for a later answer may have left input in its socket.
    void note_more(connection::Handle handle, bool has_more);
    [[nodiscard]] After serve(connection::Handle handle, std::string_view bytes, Time now);
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
    [[nodiscard]] After write_answer(connection::Handle handle, const http::Answer& answer,
                                     bool unread, Time now);
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
    void refuse(connection::Handle handle, int status, bool is_head, Time now);
    void write_error(connection::Handle handle, int status, bool is_head, Time now);
    /// Makes the memory for unfinished requests fit into its bound: others go, as
    /// largest_unfinished() says.
    /// @return false if the connection in hand has to go.
    [[nodiscard]] bool make_room(connection::Handle in_hand, std::size_t bytes_in_hand, Time now);
    void shed(connection::Handle handle, Time now);
    void end(connection::Handle handle, bool unread, Time now);

    /// The connection's record; nullptr if it has none.
    [[nodiscard]] RequestInput* input_of(const connection::Connection& connection);
    /// The connection's record. If there is none, makes one and watches the connection.
    /// @return nullptr if the connection had to be closed.
    [[nodiscard]] RequestInput* make_input(connection::Handle handle);
    void release_input(connection::Connection& connection);
    void set_wait(connection::Handle handle, RequestInput& input, Wait wait, Time now);
    void on_deadline(connection::Handle handle, Time deadline, Time now);
    void count_response(const connection::Connection& connection, int status);
    [[nodiscard]] connection::DeadlineQueue& queue_of(Wait wait);

    UnfinishedBytes unfinished_; // in `inputs_` and `stream_inputs_`
    connection::Connections& connections_;
    connection::ConnectionTable& table_;
    stream::StreamOpener& streams_;
    stream::Polls* polls_ = nullptr;         // nullptr: there are none
    connection::Clients* clients_ = nullptr; // nullptr: there are no proxies
    Place place_;
    metrics::Counters<slot::WorkerCounter>& counters_;
    Routes routes_;
    store::Slab<RequestInput> inputs_;
    std::uint32_t last_ticket_ = 0;
    std::minstd_rand random_;
    StreamInputs stream_inputs_{unfinished_};
    StreamInputs raw_inputs_{unfinished_}; // beginnings of records, of TLS connections
    std::array<connection::DeadlineQueue, kWaits> deadlines_; // by Wait
    std::unique_ptr<char[]> buffer_; // one for all connections: between reads it holds nothing
};

} // namespace zcomet::webnode::request
