// Finds the end of an HTTP/1 request in the bytes of a connection, and refuses early what is too
// long, malformed or not HTTP at all. It reads the framing only (request line, header lines,
// Content-Length, chunks) and who and what is asked (Host, the target); cpp-httplib reads the rest,
// and only from complete requests.
//
// It is stricter than cpp-httplib on purpose: anything that two readers could understand
// differently (a bare LF, a folded line, two lengths, two hosts, a length beside
// chunks, a path with "..") is refused, so
// that both always see the same request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zcomet::http {

/// Bytes of a request line, its CRLF included; cpp-httplib's own limit.
/// @limit bytes of a request line
inline constexpr std::size_t kRequestLineBytesMax = 8192;
/// Bytes of one header line without its CRLF; with it, cpp-httplib's own limit of 8,192.
/// @limit bytes of a header line
inline constexpr std::size_t kHeaderLineBytesMax = 8190;
/// Bytes of request line, header lines and the empty line together. Browsers send some 500; large
/// cookies reach 8 KiB.
/// @limit bytes of a request's head
inline constexpr std::size_t kRequestHeadBytesMax = 16384;
/// @limit headers of a request
inline constexpr std::size_t kRequestHeadersMax = 100;
/// Room for the largest message and its framing.
/// @limit bytes of a request's body
inline constexpr std::size_t kRequestBodyBytesMax = 1U << 20U;
/// The first line of a chunk, with extensions, which nobody uses. It is without its CRLF.
/// @limit bytes of a chunk's first line
inline constexpr std::size_t kChunkLineBytesMax = 1024;
/// What chunks add to a body: first lines, ends, trailers. The largest request with many messages
/// fits with a chunk for each line of 20 bytes.
/// @limit bytes that chunks add to a request's body
inline constexpr std::size_t kChunkFramingBytesMax = 1U << 19U;

class RequestReader {
  public:
    enum class Verdict : std::uint8_t { kNeedMore, kComplete, kRefuse };

    struct Outcome {
        Verdict verdict = Verdict::kNeedMore;
        /// kComplete: bytes of the request, head and body; what follows them belongs to the next.
        std::size_t length = 0;
        /// kRefuse: the HTTP status to answer with before closing: 400, 413, 414, 415, 431, 501
        /// or 505.
        int status = 0;
    };

    /// Looks at a request that grows.
    /// @param so_far  all bytes since the request began, at least those of the last call, wherever
    ///     they are kept now; borrowed until return.
    /// Continues where the last call ended: every byte is looked at once, whatever the chunks.
    /// After kComplete or kRefuse, begin the next request with a new RequestReader.
    /// Thread: any, one at a time.   Cost: O(new bytes), no allocation.
    [[nodiscard]] Outcome read(std::string_view so_far);

    /// Whether the head is complete, the body is not, and the client waits for "100 Continue"
    /// before it sends the body. True once for each request: the caller then sends kContinue.
    [[nodiscard]] bool take_continue_wish();

    /// Whether the head is complete and a body belongs to the request; the body may have come as
    /// well. The caller then asks whether a route takes the body (HttpFront::refuse_body), so that
    /// it reads none for nothing. True once for each request; for one in chunks, once more after
    /// each read() that found a further chunk.
    [[nodiscard]] bool take_body_wish();
    /// Once the head is complete: its bytes, and those of the body behind it. Of a body in chunks,
    /// the bytes of all chunks that have begun; 1 if none has, since it is not empty for sure.
    [[nodiscard]] std::size_t head_bytes() const { return head_bytes_; }
    [[nodiscard]] std::size_t body_bytes() const {
        return is_chunked_ && body_bytes_ == 0 ? 1 : body_bytes_;
    }
    /// Whether the body comes in chunks: join_chunks() makes a whole request of a complete one.
    [[nodiscard]] bool is_chunked() const { return is_chunked_; }

    /// Whether the method is HEAD, as far as the request has come: then no answer has a body.
    [[nodiscard]] bool is_head() const { return is_head_; }

  private:
    enum class Part : std::uint8_t {
        kRequestLine,
        kHeaders,
        kBody, ///< of a known length; the further ones are of a body in chunks
        kChunkSize,
        kChunkData,
        kTrailers,
        kEnd,
    };
    /// What the helpers below return for "go on"; anything else is the status to refuse with.
    static constexpr int kFine = 0;
    struct Line {
        int status = kFine;
        bool is_whole = false; ///< its CRLF has come
        std::string_view text{};
    };

    [[nodiscard]] bool head_is_whole() const { return part_ >= Part::kBody; }
    /// Looks for the end of the line that begins at line_start_, from scanned_ on. Both are behind
    /// the line afterwards, if it is whole.
    [[nodiscard]] Line read_line(std::string_view so_far);
    [[nodiscard]] int read_head(std::string_view so_far);
    [[nodiscard]] int check_unfinished(std::string_view line, std::size_t head_bytes) const;
    [[nodiscard]] int on_line(std::string_view line);
    [[nodiscard]] int on_request_line(std::string_view line);
    [[nodiscard]] int on_header_line(std::string_view line);
    [[nodiscard]] int on_content_length(std::string_view value);
    [[nodiscard]] int on_transfer_encoding(std::string_view value);
    [[nodiscard]] int on_host(std::string_view value);
    [[nodiscard]] int on_head_end();
    [[nodiscard]] int read_chunks(std::string_view so_far);
    [[nodiscard]] int on_chunk_line(const Line& line);
    [[nodiscard]] int on_trailer_line(const Line& line);

    // Offsets and sizes in bytes; 32 bits are plenty within the limits above.
    std::uint32_t line_start_ = 0; // kChunkData: where the chunk's data end
    std::uint32_t scanned_ = 0;
    std::uint32_t head_bytes_ = 0;
    std::uint32_t body_bytes_ = 0; // of chunks: of all that have begun
    std::uint8_t headers_ = 0;     // and trailers
    Part part_ = Part::kRequestLine;
    bool is_http_1_0_ : 1 = false;
    bool is_head_ : 1 = false;
    bool has_host_ : 1 = false;
    bool has_length_ : 1 = false;
    bool is_chunked_ : 1 = false;
    bool expects_continue_ : 1 = false;
    bool body_asked_ : 1 = false; // take_body_wish() was true
};

/// Tells a waiting client that it may send the body.
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

} // namespace zcomet::http
