#include "tools/logs/sent_log.hpp"

#include "topology/base/check.hpp"

#include <utility>

namespace zcomet::tools::logs {

namespace {

/// @param nodes  where the message arrived; absent: the broker did not say.
Fate fate_of(std::optional<std::uint32_t> nodes) {
    if (!nodes) {
        return Fate::kUnconfirmed;
    }
    return *nodes > 0 ? Fate::kHeld : Fate::kVoid;
}

} // namespace

SentLog::SentLog(std::string sender, Answers answers, OnLine on_line)
    : sender_(std::move(sender)), answers_(answers), on_line_(std::move(on_line)) {}

void SentLog::on_sent(std::uint64_t number, std::string_view id, std::uint64_t time_ns,
                      std::uint32_t generator) {
    ZCOMET_ASSERT(waiting_.empty() || waiting_.back().number + 1 == number);
    waiting_.push_back({number, std::string(id), time_ns, generator});
}

void SentLog::on_answer(std::uint64_t number, std::optional<std::uint32_t> nodes) {
    if (waiting_.empty() || number < waiting_.front().number || number > waiting_.back().number) {
        return;
    }
    Waiting& answered = waiting_[number - waiting_.front().number];
    answered.is_answered = true;
    answered.nodes = nodes;
    const auto is_settled = [&](const Waiting& first) {
        return first.is_answered || (answers_ == Answers::kInOrder && first.number < number);
    };
    while (!waiting_.empty() && is_settled(waiting_.front())) {
        pass_on_first();
    }
}

void SentLog::finish() {
    while (!waiting_.empty()) {
        pass_on_first();
    }
}

void SentLog::pass_on_first() {
    const Waiting& first = waiting_.front();
    on_line_({sender_, first.number, first.id, first.time_ns, first.generator, fate_of(first.nodes),
              first.nodes.value_or(0)});
    waiting_.pop_front();
}

} // namespace zcomet::tools::logs
