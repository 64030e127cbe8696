#include "topology/session/turns.hpp"

namespace zcomet::session {

namespace {
/// Messages received from one socket before the caller gets a turn for its own work.
/// @limit frames that a node or a sender receives of each socket in a turn
constexpr int kReceiveBudget = 64;
} // namespace

void NodeTurn::run(Time now) {
    const int frames = receive_frames(now);
    const int batches = receive_batches(now);
    if (!events_.can_take() && feed_wires_.batch_waits()) {
        session_.on_feed_waiting(now);
    }
    // ZeroMQ does not report that a connection was lost or made, but it wakes us.
    const bool woken_for_nothing = frames == 0 && batches == 0;
    if (woken_for_nothing ? watch_.look(wires_) : watch_.look_after_refusal(wires_)) {
        session_.on_connected(now);
    }
    session_.tick(now);
}

int NodeTurn::receive_frames(Time now) {
    int received = 0;
    for (; received < kReceiveBudget; ++received) {
        const auto frame = wires_.receive();
        if (!frame) {
            break;
        }
        session_.on_broker_frame(*frame, now);
    }
    return received;
}

int NodeTurn::receive_batches(Time now) {
    int received = 0;
    for (; received < kReceiveBudget && events_.can_take(); ++received) {
        const auto batch = feed_wires_.receive_batch();
        if (!batch) {
            break;
        }
        session_.on_feed_frame(*batch, now);
        session_.tick(now); // sends a due acknowledgement, so that the broker goes on meanwhile
    }
    return received;
}

void SenderTurn::receive(Time now) {
    for (int received = 0; received < kReceiveBudget; ++received) {
        const auto frame = wires_.receive();
        if (!frame) {
            break;
        }
        session_.on_broker_frame(*frame, now);
    }
    if (watch_.look_after_refusal(wires_)) {
        session_.on_connected(now);
    }
    if (session_.watches_closely()) {
        session_.on_connection(wires_.connected(), now);
    }
}

} // namespace zcomet::session
