// The way to the broker, for questions.
#pragma once

#include "topology/wire/frames.hpp"

namespace zcomet::webnode::ask {

/// As in session::SenderSession.
class Broker {
  public:
    Broker() = default;
    virtual ~Broker() = default;
    Broker(const Broker&) = delete;
    Broker& operator=(const Broker&) = delete;

    [[nodiscard]] virtual bool welcomed() const = 0;
    virtual void ask(const wire::Query& query) = 0;
    virtual void ask(const wire::History& history) = 0;
};

} // namespace zcomet::webnode::ask
