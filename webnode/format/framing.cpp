#include "webnode/format/framing.hpp"

#include <array>
#include <charconv>
#include <cstddef>

namespace zcomet::webnode::format {

namespace {

/// The digits of a chunk's size, and CRLF.
class ChunkHead {
  public:
    explicit ChunkHead(std::size_t body_bytes) {
        char* const end =
            std::to_chars(text_.data(), text_.data() + kHexDigitsMax, body_bytes, 16).ptr;
        end[0] = '\r';
        end[1] = '\n';
        size_ = static_cast<std::size_t>(end - text_.data()) + kCrlf.size();
    }
    [[nodiscard]] std::string_view text() const { return {text_.data(), size_}; }

  private:
    std::array<char, kHexDigitsMax + kCrlf.size()> text_;
    std::size_t size_;
};

} // namespace

http::Reply endless_reply(std::string_view type, const http::Request& request) {
    http::Reply reply;
    reply.type = type;
    // nginx and other proxies then pass chunks on at once.
    reply.headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
    reply.body = request.is_http_1_0() ? http::Reply::Body::kBare : http::Reply::Body::kChunked;
    return reply;
}

void append_framed(std::string& out, std::string_view body, Framing framing) {
    if (framing == Framing::kBare) {
        out.append(body);
        return;
    }
    out.append(ChunkHead(body.size()).text());
    out.append(body);
    out.append(kCrlf);
}

void make_chunk(std::string& body) {
    const ChunkHead head(body.size());
    body.insert(0, head.text());
    body.append(kCrlf);
}

void append_chunk(std::string& out, std::string_view chunk, Framing framing) {
    if (framing == Framing::kBare) {
        chunk.remove_prefix(chunk.find(kCrlf) + kCrlf.size());
        chunk.remove_suffix(kCrlf.size());
    }
    out.append(chunk);
}

} // namespace zcomet::webnode::format
