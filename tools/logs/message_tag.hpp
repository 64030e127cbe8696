// The tag by which a message can be found again in logs: its sender and its number.
//
//     tag   = " by=" sender "/" number       ; behind the text, in front of a time stamp
//     sender = 1*64id-char                   ; as an id: nothing of it is HTML-escaped
//     number = 1*20DIGIT                     ; from 1 for each sender
//     body  = "Recvd msg #" N ": '" MESSAGE "'<br/>" LF    ; as a comet stream shows a message
//     gap   = "<em>Some messages were missed.</em>"        ; as it begins to say that
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zcomet::tools::logs {

struct MessageTag {
    std::string_view sender;
    std::uint64_t number = 0;

    bool operator==(const MessageTag&) const = default;
};

/// Bytes that the tag of a sender's name of `sender_bytes` takes at most.
[[nodiscard]] constexpr std::size_t tag_bytes_max(std::size_t sender_bytes) {
    return 4 + sender_bytes + 1 + 20;
}

/// Appends the tag to a message. `tag.sender` is a valid id.
void append_tag(std::string& message, const MessageTag& tag);

/// The last tag in a message, whether HTML-escaped or not; nothing if it has none. A view into
/// `message`.
[[nodiscard]] std::optional<MessageTag> find_tag(std::string_view message);

/// The N of a comet stream's chunk; nothing if it is not such a chunk.
[[nodiscard]] std::optional<std::uint32_t> number_on_stream(std::string_view body);

/// Whether a comet stream says by this chunk that it missed messages.
[[nodiscard]] bool tells_of_gap(std::string_view body);

} // namespace zcomet::tools::logs
