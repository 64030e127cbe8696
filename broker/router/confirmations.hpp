// Tells senders where their messages went, by RECEIPT and by ACKNOWLEDGED.
#pragma once

#include "broker/router/histories.hpp"
#include "broker/router/idempotency.hpp"
#include "broker/router/router_state.hpp"
#include "broker/table/acknowledgements.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace zcomet::broker::router {

class Confirmations {
  public:
    Confirmations(RouterState& state, const Histories& histories, Idempotency& idempotency)
        : state_(state), histories_(histories), idempotency_(idempotency) {}

    /// What became of the next message of the RECEIPT that is being made. Not known: it came
    /// before, and that is not remembered.
    void add_to_receipt(const wire::Outcome& outcome) { receipt_.add(outcome); }
    /// Sends the RECEIPT, whose first message has the number `first`.
    void send_receipt(std::string_view connection, std::uint64_t first);

    /// A SEND frame of `count` messages that wants an ACKNOWLEDGED is about to be routed;
    /// end_send() must follow.
    /// @return absent if the sender awaits one for these messages already.
    [[nodiscard]] std::optional<table::AwaitedSendIndex>
    begin_send(table::Peer& sender, std::uint64_t first, std::uint32_t count);
    // Of message number `message` of the frame, from 0; each once, by rising number.
    /// It has that position in the history.
    void set_position(table::AwaitedSendIndex send, std::uint32_t message, std::uint64_t position) {
        acknowledgements_.set_position(send, message, position);
    }
    /// As table::Acknowledgements::set_moved().
    void set_moved(table::AwaitedSendIndex send, std::uint32_t message) {
        acknowledgements_.set_moved(send, message);
    }
    /// Its sender is told this of it. No copy of it is expected.
    void set_outcome(table::AwaitedSendIndex send, std::uint32_t message,
                     const wire::Outcome& outcome) {
        acknowledgements_.set_outcome(send, message, outcome);
    }
    /// It has that key, of which Idempotency hears what became of the message.
    void set_key(table::AwaitedSendIndex send, std::uint32_t message,
                 const table::MessageKey& key) {
        acknowledgements_.set_key(send, message, key);
    }
    /// Message number `message` of the frame, from 0, went into `batch` of the node's feed.
    void expect(table::NodePart& node, std::uint64_t batch, table::AwaitedSendIndex send,
                std::uint32_t message) {
        acknowledgements_.expect(node.awaited, batch, send, message);
    }
    /// All messages of the frame are routed.
    void end_send(table::AwaitedSendIndex send);

    /// The node has applied its feed up to batch `through`.
    void on_applied(table::NodePart& node, std::uint64_t through);
    /// The node's feed may have shed batches since the last call: their copies will not arrive.
    void on_shed(table::NodePart& node);
    /// The node is gone, and what it has not acknowledged counts as not arrived.
    void on_node_gone(table::NodePart& node);
    /// The sender is gone, and gets no answers any more.
    void on_sender_gone(const table::SenderPart& sender);

    /// Bytes that sends and copies take which await an acknowledgement.
    [[nodiscard]] std::size_t memory_bytes() const { return acknowledgements_.memory_bytes(); }

  private:
    void acknowledge(const table::AwaitedSend& send);
    [[nodiscard]] wire::Outcome outcome_of(const table::AwaitedSend& send,
                                           std::size_t message) const;
    void tell_keys(const table::AwaitedSend& send);
    /// What the table of acknowledgements calls for each frame whose answer is known.
    [[nodiscard]] auto acknowledger() {
        return [this](const table::AwaitedSend& send) { acknowledge(send); };
    }

    RouterState& state_;
    const Histories& histories_;
    Idempotency& idempotency_;
    table::Acknowledgements acknowledgements_;
    wire::OutcomesWriter receipt_;  // of the frame that is being routed
    wire::OutcomesWriter outcomes_; // of an ACKNOWLEDGED, which may become due meanwhile
};

} // namespace zcomet::broker::router
