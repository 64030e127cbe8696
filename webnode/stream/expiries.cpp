#include "webnode/stream/expiries.hpp"

#include <chrono>

namespace zcomet::webnode::stream {

Expiries::Expiries(connection::Connections& connections, std::function<Time()> clock)
    : connections_(connections), clock_(std::move(clock)), begin_(clock_()) {
    connections_.add_listener(*this);
}

Expiries::~Expiries() {
    connections_.remove_listener(*this);
}

void Expiries::begin(connection::Handle handle, Duration life) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(clock_() + life - begin_).count();
    const auto at = static_cast<Seconds>(std::clamp<std::int64_t>(seconds, 1, kLatest - 1));
    if (handle.index >= size_) {
        size_ = handle.index + 1;
        ends_.grow(size_, kNone);
    }
    ends_[handle.index] = at;
    soonest_ = std::min(soonest_, at);
}

Time Expiries::due() const {
    if (in_round_) {
        return Time::min();
    }
    return soonest_ == kLatest ? kNever : std::max(time_of(soonest_), next_round_);
}

void Expiries::on_close(connection::Handle handle, connection::Connection& /*connection*/) {
    forget(handle);
}

} // namespace zcomet::webnode::stream
