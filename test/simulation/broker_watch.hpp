// What the checks see of a broker, and what they may ask it.
#pragma once

#include "broker/router/router.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace zcomet::sim {

/// What the checks may ask the broker.
class BrokerView {
  public:
    virtual ~BrokerView() = default;
    virtual std::string ask(std::string_view what, std::string_view argument) = 0;
    [[nodiscard]] virtual std::uint64_t counter(broker::table::BrokerCounter counter) const = 0;
    /// Of its history.
    [[nodiscard]] virtual std::uint64_t epoch() const = 0;
    /// Its system's clock when it began.
    [[nodiscard]] virtual std::uint64_t unix_ms() const = 0;
};

/// Hears of everything that a broker does. This one does nothing: a cluster of several brokers is
/// checked from the side of its nodes and senders.
class BrokerWatch {
  public:
    BrokerWatch() = default;
    virtual ~BrokerWatch() = default;
    BrokerWatch(const BrokerWatch&) = delete;
    BrokerWatch& operator=(const BrokerWatch&) = delete;

    virtual void on_broker_start(BrokerView& /*broker*/) {}
    virtual void on_broker_end() {}
    virtual void before_frame(std::string_view /*connection*/, std::string_view /*frame*/) {}
    virtual void after_frame() {}
    virtual void after_turn() {}
    virtual void on_reply(std::string_view /*connection*/, std::string_view /*frame*/) {}
    virtual void on_publish(std::string_view /*topic*/, std::string_view /*frame*/) {}
    virtual void on_event(const broker::router::RouterEvent& /*event*/) {}
    /// Whether the present broker has welcomed the process, and heard it so lately that it cannot
    /// pass for gone.
    [[nodiscard]] virtual bool is_heard(std::uint64_t /*incarnation*/) const { return false; }
    /// Where it was welcomed last; only of a process that is_heard().
    [[nodiscard]] virtual std::string connection_of(std::uint64_t /*incarnation*/) const {
        return {};
    }
};

} // namespace zcomet::sim
