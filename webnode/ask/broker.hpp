// The way to the brokers, for questions.
#pragma once

#include "topology/wire/frames.hpp"

#include <string_view>

namespace zcomet::webnode::ask {

/// As in session::Failover.
class Broker {
  public:
    Broker() = default;
    virtual ~Broker() = default;
    Broker(const Broker&) = delete;
    Broker& operator=(const Broker&) = delete;

    [[nodiscard]] virtual bool has_broker(std::string_view id) const = 0;
    virtual void ask(std::string_view id, const wire::Query& query) = 0;
    virtual void ask(std::string_view id, const wire::History& history) = 0;
};

} // namespace zcomet::webnode::ask
