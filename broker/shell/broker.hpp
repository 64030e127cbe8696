// The sockets around a Router: a ROUTER, an XPUB, and pages for operators.
#pragma once

#include "broker/router/router.hpp"
#include "broker/shell/connection_watch.hpp"
#include "broker/shell/event_log.hpp"
#include "broker/shell/gatekeeper.hpp"
#include "broker/shell/handshakes.hpp"
#include "broker/shell/replies.hpp"
#include "topology/admin/admin_server.hpp"
#include "topology/base/result.hpp"
#include "topology/link/queued_bytes.hpp"
#include "topology/link/zmq_socket.hpp"
#include "topology/loop/loop.hpp"
#include "topology/process/heap.hpp"
#include "topology/wire/endpoint.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::broker::shell {

struct BrokerOptions {
    /// Where peers connect; port 0 is any free one.
    wire::HostPort listen{"127.0.0.1", 5555};
    /// Where nodes subscribe; port 0 is any free one.
    wire::HostPort feed{"127.0.0.1", 5556};
    /// Host part of the feed endpoint that nodes are given; empty: that of `feed`.
    std::string advertise;
    /// Of the admin pages; an empty host: none.
    wire::HostPort admin;
    /// By which these are asked, beside the names of this machine: as host::HostNames wants them.
    std::vector<std::string> http_names;
    /// The directory of keys; empty: there is none, and everybody may come.
    std::string keys_path;
    std::vector<keys::KeyFile> allowed_keys; ///< what is in it
    /// All other options. `feed_endpoint` is filled in.
    router::RouterOptions router;
};

/// Thread:  one, for its whole life.
class Broker : private router::RouterHost, private loop::Source {
  public:
    /// Binds all sockets. With keys, `context` has the broker's (Security::of_broker()). A peer
    /// that connects from now on will be heard. Errors:  a port is in use (they name the user, if
    /// known); an address that is not this machine's.
    [[nodiscard]] static Result<std::unique_ptr<Broker>> open(link::LinkContext& context,
                                                              BrokerOptions options);
    ~Broker() override;
    Broker(const Broker&) = delete;
    Broker& operator=(const Broker&) = delete;

    /// "tcp://HOST:PORT", as bound.
    [[nodiscard]] std::string listen_endpoint() const { return peers_.bound_endpoint(); }
    [[nodiscard]] std::string feed_endpoint() const { return feeds_.bound_endpoint(); }
    /// "HOST:PORT"; empty if there is none.
    [[nodiscard]] std::string admin_address() const;

    /// Takes other limits. Everything else in `options` is as it was.
    void set_options(router::RouterOptions options);
    /// As BrokerOptions::http_names.
    void set_http_names(std::vector<std::string> names);
    /// Reads the directory of keys again, if there is one. Does not wait for it.
    void read_keys_again();

    /// Serves until `stop_fd` becomes readable.
    /// @param loop  runs meanwhile, with all its other sources.
    void run(loop::Loop& loop, int stop_fd);

  private:
    Broker(link::LinkContext& context, const BrokerOptions& options);
    [[nodiscard]] Status bind(link::LinkContext& context, const BrokerOptions& options);

    void receive_frames(Time now);
    void receive_subscriptions();
    void take_subscription(zmq::message_t& message);
    void watch_connections(Time now);
    /// Counts what the admin page has refused.
    void watch_admin();

    [[nodiscard]] std::span<const int> fds() const override { return fds_; }
    void on_ready(std::size_t index) override;
    bool turn(Time now) override;
    [[nodiscard]] Time due() const override {
        return std::min({router_->due(), replies_.due(), freed_memory_.due(), connections_->due()});
    }

    bool send_to_peer(std::string_view connection, std::string frame) override;
    bool is_connected(std::string_view connection, std::string probe) override;
    void publish(std::string_view topic, const feed::SharedFrame& frame) override;
    std::string address_of(std::string_view connection) override;
    [[nodiscard]] std::size_t queued_bytes() const override {
        return replies_.queued_bytes() + feed_bytes_->get();
    }
    void on_event(const router::RouterEvent& event) override { log_.write(event, Clock::now()); }

    std::unique_ptr<Gatekeeper> gatekeeper_; // nullptr: no keys are used
    link::ZmqSocket peers_;                  // ROUTER
    link::ZmqSocket feeds_;                  // XPUB
    std::array<int, 2> fds_{peers_.fd(), feeds_.fd()};
    /// Whether there is something to receive; asking ZeroMQ without need costs system calls.
    bool peers_ready_ = true;
    bool feeds_ready_ = true;
    EventLog log_;
    Replies replies_;
    link::SharedQueuedBytes feed_bytes_ = std::make_shared<link::QueuedBytes>();
    process::FreedMemory freed_memory_;
    Handshakes handshakes_;
    std::unique_ptr<ConnectionWatch> connections_;
    program::LogLimit ended_;             // log lines about connections that were ended
    std::uint64_t ended_connections_ = 0; // since the last such line
    /// The frame that the router is handling. It knows its sender's address.
    zmq::message_t* current_ = nullptr;
    std::unique_ptr<router::Router> router_;
    std::unique_ptr<admin::AdminServer> admin_;
    std::vector<std::string> own_names_;
    std::uint64_t host_refusals_ = 0; // of the admin page, as far as they are counted
};

} // namespace zcomet::broker::shell
