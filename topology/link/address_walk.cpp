#include "topology/link/address_walk.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::link {

AddressWalk::Step AddressWalk::step(bool connected, Time now) {
    if (now < due_ || stage_ == Stage::kLookingUp) {
        return Step::kNothing;
    }
    if (connected) {
        stage_ = Stage::kConnected;
        due_ = now + kLookAgain;
        return Step::kNothing;
    }
    if (stage_ == Stage::kConnected) { // it may come back by itself
        stage_ = Stage::kTrying;
        left_.clear();
        due_ = now + kPatience;
        return Step::kNothing;
    }
    if (left_.empty()) {
        stage_ = Stage::kLookingUp;
        due_ = kNever;
        return Step::kLookUp;
    }
    stage_ = Stage::kTrying;
    due_ = now + kPatience;
    const std::string before = std::exchange(endpoint_, std::move(left_.back()));
    left_.pop_back();
    return endpoint_ == before ? Step::kNothing : Step::kConnect;
}

void AddressWalk::found(std::vector<std::string> endpoints, Time now) {
    left_ = std::move(endpoints);
    std::reverse(left_.begin(), left_.end());
    stage_ = Stage::kFound;
    due_ = now;
}

void AddressWalk::not_found(Time now) {
    stage_ = endpoint_.empty() ? Stage::kIdle : Stage::kTrying;
    due_ = now + kPatience;
}

} // namespace zcomet::link
