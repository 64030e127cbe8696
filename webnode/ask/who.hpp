// Requests that ask which nodes hold an id, and how many streams it has.
#pragma once

#include "topology/base/time.hpp"
#include "topology/wire/frames.hpp"
#include "webnode/ask/questions.hpp"
#include "webnode/request/exchange.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

namespace zcomet::webnode::ask {

/// Each request becomes one question to the broker.
class Who final : public Questions {
  public:
    /// A broker answers in a millisecond, or waits a second for a node that says nothing.
    /// @limit requests of a worker that wait for the broker to say who holds an id
    static constexpr std::size_t kUnansweredMax = 256;
    /// More than a broker lets a question wait.
    /// @limit time that the broker has to say who holds an id
    static constexpr Duration kAnswerMax = 5s;

    /// Asks for `id`, which is valid. The exchange is answered: 200 {"id":ID,"nodes":[NAMES],
    /// "streams":N}, where N is null if a node did not say its number; 429 while kUnansweredMax
    /// others wait; 503 without a broker, or if it has too many questions; 504 without its answer.
    void ask(request::Exchange& exchange, std::string_view id);

    void on_answer(const wire::Answer& answer);
    void on_refused() override;
    void on_lost() override;
    void turn(Time now) override;
    [[nodiscard]] Time due() const override;

  private:
    struct Asked {
        request::Ticket ticket;
        std::optional<Time> until{}; // nothing: since the last turn
    };
    using Table = std::map<std::uint64_t, Asked>; // by token, so the oldest first

    void finish(Table::iterator asked, http::Reply reply);

    Table asked_;
    std::uint64_t last_token_ = 0;
};

} // namespace zcomet::webnode::ask
