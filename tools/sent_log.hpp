// What a sender logs of its messages: a line for each, in order, once it is known what became of
// it. Until then a record waits here; how many can wait is bounded by the sender's window.
#pragma once

#include "tools/message_log.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

namespace zcomet {

/// Thread: one.
class SentLog {
  public:
    using OnLine = std::function<void(const SentLine&)>;

    /// @param sender   the name in the messages' tags.
    /// @param on_line  called for each message, in the order of their numbers.
    SentLog(std::string sender, OnLine on_line);

    /// A message was sent, and a receipt asked for. Numbers rise.
    void on_sent(std::uint64_t number, std::string_view id, std::uint64_t time_ns,
                 std::uint32_t generator);
    /// Receipts come in the order of the messages, so those before this one that have none will
    /// get none: they are unconfirmed.
    void on_receipt(std::uint64_t number, std::uint32_t nodes);
    /// No more receipts will come.
    void finish();

  private:
    struct Waiting {
        std::uint64_t number;
        std::string id;
        std::uint64_t time_ns;
        std::uint32_t generator;
    };
    void pass_on(Fate fate, std::uint32_t nodes);

    std::string sender_;
    OnLine on_line_;
    std::deque<Waiting> waiting_;
};

} // namespace zcomet
