// Keeps messages of ids with a history, gives them their positions, and answers HISTORY.
#pragma once

#include "broker/history/history_store.hpp"
#include "broker/history/position_clock.hpp"
#include "broker/router/router_state.hpp"
#include "topology/history/patterns.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace zcomet::broker::router {

class Histories {
  public:
    Histories(RouterState& state, Time now);

    /// The router has other options.
    void on_options();

    /// Whether messages to `id` are kept.
    [[nodiscard]] bool has(std::string_view id) const {
        return store_ != nullptr && state_.options.history.patterns().match(id);
    }
    /// A message as nodes get it, which is valid until the next call.
    struct Numbered {
        wire::Message message;
        std::uint64_t position = 0; ///< which it has among its attributes; 0: it was not kept
    };
    /// A message was taken in for the first time. If its id has a history, it is kept.
    [[nodiscard]] Numbered keep(const wire::Message& message, Time now);
    /// Of the positions that it gives; 0: it gives none.
    [[nodiscard]] std::uint64_t epoch() const { return store_ == nullptr ? 0 : store_->epoch(); }

    void on_history(const Incoming& in, const wire::History& history);

    /// What nodes are told.
    [[nodiscard]] wire::HistoryTerms terms() const;

    /// Lets messages go that are too old.
    void turn(Time now);
    /// When turn() has something to do; kNever if not at all.
    [[nodiscard]] Time due() const { return expire_due_; }

    /// What the kept messages take.
    [[nodiscard]] std::uint64_t bytes() const { return store_ == nullptr ? 0 : store_->bytes(); }

  private:
    [[nodiscard]] bool holds_all(const Incoming& in, const wire::IdList& ids) const;
    [[nodiscard]] wire::Reach reach_of(const wire::History& history, std::uint64_t since) const;
    /// @return nothing: none of the ids has a history.
    [[nodiscard]] std::optional<std::uint64_t> complete_since(const wire::IdList& ids) const;
    [[nodiscard]] std::uint64_t position_before_newest(const wire::History& history) const;
    void answer(const Incoming& in, const wire::Kept& kept);

    RouterState& state_;
    zcomet::broker::history::PositionClock clock_;
    std::unique_ptr<zcomet::broker::history::HistoryStore> store_; // nullptr: no id has a history
    std::string patterns_;                                         // of the ids that have one
    std::string attributes_;                                       // of the message in hand
    wire::MessageFrameWriter writer_{wire::MessageFrameWriter::Form::kKept};
    Time expire_due_ = kNever;
};

} // namespace zcomet::broker::router
