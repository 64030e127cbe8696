#include "topology/link/zap_request.hpp"

#include "topology/keys/curve_text.hpp"

namespace zcomet::link {

namespace {

constexpr std::string_view kVersion = "1.0";
/// Of the frames of a request with a key of CURVE.
enum Place : std::size_t {
    kDelimiter,
    kVersionPlace,
    kNumber,
    kDomain,
    kAddress,
    kIdentity,
    kMechanism,
    kKey,
    kFrames
};
constexpr std::size_t kNumberBytesMax = 255;

} // namespace

std::optional<ZapRequest> read_zap_request(std::span<const std::string> frames) {
    if (frames.size() != kFrames || !frames[kDelimiter].empty() ||
        frames[kVersionPlace] != kVersion || frames[kMechanism] != "CURVE" ||
        frames[kKey].size() != keys::kCurveBytes || frames[kNumber].size() > kNumberBytesMax) {
        return std::nullopt;
    }
    return ZapRequest{frames[kNumber], frames[kDomain], frames[kAddress], frames[kKey]};
}

std::vector<std::string> zap_answer(const ZapRequest& request,
                                    const std::optional<std::string>& user) {
    return {"",
            std::string(kVersion),
            std::string(request.number),
            user ? "200" : "400",
            user ? "OK" : "No such key",
            user.value_or(std::string()),
            ""};
}

} // namespace zcomet::link
