// A simulated zcomet-broker: a Router between simulated sockets, as broker/shell/broker.cpp has one
// between real sockets.
#pragma once

#include "broker/router/router.hpp"
#include "test/simulation/network.hpp"
#include "test/simulation/process.hpp"
#include "test/simulation/promises.hpp"

#include <cstdint>
#include <deque>
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
    BrokerProcess(World& world, Network& network, Promises& promises,
                  broker::router::RouterOptions options);

    /// The process is gone at once, with all its memory.
    void crash(Word word);

    /// A stranger says HELLO in the place of a peer that the broker has heard lately, if there is
    /// one with that incarnation.
    /// @return whether there is.
    bool forge_hello(std::uint64_t incarnation, wire::Role role, const std::string& name);

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

    void on_arrival(const std::string& connection, std::string frame) override;
    void on_subscription(const std::string& topic, bool subscribed) override;

    bool send_to_peer(std::string_view connection, std::string frame) override;
    bool is_connected(std::string_view connection, std::string probe) override;
    void check_stranger(std::string_view connection, std::string_view frame);
    void publish(std::string_view topic, const feed::SharedFrame& frame) override;
    std::string address_of(std::string_view connection) override;
    void on_event(const broker::router::RouterEvent& event) override;

    Network& network_;
    Promises& promises_;
    broker::router::RouterOptions options_;
    broker::router::Router router_;
    std::deque<std::pair<std::string, std::string>> frames_; // with the connection
    std::deque<std::pair<std::string, bool>> subscriptions_;
    std::string answer_; // for ask()
};

} // namespace zcomet::sim
