#include "broker/router/stream_counts.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

namespace zcomet::broker::router {

namespace {

constexpr std::string_view kNotKnown = "null";

/// @return the number that a node's answer is; nothing: it is none.
std::optional<std::uint64_t> read_count(std::string_view json) {
    std::uint64_t count = 0;
    const char* const end = json.data() + json.size();
    const auto read = std::from_chars(json.data(), end, count);
    return read.ec == std::errc{} && read.ptr == end ? std::optional(count) : std::nullopt;
}

} // namespace

void StreamCounts::ask(std::string_view connection, std::uint64_t token, std::string_view id,
                       std::string who, Time now) {
    // A name in a list takes more than its node's incarnation.
    const std::size_t bytes = sizeof(Open) + connection.size() + 2 * who.size();
    const bool has_room = open_.size() < kOpenMax && open_bytes_ + bytes <= kOpenBytesMax;
    if (!has_room || !rate_.allow(now)) {
        reply(connection, token, std::move(who), kNotKnown);
        return;
    }
    Open open{.connection = std::string(connection),
              .token = token,
              .who = std::move(who),
              .awaited = {},
              .until = now + kPatience,
              .bytes = bytes};
    open_bytes_ += bytes;
    const std::string question = wire::encode(wire::Query{++last_token_, "streams", id});
    state_.table.for_each_node(id, [&](table::NodeIndex index) {
        const table::Peer& node = state_.peers[index];
        open.awaited.push_back(node.incarnation);
        state_.reply(node.connection, question);
    });
    const auto place = open_.emplace(last_token_, std::move(open)).first;
    if (place->second.awaited.empty()) {
        finish(place, true);
    }
}

void StreamCounts::on_answer(const Incoming& in, const wire::Answer& answer) {
    const auto found = open_.find(answer.token);
    if (found == open_.end()) {
        return; // too late
    }
    Open& open = found->second;
    const auto node =
        std::find(open.awaited.begin(), open.awaited.end(), state_.peers[in.peer].incarnation);
    if (node == open.awaited.end()) {
        return;
    }
    *node = open.awaited.back();
    open.awaited.pop_back();
    const std::optional<std::uint64_t> count = read_count(answer.json);
    open.is_known = open.is_known && count;
    open.streams = table::sum_or_max(open.streams, count.value_or(0));
    if (open.awaited.empty()) {
        finish(found, open.is_known);
    }
}

void StreamCounts::turn(Time now) {
    while (due() <= now) {
        finish(open_.begin(), false);
    }
}

Time StreamCounts::due() const {
    return open_.empty() ? kNever : open_.begin()->second.until;
}

void StreamCounts::finish(Table::iterator open, bool is_known) {
    const Open over = std::move(open->second);
    open_.erase(open);
    open_bytes_ -= over.bytes;
    reply(over.connection, over.token, over.who,
          is_known ? std::to_string(over.streams) : std::string(kNotKnown));
}

/// Puts the number into the object that `who` is.
void StreamCounts::reply(std::string_view connection, std::uint64_t token, std::string who,
                         std::string_view streams) {
    who.pop_back();
    who.append(",\"streams\":").append(streams).append("}");
    state_.reply(connection, wire::encode(wire::Answer{token, who}));
}

} // namespace zcomet::broker::router
