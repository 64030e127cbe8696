#include "tools/sent_log.hpp"

#include "topology/check.hpp"

#include <utility>

namespace zcomet {

SentLog::SentLog(std::string sender, OnLine on_line)
    : sender_(std::move(sender)), on_line_(std::move(on_line)) {}

void SentLog::on_sent(std::uint64_t number, std::string_view id, std::uint64_t time_ns,
                      std::uint32_t generator) {
    ZCOMET_ASSERT(waiting_.empty() || waiting_.back().number < number);
    waiting_.push_back({number, std::string(id), time_ns, generator});
}

void SentLog::on_receipt(std::uint64_t number, std::uint32_t nodes) {
    while (!waiting_.empty() && waiting_.front().number < number) {
        pass_on(Fate::kUnconfirmed, 0);
    }
    if (!waiting_.empty() && waiting_.front().number == number) {
        pass_on(nodes > 0 ? Fate::kHeld : Fate::kVoid, nodes);
    }
}

void SentLog::finish() {
    while (!waiting_.empty()) {
        pass_on(Fate::kUnconfirmed, 0);
    }
}

void SentLog::pass_on(Fate fate, std::uint32_t nodes) {
    const Waiting& first = waiting_.front();
    on_line_({sender_, first.number, first.id, first.time_ns, first.generator, fate, nodes});
    waiting_.pop_front();
}

} // namespace zcomet
