// What a hook is asked, and by what its answer is remembered.
//
//     GET /PATH HTTP/1.1
//     Host: HOST:PORT                     of the hook
//     X-Original-URI: /events?id=a&id=b   as the client wrote it
//     Zcomet-Id: a                        one for each id
//     Zcomet-Id: b
//     Cookie: …                           and the client's other headers
#pragma once

#include "topology/crypto/sha256.hpp"
#include "topology/wire/frames.hpp"
#include "webnode/hook/url.hpp"

#include <array>
#include <string>
#include <string_view>

namespace zcomet::webnode::hook {

/// Headers that are for one hop only or speak of a body stay here, and so do those that ask for a
/// part of a page, or for one that has changed: the answer would be no 200. So do names of our own
/// headers and those with "_", which many servers cannot tell from "-": a client could say for
/// which ids it asks.
/// @param head  of the client's request, from its request line on.
[[nodiscard]] std::string subrequest(std::string_view head, const wire::IdList& ids,
                                     const Url& url);

using CacheKey = std::array<char, crypto::kSha256Bytes>;

/// The same for two requests if they ask for the same ids in the same order, by the same
/// credential. A credential is every header and every parameter of the query that a hook is told,
/// but for a list of those that are known to be none: a hook may decide by `X-Api-Key`.
[[nodiscard]] CacheKey cache_key(std::string_view head, const wire::IdList& ids);

} // namespace zcomet::webnode::hook
