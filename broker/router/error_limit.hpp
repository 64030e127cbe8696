// Limits how many ERROR frames a peer gets. A broken program that sends rubbish in a loop must not
// make the broker send as much back.
#pragma once

#include "topology/base/time.hpp"
#include "topology/store/text_map.hpp"

#include <cstddef>
#include <string_view>

namespace zcomet::broker::router {

/// Counts by connection, because a peer that has not said HELLO has nothing else, and by whole
/// seconds. It is bounded: when very many connections err in one second, the others get no answer.
class ErrorLimit {
  public:
    /// @limit errors answered to a peer in a second
    static constexpr unsigned kPerSecond = 10;
    /// @limit connections whose errors are counted one by one
    static constexpr std::size_t kConnectionsMax = 65'536;

    /// @return whether one more ERROR may go to `connection` at `now`.
    [[nodiscard]] bool allow(std::string_view connection, Time now) {
        if (now >= window_end_) {
            told_.clear();
            window_end_ = now + 1s;
        }
        const auto known = told_.find(connection);
        if (known != told_.end()) {
            return ++known->second <= kPerSecond;
        }
        if (told_.size() == kConnectionsMax) {
            return false;
        }
        told_.emplace(connection, 1U);
        return true;
    }

  private:
    store::TextMap<unsigned> told_;
    Time window_end_ = Time::min();
};

} // namespace zcomet::broker::router
