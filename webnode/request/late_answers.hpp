// Answers that routes have postponed, and that are known by now.
#pragma once

#include "topology/http/http_front.hpp"
#include "webnode/request/exchange.hpp"

#include <deque>
#include <utility>

namespace zcomet::webnode::request {

/// They are given when no route is at work, since an answer lets the next request of its connection
/// in. Thread: one at a time.
class LateAnswers {
  public:
    void add(Ticket ticket, http::Reply reply) { answers_.emplace_back(ticket, std::move(reply)); }

    /// Calls `finish(Ticket, const http::Reply&)` for each, in their order. It may add more.
    template <typename Finish> void give(Finish&& finish) {
        while (!answers_.empty()) {
            const auto [ticket, reply] = std::move(answers_.front());
            answers_.pop_front();
            finish(ticket, reply);
        }
    }
    [[nodiscard]] bool empty() const { return answers_.empty(); }

  private:
    std::deque<std::pair<Ticket, http::Reply>> answers_;
};

} // namespace zcomet::webnode::request
