// The messages that a node has shown already, of senders that repeat a message without an answer.
#pragma once

#include "topology/wire/frames.hpp"

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace zcomet::feed {

/// It is exact, because a sender has no more than kUnacknowledgedMax numbers from the oldest
/// message that it may repeat to the newest. It remembers the kSendersMax senders that were heard
/// last.
///
/// Thread: one.   Memory: 4 KiB for each sender, at most 4 MiB.
class SeenMessages {
  public:
    /// @limit senders whose messages a node recognises when they come again
    static constexpr std::size_t kSendersMax = 1024;

    /// @param origin  of a message that has one; any number, since a peer chose it.
    /// @return whether the message is new. From then on it is not.
    /// Cost:  a step for each 64 numbers that were skipped, at most kWords.
    [[nodiscard]] bool add(const wire::Origin& origin);

    [[nodiscard]] std::size_t senders() const { return senders_.size(); }

  private:
    static constexpr std::size_t kWords = wire::kUnacknowledgedMax / 64;
    /// The last kUnacknowledgedMax numbers of one sender, a bit each, at number modulo size.
    struct Window {
        std::uint64_t highest = 0;
        std::uint64_t used = 0; // when it was, by clock_
        std::uint64_t bits[kWords] = {};

        /// Forgets `count` numbers, from `first` on.
        void clear(std::uint64_t first, std::uint64_t count);
    };

    [[nodiscard]] Window& window_of(std::uint64_t sender);
    void forget_the_oldest();

    absl::flat_hash_map<std::uint64_t, std::unique_ptr<Window>> senders_;
    std::uint64_t clock_ = 0; // counts messages
};

} // namespace zcomet::feed
