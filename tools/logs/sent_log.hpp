// A sender's log of its messages: a line for each, in order, as soon as its fate is known. Until
// then a record waits here; the sender's window bounds how many can wait.
#pragma once

#include "tools/logs/message_log.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace zcomet::tools::logs {

/// Thread: one.
class SentLog {
  public:
    using OnLine = std::function<void(const SentLine&)>;

    enum class Answers : std::uint8_t {
        kInOrder,  ///< receipts: a message whose successor has one gets none any more
        kAnyOrder, ///< acknowledgements
    };

    /// @param sender   the name in the messages' tags.
    /// @param on_line  called for each message, in the order of their numbers.
    SentLog(std::string sender, Answers answers, OnLine on_line);

    /// A message was sent, and an answer asked for. Each has the number after the one before.
    void on_sent(std::uint64_t number, std::string_view id, std::uint64_t time_ns,
                 std::uint32_t generator);
    /// The answer to one of them; absent: the broker does not know. Those are unconfirmed, as those
    /// that get no answer.
    void on_answer(std::uint64_t number, std::optional<std::uint32_t> nodes);
    /// No more answers will come.
    void finish();

  private:
    struct Waiting {
        std::uint64_t number;
        std::string id;
        std::uint64_t time_ns;
        std::uint32_t generator;
        bool is_answered = false;
        std::optional<std::uint32_t> nodes = std::nullopt; ///< by the answer
    };
    void pass_on_first();

    std::string sender_;
    Answers answers_;
    OnLine on_line_;
    std::deque<Waiting> waiting_;
};

} // namespace zcomet::tools::logs
