// What a message may carry beside its payload: a block of a tag, a length and a value each.
// docs/PROTOCOL.md, section 4.5.1. A broker checks a block and passes it on as it is.
#pragma once

#include "topology/wire/origin.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace zcomet::wire {

/// Its length is one byte on the wire.
inline constexpr std::size_t kAttributesBytesMax = 255;
/// A broker may add the position.
/// @limit bytes of a message's attributes
inline constexpr std::size_t kSentAttributesBytesMax = 245;
/// @limit bytes of the name of an event
inline constexpr std::size_t kEventBytesMax = 128;
/// @limit bytes of a content type
inline constexpr std::size_t kContentTypeBytesMax = 64;

/// What the attributes of a message say, as far as this release knows them.
struct Attributes {
    std::string_view event{};        ///< which kind of event this is, for the page; empty: none
    std::string_view content_type{}; ///< of the payload; empty: not said
    std::string_view trace_id{};     ///< 16 bytes, by which a message is followed; empty: none
    std::string_view key{};          ///< 16 bytes, which a repeat has as well; empty: none
    std::uint64_t position = 0;      ///< in the order of the broker, which sets it; 0: none
    /// The name under which another broker has had the message; none: this broker is the first.
    Origin origin{};
    bool is_private = false; ///< only for streams that may have it by their tokens
};

inline constexpr std::size_t kKeyBytes = 16;
inline constexpr std::size_t kPositionBytes = 8;
inline constexpr std::size_t kOriginAttributeBytes = 16;

/// Why a text is no name of an event: it is a line of a stream.
/// @return one sentence; empty: it is one.
[[nodiscard]] std::string why_no_event(std::string_view name);

/// @return the block, empty if nothing is said. Each of them is valid, and all together have at
///     most kAttributesBytesMax bytes.
[[nodiscard]] std::string encode(const Attributes& attributes);
/// Sets `out` to a block with this position in addition, which is not 0.
/// @param block  well formed, without a position, of kSentAttributesBytesMax at most.
void add_position(std::string_view block, std::uint64_t position, std::string& out);

/// Gives a block this origin, in the place of one that it may have.
/// @param block  well formed, of kSentAttributesBytesMax at most, and so is the result: where there
///     is no room, the trace id goes.
/// @param origin  its sender is not 0.
void set_origin(std::string& block, const Origin& origin);

/// Adds a key to a block of encode() that has none.
/// @param key  kKeyBytes bytes.
void add_key(std::string& block, std::string_view key);
/// Sets `out` to a block without its key.
/// @param block  well formed.
/// @return the key, a part of `block`; empty: it has none, and `out` is as it was.
[[nodiscard]] std::string_view split_key(std::string_view block, std::string& out);
/// The same for the origin; its sender is 0: the block has none.
[[nodiscard]] Origin split_origin(std::string_view block, std::string& out);

/// Why a block is malformed.   @return one sentence; empty: it is well formed.
/// Thread: any.   Cost: O(size), no allocation unless malformed.
[[nodiscard]] std::string why_malformed_attributes(std::string_view block);

/// @param block  well formed; the views in the result point into it.
[[nodiscard]] Attributes read_attributes(std::string_view block);

} // namespace zcomet::wire
