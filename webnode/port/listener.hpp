// A worker's listening socket: accepts in batches, and leaves the group of those that share the
// port while the worker has no room.
#pragma once

#include "topology/base/nearness.hpp"
#include "topology/base/result.hpp"
#include "topology/base/time.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/loop/epoll.hpp"
#include "topology/program/program.hpp"
#include "topology/wire/endpoint.hpp"
#include "webnode/connection/clients.hpp"
#include "webnode/connection/connection_table.hpp"
#include "webnode/port/address_places.hpp"
#include "webnode/port/descriptor_limit.hpp"
#include "webnode/port/http_port.hpp"
#include "webnode/slot/worker_counters.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace zcomet::webnode::port {

/// Thread: the worker's loop only.
///
/// The kernel deals connections out to all listeners of the port, whether they have room or not.
/// Closing a listener resets the connections that the kernel has accepted for it already. So a
/// worker that is full leaves in two steps. First its listener takes no new handshakes
/// (http_port.hpp, turn_away); those under way complete and are served, in places kept in reserve
/// for them. Then its queue is empty, and it leaves the group. The kernel gives new connections to
/// the other listeners; if there are none, it refuses them. The worker returns when a fair number
/// of places is free.
///
/// When descriptors or memory are short it leaves in the same way, and returns after a second.
class Listener {
  public:
    /// @param tag   what the epoll set reports for the socket.
    /// @param held  says how many connections the worker holds.
    /// @param places  counts the connections of each host; lives longer than this.
    /// @param log_field  of its log lines, a constant: where a worker has several ports, "
    /// port=NAME".
    Listener(loop::Epoll& epoll, metrics::Counters<slot::WorkerCounter>& counters,
             std::uint64_t tag, std::function<std::size_t()> held, AddressPlaces& places,
             std::string_view log_field = {});

    /// Errors: as open_listener().
    [[nodiscard]] Status open(const wire::HostPort& address, Capacity capacity,
                              const ConnectionOptions& options);
    void close() { socket_.reset(); }
    /// From now on. Connections that are more than that stay.
    void set_capacity(Capacity capacity) { capacity_ = capacity; }
    /// Also while it is out of the group.
    [[nodiscard]] bool is_open() const { return socket_.valid(); }
    /// Whether it gets its share of new connections.
    [[nodiscard]] bool is_in_group() const { return is_open() && stage_ == Stage::kIn; }
    /// Whether it gets no connection any more, and has accepted those that were under way.
    [[nodiscard]] bool has_left() const { return !is_open() || stage_ == Stage::kOut; }

    /// Accepts the connections that wait, up to a budget, and calls `on_connection(int fd, Origin)`
    /// for each. The callee owns the descriptor, which is non-blocking, and a place of the origin,
    /// which it gives back when the connection ends. A connection of a host that has too many is
    /// answered with 503 instead. Call this when the socket is ready, or due() has come.
    template <typename OnConnection> void accept(Time now, OnConnection&& on_connection) {
        drained_ = !is_open() || stage_ == Stage::kOut;
        for (std::size_t n = 0; n < kBatchMax && !drained_ && !exhausted(); ++n) {
            sockaddr_storage address{};
            const int fd = accept_one(now, address);
            if (fd < 0) {
                return;
            }
            const bool is_of_proxy = clients_ != nullptr && clients_->begin(fd, address);
            const Origin origin = is_of_proxy ? 0 : places_.origin_of(address);
            if (has_too_many(origin)) {
                refuse(fd, address, now);
                continue;
            }
            places_.take(origin);
            // Before this one is answered: a later connection then goes to another worker.
            if (stage_ == Stage::kIn && held_() + 1 >= capacity_.connections) {
                begin_to_leave(now, "streams-max");
            }
            on_connection(fd, origin);
        }
    }

    /// From now on the connections of proxies have no place of their own: place_client() gives
    /// them one. `clients` live longer than this.
    void use(connection::Clients& clients) { clients_ = &clients; }
    /// Gives a connection the place of another host, for which it is; nothing: none.
    /// @return false if that host has too many. The connection then has no place, and should be
    /// answered with kAddressFullWords.
    [[nodiscard]] bool place_client(connection::Connection& connection,
                                    const std::optional<net::IpAddress>& client, Time now);

    /// Warns when a host comes near the bound for it. Call it now and then.
    void watch_addresses();

    /// How many more connections it takes before it leaves; 0 while it is out of the group.
    [[nodiscard]] std::size_t room() const {
        const std::size_t held = held_();
        return is_in_group() && held < capacity_.connections ? capacity_.connections - held : 0;
    }

    /// Takes no connections until readmit(), and leaves as a full worker does: handshakes under way
    /// complete, and are served.
    void withdraw(Time now);
    void readmit();

    /// For a worker that ends: no further handshake begins here. Call accept() as long as
    /// has_waiting() says that the kernel has accepted connections already; then close().
    void turn_away_for_good();
    /// Whether the last accept() has left something that can be accepted.
    [[nodiscard]] bool has_waiting() const { return is_open() && !drained_ && !exhausted(); }

    /// Takes the last step out of the group, or comes back. Call it in each turn, after accept().
    void leave_or_return(Time now);
    /// When there is something to do without an event; kNever while there is not.
    [[nodiscard]] Time due() const;

    /// Time for handshakes under way: a round trip is rarely longer. It is less than the second
    /// after which a client that was turned away tries again.
    /// @limit time that a full worker takes to leave the port
    static constexpr Duration kLeavingTime = 250ms;
    /// Other processes may hold the descriptors that are missing, so no event of ours says when
    /// they are free.
    /// @limit time off the port after a shortage of descriptors
    static constexpr Duration kShortageTime = 1s;

  private:
    enum class Stage : std::uint8_t {
        kIn,      ///< gets its share of new connections
        kLeaving, ///< gets none, and serves those that are on their way
        kOut,     ///< does not listen
    };

    /// Connections accepted between two looks at the broker: a burst of thousands must not hold up
    /// messages for the streams that are open.
    /// @limit connections that a worker accepts in a turn
    static constexpr std::size_t kBatchMax = 64;

    [[nodiscard]] int accept_one(Time now, sockaddr_storage& address);
    [[nodiscard]] bool has_too_many(Origin origin) const;
    void refuse(int fd, const sockaddr_storage& address, Time now);
    void count_refusal(const sockaddr_storage& address, Time now);
    void begin_to_leave(Time now, const char* reason);
    void turn_clients_away(Time now);
    void on_shortage(Time now, const char* reason);
    void leave();
    void come_back(Time now);
    [[nodiscard]] bool is_half_full() const;
    [[nodiscard]] bool exhausted() const;
    [[nodiscard]] bool has_room() const;

    loop::Epoll& epoll_;
    metrics::Counters<slot::WorkerCounter>& counters_;
    std::uint64_t tag_;
    std::function<std::size_t()> held_;
    AddressPlaces& places_;
    connection::Clients* clients_ = nullptr; // nullptr: there are no proxies
    std::string_view log_field_;
    UniqueFd socket_;
    bool speaks_tls_ = false;
    Capacity capacity_;
    Stage stage_ = Stage::kIn;
    Time leave_at_ = kNever;       // while it is leaving
    Time return_at_ = Time::min(); // not before
    bool is_withdrawn_ = false;
    bool returns_quietly_ = false; // it was withdrawn, so nothing is said of room
    bool drained_ = false;         // accept() has left nothing that can be accepted
    program::LogLimit full_log_;
    program::LogLimit room_log_;
    program::LogLimit address_log_;
    Nearness near_per_address_;
};

} // namespace zcomet::webnode::port
