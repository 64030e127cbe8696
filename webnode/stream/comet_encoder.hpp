// What a comet stream carries. For the stream's N-th message:
//
//     body  = "Recvd msg #" N ": '" MESSAGE "'<br/>"     MESSAGE is HTML-escaped
//     chunk = size-in-hex CRLF body CRLF                 HTTP/1.1; in HTTP/1.0 the body alone
//
// The message is prepared once, however many streams it goes to; a stream then costs its number
// and a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace zcomet::webnode::stream {

/// A message as all its streams share it. Keeps its memory from one message to the next, so one of
/// these serves a whole loop without allocating.
class EncodedMessage {
  public:
    /// Takes the place of whatever was prepared before. `text` is not needed after return.
    void prepare(std::string_view text);

    /// Appends the chunk for the stream's `number`-th message (from 1) to `out`.
    /// Cost: no allocation unless `out` has to grow.
    void append_to(std::string& out, std::uint32_t number, bool chunked) const;

    /// Bytes of memory, about; of a chunk, without its number.
    [[nodiscard]] std::size_t size() const { return tail_.size(); }

  private:
    std::string tail_; // ": 'MESSAGE'<br/>" CRLF
};

/// The chunk that ends a chunked stream.
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

} // namespace zcomet::webnode::stream
