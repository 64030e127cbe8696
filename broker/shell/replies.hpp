// The answers that ZeroMQ holds for each peer, bounded in bytes.
#pragma once

#include "topology/base/time.hpp"
#include "topology/link/queued_bytes.hpp"
#include "topology/store/text_map.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::broker::shell {

/// A peer that reads no answers may have kOfPeerMax bytes of them, or kOfPeerWhenFull when all
/// peers together have more than their share. Further answers are dropped, which the router counts.
/// Memory: an entry for each connection that has answers in ZeroMQ's queues, and as many again,
/// which go within some seconds. Thread: the broker's loop.
class Replies {
  public:
    /// Two of the longest answers, or more than any sender can have earned by its window.
    /// @limit bytes of answers that wait for a peer to read them
    static constexpr std::size_t kOfPeerMax = 2U << 20U;
    /// @limit the same when all peers together have too many
    static constexpr std::size_t kOfPeerWhenFull = 64U << 10U;

    /// @param share  of all connections together.
    explicit Replies(std::size_t share) : share_(share) {}
    void set_share(std::size_t share) { share_ = share; }

    /// The message of `frame` for `connection`; an empty one if the peer has too many unread.
    [[nodiscard]] std::optional<zmq::message_t> message(std::string_view connection,
                                                        std::string&& frame) {
        link::SharedQueuedBytes& of_peer = count_of(connection);
        const std::size_t most = all_->get() < share_ ? kOfPeerMax : kOfPeerWhenFull;
        const std::size_t before = of_peer->get();
        if (before > 0 && before + frame.size() > most) {
            return std::nullopt;
        }
        return link::counted_message(
            std::move(frame), [](const std::string& bytes) { return std::string_view(bytes); },
            all_, of_peer);
    }
    [[nodiscard]] std::size_t queued_bytes() const { return all_->get(); }

    /// Forgets connections that have read all their answers. Thousands of them would keep thousands
    /// of pages of the heap, long after they are gone.
    void turn(Time now) {
        if (due() <= now) {
            next_ = now + kLookEach;
            look_at(std::max(kLookedAt, connections_.size() / kLookedAtPart));
        }
    }
    /// When turn() has something to do; kNever if not at all.
    [[nodiscard]] Time due() const { return connections_.empty() ? kNever : next_; }
    /// How many connections it knows.
    [[nodiscard]] std::size_t size() const { return connections_.size(); }

  private:
    link::SharedQueuedBytes& count_of(std::string_view connection) {
        if (const auto known = counts_.find(connection); known != counts_.end()) {
            return known->second;
        }
        look_at(kLookedAtForOne);
        connections_.emplace_back(connection);
        return counts_.emplace(connection, std::make_shared<link::QueuedBytes>()).first->second;
    }

    /// Looks at so many connections in turn.
    void look_at(std::size_t count) {
        for (count = std::min(count, connections_.size()); count > 0; --count) {
            hand_ = hand_ < connections_.size() ? hand_ : 0;
            std::string& connection = connections_[hand_];
            const auto known = counts_.find(connection);
            if (known->second->get() > 0) {
                ++hand_;
                continue;
            }
            counts_.erase(known);
            connection = std::move(connections_.back());
            connections_.pop_back();
        }
    }

    /// @limit time after which a broker looks again which peers have read all their answers
    static constexpr Duration kLookEach = 1s;
    static constexpr std::size_t kLookedAt = 1024;
    static constexpr std::size_t kLookedAtPart = 16; // of all, one in
    static constexpr std::size_t kLookedAtForOne = 2;
    std::size_t share_;
    link::SharedQueuedBytes all_ = std::make_shared<link::QueuedBytes>();
    store::TextMap<link::SharedQueuedBytes> counts_; // by connection
    std::vector<std::string> connections_;           // the same, in some order
    std::size_t hand_ = 0;                           // of them, the next to be looked at
    Time next_ = Time::min();
};

} // namespace zcomet::broker::shell
