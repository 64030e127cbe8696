// Which messages a node has shown already, of senders that send again what they hear nothing of.
#pragma once

#include "topology/wire/frames.hpp"

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace zcomet::feed {

/// Exact, since a sender has no more than kUnacknowledgedMax numbers between the oldest that it may
/// send again and the newest. Remembers the senders heard last, kSendersMax of them.
///
/// Thread: one.   Memory: 4 KiB for each sender, at most 4 MiB.
class SeenMessages {
  public:
    /// @limit senders whose messages a node recognises when they come again
    static constexpr std::size_t kSendersMax = 1024;

    /// @param origin  of a message that has one; any number, since a peer chose it.
    /// @return whether it is new; from then on it is not.
    /// Cost:  a step for each 64 numbers that were passed over, at most kWords.
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
