// Requests for what the broker keeps of an id.
#pragma once

#include "topology/base/time.hpp"
#include "topology/history/cursor.hpp"
#include "topology/wire/frames.hpp"
#include "webnode/ask/questions.hpp"
#include "webnode/request/exchange.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace zcomet::webnode::ask {

/// What a request wants of an id's history.
struct Wanted {
    std::string id;
    /// The first messages after this; nothing: the newest ones. Epoch 0: the client has said
    /// something that is no cursor, so it may have missed any of them.
    std::optional<history::Cursor> since{};
    std::uint32_t limit = 0; ///< 1 to Replays::kLimitMax
};

/// A broker's answer has 64 KiB at most, so a long one is asked for in parts. A few requests are
/// served at a time, a part each in turn, and others wait.
class Replays final : public Questions {
  public:
    /// As many as a broker keeps of an id.
    /// @limit messages that a request for a history asks for
    static constexpr std::uint32_t kLimitMax = 10'000;
    /// What is kept of a request is an answer that grows.
    /// @limit requests for histories that a worker serves at a time
    static constexpr std::size_t kAtOnceMax = 8;
    /// @limit requests for histories that wait for a worker to serve them
    static constexpr std::size_t kWaitingMax = 64;
    /// An answer that has grown to this ends, and its cursor is where the next one begins.
    /// @limit bytes of an answer about a history, and a part beside
    static constexpr std::size_t kAnswerBytesMax = 1U << 20U;
    /// @limit time that the broker has for each part of a history
    static constexpr Duration kAnswerMax = 5s;

    /// The exchange is answered: 200 with {"id":ID,"messages":[{"cursor":CURSOR,"data":TEXT,
    /// "event"?:NAME}],"cursor":CURSOR,"complete":BOOL}; 404 if the broker keeps nothing of that
    /// id; 429 while kWaitingMax others wait; 503 without a broker; 504 without its answer.
    void ask(request::Exchange& exchange, Wanted wanted);

    void on_kept(const wire::Kept& kept);
    void on_refused() override;
    void on_lost() override;
    void turn(Time now) override;
    [[nodiscard]] Time due() const override;

  private:
    struct Replay {
        request::Ticket ticket;
        Wanted wanted;
        Time until{};               // its question has so long
        std::uint32_t messages = 0; // in the answer so far
        history::Cursor goes_on{};  // epoch 0: there is no answer yet
        bool is_complete = true;    // nothing is missing before `goes_on`
        std::string text{};
    };
    using Table = std::map<std::uint64_t, Replay>; // by token, so the oldest question first

    void ask_broker(Replay replay, Time now);
    /// Whether the part fits to those before it.
    [[nodiscard]] static bool fits(const Replay& replay, const wire::Kept& kept);
    static void append(Replay& replay, const wire::Kept& kept);
    void finish(Table::iterator replay, http::Reply reply);
    [[nodiscard]] bool has_room() const {
        return under_way_.size() + going_on_.size() < kAtOnceMax;
    }

    Table under_way_;
    std::deque<Replay> going_on_; // their next parts are not asked for yet
    std::deque<Replay> waiting_;
    std::uint64_t last_token_ = 0;
};

} // namespace zcomet::webnode::ask
