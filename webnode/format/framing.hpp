// The head of a stream and the framing of its body, for formats: HTTP/1.1 wants chunks, HTTP/1.0
// the bytes alone.
#pragma once

#include "webnode/format/stream_format.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace zcomet::webnode::format {

inline constexpr std::string_view kCrlf = "\r\n";
/// Of a chunk's size, a size_t.
inline constexpr std::size_t kHexDigitsMax = 16;

/// The head of an endless answer of this type, a constant, in the framing that the client reads.
[[nodiscard]] http::Reply endless_reply(std::string_view type, const http::Request& request);

/// Appends `body`, which is not empty, as one chunk if the framing has chunks.
void append_framed(std::string& out, std::string_view body, Framing framing);

/// Replaces a body, which is not empty, by its chunk: the shared part of a message that looks the
/// same on all streams.
void make_chunk(std::string& body);
/// Appends what make_chunk() made: the chunk, or its body alone.
void append_chunk(std::string& out, std::string_view chunk, Framing framing);

} // namespace zcomet::webnode::format
