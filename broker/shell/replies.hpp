// The answers that ZeroMQ holds for each peer, bounded in bytes.
#pragma once

#include "topology/link/queued_bytes.hpp"
#include "topology/store/text_map.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace zcomet::broker::shell {

/// A peer that reads no answers may have kOfPeerMax bytes of them, or kOfPeerWhenFull when all
/// peers together have more than their share. Further answers are dropped, which the router counts.
/// Memory: an entry for each connection that has answers in ZeroMQ's queues, and as many again.
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

  private:
    link::SharedQueuedBytes& count_of(std::string_view connection) {
        if (const auto known = counts_.find(connection); known != counts_.end()) {
            return known->second;
        }
        if (counts_.size() >= look_at_) {
            absl::erase_if(counts_, [](const auto& one) { return one.second->get() == 0; });
            look_at_ = std::max(kLeast, 2 * counts_.size());
        }
        return counts_.emplace(connection, std::make_shared<link::QueuedBytes>()).first->second;
    }

    static constexpr std::size_t kLeast = 1024;
    std::size_t share_;
    std::size_t look_at_ = kLeast; // size at which entries of idle connections are dropped
    link::SharedQueuedBytes all_ = std::make_shared<link::QueuedBytes>();
    store::TextMap<link::SharedQueuedBytes> counts_; // by connection
};

} // namespace zcomet::broker::shell
