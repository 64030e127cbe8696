// Fuzz target: requests of ZAP. Each frame begins with a byte that says how long it is. What is
// read is part of the frames, and its answer has the request's number.
#include "topology/link/zap_request.hpp"

#include "test/fuzz/target.hpp"
#include "topology/base/check.hpp"
#include "topology/keys/curve_text.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace zcomet;

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::string> frames;
    for (std::string_view rest = fuzz::text_of(data, size); !rest.empty();) {
        const std::size_t length = static_cast<unsigned char>(rest.front());
        rest.remove_prefix(1);
        frames.emplace_back(rest.substr(0, length));
        rest.remove_prefix(std::min(length, rest.size()));
    }
    const auto request = link::read_zap_request(frames);
    if (!request) {
        return 0;
    }
    ZCOMET_ASSERT(keys::is_curve_text(keys::to_curve_text(request->key)));
    const auto refusal = link::zap_answer(*request, std::nullopt);
    const auto consent = link::zap_answer(*request, "7");
    ZCOMET_ASSERT(refusal.size() == consent.size());
    ZCOMET_ASSERT(refusal[2] == request->number && consent[2] == request->number);
    ZCOMET_ASSERT(refusal[3] == "400" && consent[3] == "200");
    ZCOMET_ASSERT(refusal[5].empty() && consent[5] == "7");
    return 0;
}
