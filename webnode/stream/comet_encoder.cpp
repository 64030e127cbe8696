#include "webnode/stream/comet_encoder.hpp"

#include "webnode/stream/html_escape.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

namespace zcomet::webnode::stream {

namespace {

constexpr std::string_view kHead = "Recvd msg #";
constexpr std::string_view kCrlf = "\r\n";

constexpr std::size_t kDigitsMax = 10;    // of a u32
constexpr std::size_t kHexDigitsMax = 16; // of a size_t
constexpr std::size_t kFrontBytesMax = kHexDigitsMax + kCrlf.size() + kHead.size() + kDigitsMax;

} // namespace

void EncodedMessage::prepare(std::string_view text) {
    tail_.assign(": '");
    append_html_escaped(tail_, text);
    tail_.append("'<br/>");
    tail_.append(kCrlf);
}

void EncodedMessage::append_to(std::string& out, std::uint32_t number, bool chunked) const {
    std::array<char, kDigitsMax> digits;
    char* digits_end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    const std::size_t digit_count = static_cast<std::size_t>(digits_end - digits.data());

    std::array<char, kFrontBytesMax> front;
    char* at = front.data();
    std::size_t tail_bytes = tail_.size() - kCrlf.size();
    if (chunked) {
        const std::size_t body_bytes = kHead.size() + digit_count + tail_bytes;
        at = std::to_chars(at, at + kHexDigitsMax, body_bytes, 16).ptr;
        at = std::copy(kCrlf.begin(), kCrlf.end(), at);
        tail_bytes += kCrlf.size();
    }
    at = std::copy(kHead.begin(), kHead.end(), at);
    at = std::copy(digits.data(), digits_end, at);

    out.append(front.data(), static_cast<std::size_t>(at - front.data()));
    out.append(tail_, 0, tail_bytes);
}

} // namespace zcomet::webnode::stream
