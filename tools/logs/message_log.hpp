// The lines of the logs that zcomet-msggen and zcomet-floodtest write with --log, and that
// zcomet-ctl reconcile compares. Fields are separated by tabs; a line ends in a newline.
//
//     sent  = "sent"  SENDER NUMBER ID TIME GENERATOR FATE    ; one for each message, in order
//     FATE  = NODES / "void" / "unconfirmed"
//     open  = "open"  STREAM ID TIME
//     got   = "got"   STREAM ID TIME N SENDER NUMBER          ; without a tag: "-" and 0
//     gap   = "gap"   STREAM ID TIME                          ; told that it missed messages
//     close = "close" STREAM ID TIME
//
// NUMBER counts a sender's messages from 1, N those of a stream as the stream shows them, NODES
// says how many nodes held the id (1 or more). TIME is in nanoseconds since 1970.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zcomet::tools::logs {

/// What the sender knows about a message's fate.
enum class Fate : std::uint8_t {
    kHeld,        ///< some node held the id
    kVoid,        ///< no node did
    kUnconfirmed, ///< the broker was lost, or did not answer
};

/// "held", "void", "unconfirmed".
[[nodiscard]] std::string_view name_of(Fate fate);

struct SentLine {
    std::string_view sender;
    std::uint64_t number = 0;
    std::string_view id;
    std::uint64_t time_ns = 0;
    std::uint32_t generator = 0;
    Fate fate = Fate::kHeld;
    std::uint32_t nodes = 0; ///< with kHeld

    bool operator==(const SentLine&) const = default;
};

/// Something that happened to one stream.
struct StreamLine {
    enum class What : std::uint8_t { kOpen, kGot, kGap, kClose };
    What what = What::kOpen;
    std::uint64_t stream = 0;
    std::string_view id;
    std::uint64_t time_ns = 0;
    std::uint32_t number_on_stream = 0; ///< kGot
    std::string_view sender;            ///< kGot; empty: the message has no tag
    std::uint64_t number = 0;           ///< kGot

    bool operator==(const StreamLine&) const = default;
};

void append_line(std::string& out, const SentLine& line);
void append_line(std::string& out, const StreamLine& line);

/// @param text  a line without its newline. @return nothing if it is not such a line; views
/// into `text`.
[[nodiscard]] std::optional<SentLine> parse_sent_line(std::string_view text);
[[nodiscard]] std::optional<StreamLine> parse_stream_line(std::string_view text);

} // namespace zcomet::tools::logs
