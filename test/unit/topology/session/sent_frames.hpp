// The frames that a node under test has sent to its broker.
#pragma once

#include "topology/wire/frames.hpp"

#include <string>
#include <variant>
#include <vector>

namespace zcomet::session {

struct SentFrames {
    /// The kinds of the frames sent since the last call.
    std::vector<wire::Kind> kinds() {
        std::vector<wire::Kind> kinds;
        for (const std::string& frame : sent) {
            kinds.push_back(static_cast<wire::Kind>(static_cast<unsigned char>(frame[3])));
        }
        last = sent.empty() ? "" : sent.back();
        sent.clear();
        return kinds;
    }
    /// The last frame among those that kinds() returned last.
    template <typename T> T last_as() const {
        return std::get<T>(std::get<wire::Frame>(wire::decode(last)));
    }

    std::vector<std::string> sent;
    std::string last;
};

} // namespace zcomet::session
