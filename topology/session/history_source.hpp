// The interface through which a program asks for histories.
#pragma once

#include "topology/wire/frames.hpp"

namespace zcomet::session {

/// Brings questions to the broker that keeps the history. Answers come as NodeEvents::on_kept().
class HistorySource {
  public:
    HistorySource() = default;
    virtual ~HistorySource() = default;
    HistorySource(const HistorySource&) = delete;
    HistorySource& operator=(const HistorySource&) = delete;

    /// As NodeSession::ask().
    virtual void ask(const wire::History& history) = 0;
    /// Whether the node has had a message of that origin from any of its brokers.
    [[nodiscard]] virtual bool was_shown(const wire::Origin& origin) const = 0;
};

} // namespace zcomet::session
