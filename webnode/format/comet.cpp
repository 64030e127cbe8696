#include "webnode/format/comet.hpp"

#include "webnode/format/html_escape.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace zcomet::webnode::format {

namespace {

constexpr std::string_view kHead = "Recvd msg #";
constexpr std::string_view kCrlf = "\r\n";

constexpr std::size_t kDigitsMax = 10;    // of a u32
constexpr std::size_t kHexDigitsMax = 16; // of a size_t
constexpr std::size_t kFrontBytesMax = kHexDigitsMax + kCrlf.size() + kHead.size() + kDigitsMax;

class Comet final : public StreamFormat {
  public:
    [[nodiscard]] std::string_view name() const override { return "comet"; }

    [[nodiscard]] http::Reply open(const http::Request& request) const override {
        http::Reply reply;
        reply.type = "text/html; charset=utf-8";
        // nginx and other proxies then pass chunks on at once.
        reply.headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
        reply.body = request.is_http_1_0() ? http::Reply::Body::kBare : http::Reply::Body::kChunked;
        return reply;
    }

    /// `shared` is ": 'MESSAGE'<br/>" LF CRLF.
    void prepare(std::string_view text, std::string& shared) const override {
        shared.assign(": '");
        append_html_escaped(shared, text);
        shared.append("'<br/>\n");
        shared.append(kCrlf);
    }

    void append(std::string& out, std::string_view shared, std::uint32_t number,
                Framing framing) const override {
        std::array<char, kDigitsMax> digits;
        char* digits_end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
        const std::size_t digit_count = static_cast<std::size_t>(digits_end - digits.data());

        std::array<char, kFrontBytesMax> front;
        char* at = front.data();
        std::size_t tail_bytes = shared.size() - kCrlf.size();
        if (framing == Framing::kChunked) {
            const std::size_t body_bytes = kHead.size() + digit_count + tail_bytes;
            at = std::to_chars(at, at + kHexDigitsMax, body_bytes, 16).ptr;
            at = std::copy(kCrlf.begin(), kCrlf.end(), at);
            tail_bytes += kCrlf.size();
        }
        at = std::copy(kHead.begin(), kHead.end(), at);
        at = std::copy(digits.data(), digits_end, at);

        out.append(front.data(), static_cast<std::size_t>(at - front.data()));
        out.append(shared, 0, tail_bytes);
    }

    [[nodiscard]] std::string_view gap(Framing framing) const override {
        static constexpr std::string_view kBody = "<em>Some messages were missed.</em><br/>\n";
        static constexpr std::string_view kChunk =
            "29\r\n<em>Some messages were missed.</em><br/>\n\r\n";
        static_assert(kBody.size() == 0x29 && kChunk.size() == 4 + 0x29 + 2);
        return framing == Framing::kChunked ? kChunk : kBody;
    }

    /// The end of a chunked answer tells the browser that it was not cut off.
    [[nodiscard]] std::string_view farewell(Framing framing) const override {
        return framing == Framing::kChunked ? "0\r\n\r\n" : std::string_view();
    }
};

} // namespace

const StreamFormat& comet_format() {
    static const Comet format;
    return format;
}

} // namespace zcomet::webnode::format
