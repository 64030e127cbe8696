// Reads an HTTP/1.1 chunked body as it comes in: counts chunks, and finds the time stamps that
// msggen puts into messages.
//
//     chunk = 1*8HEXDIG [ ";" extension ] CRLF data CRLF        ; RFC 9112, section 7.1
//     last  = 1*"0" [ ";" extension ] CRLF *( trailer CRLF ) CRLF
//     stamp = " ts=" 1*19DIGIT                                  ; inside data: CLOCK_REALTIME, ns
//
// It keeps its place and no data, since a load test has one for each of very many streams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zcomet::tools::floodtest {

class ChunkParser {
  public:
    /// A message has at most 64 KiB, and six times that with every character HTML-escaped. A chunk
    /// far beyond that is not from our server.
    static constexpr std::uint32_t kChunkBytesMax = 16U << 20U;

    enum class Event : std::uint8_t {
        kNeedMore, ///< all of `bytes` was read; call again with what comes next
        kChunk,    ///< a chunk is complete; stamp() is its time stamp
        kEnd,      ///< the body is complete; nothing further is read
        kBad,      ///< not a chunked body; nothing further is read
    };

    /// Reads on until something happens. Call until it returns anything but kChunk.
    /// @param bytes  what came in, cut anywhere; what was read is taken off its front.
    /// @param data   if not nullptr, the data of chunks is appended here.
    /// Errors:  kBad, for content that breaks the grammar or the bound. Never throws.
    /// Thread:  any.   Cost: O(bytes read), no allocation but by `data`.
    [[nodiscard]] Event next(std::string_view& bytes, std::string* data = nullptr);

    /// The last stamp in the chunk that was completed last, in nanoseconds since 1970.
    [[nodiscard]] std::optional<std::uint64_t> stamp() const {
        return stamp_ == 0 ? std::nullopt : std::optional(stamp_);
    }

    /// Whether the chunk that was completed last shows a message, as far as its beginning tells:
    /// what else streams say begins in other ways, unless a sender calls its event "gap" or
    /// "position".
    [[nodiscard]] bool has_message() const { return has_message_; }

  private:
    enum class State : std::uint8_t {
        kSize,         ///< hexadecimal digits
        kExtension,    ///< what may follow the size; ignored
        kSizeLf,       ///< the size line's LF is due
        kData,         ///< `remaining_` bytes to come
        kDataCr,       ///< the CR after the data is due
        kDataLf,       ///< the LF after that is due
        kTrailerStart, ///< beginning of a line after the last chunk
        kTrailer,      ///< within such a line
        kEndLf,        ///< the LF of the empty line is due
        kEnd,
        kBad,
    };

    [[nodiscard]] State after_size_byte(char c);
    [[nodiscard]] State after_framing_byte(char c);
    [[nodiscard]] State begin_data();
    void read_data(std::string_view data);
    void read_beginning_byte(char c);
    void read_stamp_byte(char c);
    void finish_stamp();

    std::uint64_t stamp_ = 0;     ///< last whole stamp of this chunk; 0: none
    std::uint64_t digits_ = 0;    ///< value of the digits read so far of a stamp
    std::uint32_t remaining_ = 0; ///< the size as read so far; then bytes of data to come
    State state_ : 4 = State::kSize;
    std::uint8_t size_digits_ : 4 = 0;
    std::uint8_t stamp_digits_ : 5 = 0;
    std::uint8_t matched_ : 3 = 0; ///< how much of " ts=" was just read
    bool has_message_ : 1 = false;
    bool is_beginning_ : 1 = false;    ///< a chunk without a message may begin like this
    std::uint8_t beginning_ : 4 = 0;   ///< of which kind
    std::uint8_t beginning_bytes_ = 0; ///< how much of it has come
};

static_assert(sizeof(ChunkParser) <= 24, "one is kept for each stream of a load test");

} // namespace zcomet::tools::floodtest
