// One request of ZAP (ZeroMQ RFC 27): ZeroMQ asks whether a peer that has just shown its key may
// come in.
//
//     request = [address of the asker] "" version number domain peer-address identity mechanism key
//     answer  = [the same] "" version number status text user-id metadata
#pragma once

#include "topology/base/result.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::link {

/// The views are parts of the frames.
struct ZapRequest {
    std::string_view number; ///< comes back in the answer
    std::string_view domain;
    std::string_view address; ///< of the peer, without its port
    std::string_view key;     ///< its public key, 32 bytes
};

/// @param frames  what came after the asker's address.
/// @return nothing if it is no request about a key of CURVE.
[[nodiscard]] std::optional<ZapRequest> read_zap_request(std::span<const std::string> frames);

/// The frames of an answer, to be sent after the asker's address.
/// @param user  by what name ZeroMQ hands the peer's messages over; absent: it is refused.
[[nodiscard]] std::vector<std::string> zap_answer(const ZapRequest& request,
                                                  const std::optional<std::string>& user);

} // namespace zcomet::link
