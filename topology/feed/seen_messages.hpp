// The messages that a node has shown already, of senders that repeat a message without an answer.
#pragma once

#include "topology/wire/frames.hpp"

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>

namespace zcomet::feed {

/// Numbers are kept in blocks, a bit each. It is exact for the last kUnacknowledgedMax numbers of a
/// sender, which are those that the sender may repeat. A number far from these (a forged one, or
/// one of a sender that has sent very many elsewhere) gets a block of its own and hides no other
/// number: a message that cannot be told from one that was shown counts as new.
///
/// It remembers the kSendersMax senders that were heard last.
///
/// Thread: one.   Memory: at most 8 KiB for each sender, 8 MiB in all.
class SeenMessages {
  public:
    /// @limit senders whose messages a node recognises when they come again
    static constexpr std::size_t kSendersMax = 1024;

    SeenMessages() = default;
    SeenMessages(SeenMessages&&) = default; // no copies: the map points into the list
    SeenMessages& operator=(SeenMessages&&) = default;

    /// @param origin  of a message that has one; any number, since a peer chose it.
    /// @return whether the message is new. From then on it is not.
    [[nodiscard]] bool add(const wire::Origin& origin);
    /// @return whether add() was called for it, as far as is remembered.
    [[nodiscard]] bool has(const wire::Origin& origin) const;

    [[nodiscard]] std::size_t senders() const { return senders_.size(); }

  private:
    static constexpr std::uint64_t kBlockNumbers = wire::kUnacknowledgedMax / 2;
    /// The window touches three blocks at most. The fourth is for a number far away.
    static constexpr std::size_t kBlocks = 4;
    struct Block {
        std::uint64_t place = 0; ///< of its first number, in blocks
        std::uint64_t used = 0;  ///< when it was, by clock_
        std::array<std::uint64_t, kBlockNumbers / 64> bits{};
    };
    struct Sender {
        std::uint64_t incarnation = 0;
        std::array<std::unique_ptr<Block>, kBlocks> blocks;
    };
    [[nodiscard]] Sender& sender_of(std::uint64_t incarnation);
    [[nodiscard]] Block& block_of(Sender& sender, std::uint64_t place);

    std::list<Sender> senders_; // the one heard last comes first
    absl::flat_hash_map<std::uint64_t, std::list<Sender>::iterator> by_incarnation_;
    std::uint64_t clock_ = 0; // counts messages
};

} // namespace zcomet::feed
