// A body that comes in chunks, without its length in the head (RFC 9112, section 7.1):
//
//     body       = *( size-line data CRLF ) last-line *( trailer CRLF ) CRLF
//     size-line  = 1*HEXDIG extensions CRLF       data has so many bytes; not 0
//     last-line  = 1*"0" extensions CRLF
//     extensions = *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )
//
// RequestReader finds the end of such a body, and refuses one that is not exactly this. Extensions
// and trailers mean nothing here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zcomet::http {

/// The size that the first line of a chunk says; at most 2^32 - 1, also for a larger one.
/// @param line  without its CRLF; it has no control characters but HTAB.
/// @return nothing if the line is malformed.
[[nodiscard]] std::optional<std::uint32_t> chunk_size(std::string_view line);

/// The request with its body in one piece. The head stays as it came.
/// @param whole_request  the bytes of a request that RequestReader found complete and in chunks.
/// @param head_bytes     of them: RequestReader::head_bytes().
[[nodiscard]] std::string join_chunks(std::string_view whole_request, std::size_t head_bytes);

} // namespace zcomet::http
