// The messages that a node has shown already, of senders that repeat a message without an answer.
#pragma once

#include "topology/wire/frames.hpp"

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <list>

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

    SeenMessages() = default;
    SeenMessages(SeenMessages&&) = default; // no copies: the map points into the list
    SeenMessages& operator=(SeenMessages&&) = default;

    /// @param origin  of a message that has one; any number, since a peer chose it.
    /// @return whether the message is new. From then on it is not.
    /// Cost:  a step for each 64 numbers that were skipped, at most kWords.
    [[nodiscard]] bool add(const wire::Origin& origin);

    [[nodiscard]] std::size_t senders() const { return senders_.size(); }

  private:
    static constexpr std::size_t kWords = wire::kUnacknowledgedMax / 64;
    /// The last kUnacknowledgedMax numbers of one sender, a bit each, at number modulo size.
    struct Window {
        std::uint64_t sender = 0;
        std::uint64_t highest = 0;
        std::uint64_t bits[kWords] = {};

        /// Forgets `count` numbers, from `first` on.
        void clear(std::uint64_t first, std::uint64_t count);
    };
    using Windows = std::list<Window>;

    [[nodiscard]] Window& window_of(std::uint64_t sender);

    Windows windows_; // the sender that was heard last is the first
    absl::flat_hash_map<std::uint64_t, Windows::iterator> senders_;
};

} // namespace zcomet::feed
