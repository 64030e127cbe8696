// Whether more requests will come within the time for which a sender gathers messages.
#pragma once

#include "topology/base/time.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>

namespace zcomet::webnode::api {

/// A busy client that has its answer asks again at once, and one that waits for its answer does not
/// ask. So a frame of messages need not wait for others when every busy client has a message in it,
/// or waits for an answer. Otherwise eight clients would send eight messages a gather window.
/// Thread: one at a time.
class ExpectedRequests {
  public:
    /// @param patience  a client that has not asked for so long is not expected.
    explicit ExpectedRequests(Duration patience) : patience_(patience) {}

    /// So many clients got their answer. `now` must not go back from call to call.
    void on_answers(std::size_t count, Time now) {
        if (count > 0) {
            answered_.push_back({now, count});
        }
    }

    /// So many requests came, from those that have waited longest.
    void on_requests(std::size_t count) {
        while (count > 0 && !answered_.empty()) {
            const std::size_t of_these = std::min(count, answered_.front().clients);
            count -= of_these;
            answered_.front().clients -= of_these;
            if (answered_.front().clients == 0) {
                answered_.pop_front();
            }
        }
    }

    [[nodiscard]] bool any(Time now) {
        while (!answered_.empty() && answered_.front().at + patience_ <= now) {
            answered_.pop_front();
        }
        return !answered_.empty();
    }

  private:
    struct Answered {
        Time at;
        std::size_t clients = 0;
    };
    Duration patience_;
    std::deque<Answered> answered_; // an entry for each turn of `patience_`, at most
};

} // namespace zcomet::webnode::api
