// Requests that ask which nodes hold an id, and how many streams it has.
#pragma once

#include "topology/base/time.hpp"
#include "topology/wire/frames.hpp"
#include "webnode/ask/broker.hpp"
#include "webnode/request/exchange.hpp"
#include "webnode/request/late_answers.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

namespace zcomet::webnode::ask {

/// Each request becomes one question to the broker. Thread: the worker's loop only.
class Who {
  public:
    /// A broker answers in a millisecond, or waits a second for a node that says nothing.
    /// @limit requests of a worker that wait for the broker to say who holds an id
    static constexpr std::size_t kUnansweredMax = 256;
    /// More than a broker lets a question wait.
    /// @limit time that the broker has to say who holds an id
    static constexpr Duration kAnswerMax = 5s;

    /// Call it before the first question. `broker` lives longer than this.
    void use(Broker& broker) { broker_ = &broker; }

    /// Asks for `id`, which is valid. The exchange is answered: 200 {"id":ID,"nodes":[NAMES],
    /// "streams":N}, where N is null if a node did not say its number; 429 while kUnansweredMax
    /// others wait; 503 without a broker, or if it has too many questions; 504 without its answer.
    void ask(request::Exchange& exchange, std::string_view id);

    void on_answer(const wire::Answer& answer);
    /// The broker refused a question. It does so at once, so that is most likely the newest.
    void on_refused();
    /// The broker was lost, and the questions with it.
    void on_lost();

    /// Ends the wait of those that have waited for too long.
    void turn(Time now);
    /// When turn() has something to do; kNever if not at all.
    [[nodiscard]] Time due() const;

    [[nodiscard]] request::LateAnswers& answers() { return answers_; }

  private:
    struct Asked {
        request::Ticket ticket;
        std::optional<Time> until{}; // nothing: since the last turn
    };
    using Table = std::map<std::uint64_t, Asked>; // by token, so the oldest first

    void finish(Table::iterator asked, http::Reply reply);

    Broker* broker_ = nullptr;
    Table asked_;
    std::uint64_t last_token_ = 0;
    request::LateAnswers answers_;
};

} // namespace zcomet::webnode::ask
