// A simulated zcomet-broker: a Router between simulated sockets, as broker/shell/broker.cpp has one
// between real sockets.
#pragma once

#include "broker/router/router.hpp"
#include "test/simulation/broker_watch.hpp"
#include "test/simulation/network.hpp"
#include "test/simulation/process.hpp"
#include "topology/keys/key_ring.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace zcomet::sim {

class BrokerProcess : public Process,
                      public NetworkServer,
                      public BrokerView,
                      private broker::router::RouterHost {
  public:
    /// @param options  complete but for `incarnation`, `feed_endpoint` and `random`, which are
    ///     filled in.
    /// @param watch  hears of everything that the broker does.
    BrokerProcess(World& world, Network& network, BrokerWatch& watch,
                  broker::router::RouterOptions options, std::string name = "broker");

    /// The process is gone at once, with all its memory.
    void crash(Word word);

    /// A stranger says HELLO in the place of a peer that the broker has heard lately, if there is
    /// one with that incarnation.
    /// @return whether there is.
    bool forge_hello(std::uint64_t incarnation, wire::Role role, const std::string& name);

    /// Somebody with a key of the role node tries to be a process that the broker has heard lately,
    /// to hear its feed, or to ask.
    /// @return whether there is such a process.
    bool intrude(std::uint64_t incarnation, wire::Role role, const std::string& name);

    std::string ask(std::string_view what, std::string_view argument) override;
    [[nodiscard]] std::uint64_t counter(broker::table::BrokerCounter counter) const override {
        return router_.counters().get(counter);
    }
    [[nodiscard]] std::uint64_t epoch() const override { return options_.incarnation; }
    [[nodiscard]] std::uint64_t unix_ms() const override { return options_.unix_ms; }

  private:
    void turn() override;
    [[nodiscard]] Time due() const override;
    void take_in_frames();
    [[nodiscard]] const keys::KnownKey& key_of(const std::string& owner);
    [[nodiscard]] const keys::KnownKey& key_of_connection(const std::string& connection);
    void say_as_intruder(const std::string& frame);
    void check_intruder(std::string_view frame);

    void on_arrival(const std::string& connection, std::string frame) override;
    void on_subscription(const std::string& client, const std::string& topic,
                         bool subscribed) override;

    bool send_to_peer(std::string_view connection, std::string frame) override;
    bool is_connected(std::string_view connection, std::string probe) override;
    void check_stranger(std::string_view connection, std::string_view frame);
    void publish(std::string_view topic, const feed::SharedFrame& frame) override;
    std::string address_of(std::string_view connection) override;
    void on_event(const broker::router::RouterEvent& event) override;

    Network& network_;
    BrokerWatch& watch_;
    broker::router::RouterOptions options_;
    std::map<std::string, keys::KnownKey> keys_; // by process; the router refers to them
    std::map<std::string, std::string> claimed_; // by a stranger's connection: whose place
    broker::router::Router router_;
    std::deque<std::pair<std::string, std::string>> frames_; // with the connection
    struct Subscription {
        std::string client;
        std::string topic;
        bool begins = false;
    };
    std::deque<Subscription> subscriptions_;
    bool is_intruder_refused_ = false; // what it has just said
    std::string answer_;               // for ask()
};

} // namespace zcomet::sim
