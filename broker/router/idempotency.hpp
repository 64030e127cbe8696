// Knows messages again that a client sends once more, by the keys that it gives them.
//
// A client that has no answer sends its message again, perhaps by another web node, whose sender
// has other numbers. So a message may have a key. What became of the first one with its key is
// remembered, and is the answer to all others. They are passed on to nobody.
#pragma once

#include "broker/router/histories.hpp"
#include "broker/router/router_state.hpp"
#include "broker/table/message_keys.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace zcomet::broker::router {

class Idempotency {
  public:
    Idempotency(RouterState& state, const Histories& histories)
        : state_(state), histories_(histories) {}

    /// A message comes. Its key goes, since nodes have no use for it.
    /// @param message  its attributes are valid until the next call.
    /// @param confirm  what its sender wants to know.
    /// @return what the sender is told, if a message with its key came before; else nothing, and it
    ///     is a message like any other.
    /// Cost:  nothing to speak of without a key; with one, a hash of the message.
    [[nodiscard]] std::optional<wire::Outcome> known(wire::Message& message, wire::Confirm confirm);
    /// The first message with the key of the one in hand, which is under way: whether this is that
    /// one, which its sender has sent again.
    [[nodiscard]] bool is_sent_again();
    /// The message that known() has let pass was taken in; so many nodes hold its id.
    void on_held(const wire::Outcome& outcome, Time now);
    /// It was taken in, and is on its way to nodes.
    /// @return its key, for on_arrived(); nothing: it has none, or one that is known already, since
    ///     the first copy of this message is under way.
    [[nodiscard]] std::optional<table::MessageKey> on_under_way(std::uint64_t position, Time now);
    /// It is known where it has arrived.
    void on_arrived(const table::MessageKey& key, std::optional<std::uint32_t> nodes);

    /// Forgets keys that are old.
    void turn(Time now);
    /// When turn() has something to do; kNever if not at all.
    [[nodiscard]] Time due() const { return due_; }

    [[nodiscard]] const table::MessageKeys& keys() const { return keys_; }

  private:
    struct InHand {
        table::MessageKey key;
        std::uint64_t content;
        std::uint32_t origin; // a hash
    };

    [[nodiscard]] wire::Outcome outcome_of(const table::KeyedMessage& first,
                                           wire::Confirm confirm) const;
    table::KeyedMessage& remember(std::uint64_t position, Time now);

    RouterState& state_;
    const Histories& histories_;
    table::MessageKeys keys_;
    std::optional<InHand> in_hand_; // nothing: the message in hand has no key
    std::string attributes_;        // of the message in hand
    Time due_ = kNever;
};

} // namespace zcomet::broker::router
