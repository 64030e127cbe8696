#include "broker/router/backlog.hpp"

#include <variant>

namespace zcomet::broker::router {

namespace {

const wire::IdList* ids_of(const wire::Frame& frame) {
    if (const auto* login = std::get_if<wire::Login>(&frame)) {
        return &login->ids;
    }
    if (const auto* logout = std::get_if<wire::Logout>(&frame)) {
        return &logout->ids;
    }
    const auto* list = std::get_if<wire::List>(&frame);
    return list == nullptr ? nullptr : &list->ids;
}

/// Whether a frame means something else when it comes before an earlier one.
bool keeps_order(const wire::Frame& frame) {
    return ids_of(frame) != nullptr || std::holds_alternative<wire::Ping>(frame) ||
           std::holds_alternative<wire::History>(frame) ||
           std::holds_alternative<wire::Hello>(frame) ||
           std::holds_alternative<wire::Goodbye>(frame);
}

} // namespace

table::NodePart* Backlog::node_of(const Incoming& in) {
    return in.peer == store::kNoIndex ? nullptr : state_.peers[in.peer].node();
}

bool Backlog::takes_unread(const Incoming& in) {
    table::NodePart* const node = node_of(in);
    const auto reader = node == nullptr ? std::nullopt : wire::IdFrameReader::open(in.bytes);
    if (!reader) {
        return false;
    }
    if (node->waiting == nullptr && reader->count() <= ids_left_ &&
        (!reader->begins_list() || node->lists.allow(in.now))) {
        ids_left_ -= reader->count();
        return false;
    }
    add(in, reader->begins_list() ? What::kListBegins : What::kIds, *node);
    return true;
}

bool Backlog::takes(const Incoming& in, const wire::Frame& frame) {
    table::NodePart* const node = node_of(in);
    if (node == nullptr || node->waiting == nullptr || !keeps_order(frame)) {
        return false;
    }
    add(in, What::kOther, *node);
    return true;
}

void Backlog::add(const Incoming& in, What what, table::NodePart& node) {
    const std::size_t before = node.waiting == nullptr ? 0 : node.waiting->bytes;
    if (before + in.bytes.size() > state_.options.waiting_bytes_max ||
        (before > 0 && state_.is_memory_full())) {
        const std::size_t waited = node.waiting == nullptr ? 0 : node.waiting->frames.size();
        state_.count(table::BrokerCounter::kWaitingFramesDropped, waited + 1);
        node.waiting.reset();
        presence_.need_list(in);
        return;
    }
    if (what == What::kListBegins && node.waiting != nullptr && node.waiting->only_ids) {
        replace_all(in, *node.waiting);
        return;
    }
    if (node.waiting == nullptr) {
        node.waiting = std::make_unique<table::WaitingFrames>();
        nodes_.push_back(in.peer);
    }
    node.waiting->only_ids = node.waiting->only_ids && what != What::kOther;
    node.waiting->frames.emplace_back(in.bytes);
    node.waiting->bytes += in.bytes.size();
}

/// The list says everything that the frames before it would say. It takes the memory of the first
/// one: a node that repeats its list makes the broker allocate nothing.
void Backlog::replace_all(const Incoming& in, table::WaitingFrames& waiting) {
    waiting.first.reset();
    waiting.reader.reset();
    waiting.frames.resize(1);
    waiting.frames.front().assign(in.bytes);
    waiting.bytes = in.bytes.size();
    waiting.replaced = true;
}

std::uint32_t Backlog::check(const Incoming& in, table::WaitingFrames& waiting,
                             std::uint32_t ids_max) {
    const std::uint32_t checked = waiting.reader->check(ids_max * kChecksPerId);
    if (waiting.reader->done()) {
        if (waiting.reader->refusal()) {
            refuse(in, waiting);
        } else {
            begin(in, waiting);
        }
    }
    return std::max(checked / kChecksPerId, 1U);
}

void Backlog::refuse(const Incoming& in, table::WaitingFrames& waiting) {
    const wire::Refusal refusal = *waiting.reader->refusal();
    refusals_.tell(in, {refusal.code, refusal.kind, refusal.text});
    if (waiting.replaced) {
        presence_.need_list(in); // good frames before it were dropped
    }
    state_.node_of(in).drop_first_waiting();
}

void Backlog::begin(const Incoming& in, table::WaitingFrames& waiting) {
    waiting.first = waiting.reader->frame();
    waiting.is_due = presence_.begin(in, *waiting.first);
    waiting.rest = waiting.is_due ? *ids_of(*waiting.first) : wire::IdList();
    waiting.refused_before = state_.node_of(in).ids_refused;
}

bool Backlog::puts_off(const Incoming& in, const table::WaitingFrames& waiting) {
    table::NodePart& node = state_.node_of(in);
    if (!waiting.reader || !waiting.reader->begins_list() || node.lists.allow(in.now)) {
        return false;
    }
    state_.count(table::BrokerCounter::kListsPutOff);
    put_off_.emplace(node.lists.next(), in.peer);
    return true;
}

void Backlog::take_back(Time now) {
    const auto end = put_off_.upper_bound(now);
    for (auto one = put_off_.begin(); one != end; ++one) {
        nodes_.push_back(one->second);
    }
    put_off_.erase(put_off_.begin(), end);
}

Time Backlog::due() const {
    if (!nodes_.empty()) {
        return Time::min();
    }
    return put_off_.empty() ? kNever : put_off_.begin()->first;
}

std::uint32_t Backlog::go_on_with_ids(const Incoming& in, table::WaitingFrames& waiting,
                                      std::uint32_t ids_max) {
    // Every frame is a sign of life, also one that is handled late.
    state_.hear(state_.peers[in.peer], in.now);
    const wire::IdList part = waiting.rest.take_first(ids_max);
    if (waiting.is_due) {
        presence_.apply(in, *waiting.first, part);
    }
    if (waiting.rest.count() == 0) {
        if (waiting.is_due) {
            presence_.end(in, *waiting.first, waiting.refused_before);
        }
        state_.node_of(in).drop_first_waiting();
    }
    return std::max(part.count(), 1U);
}

table::WaitingFrames* Backlog::waiting_of(table::PeerIndex index) const {
    table::NodePart* const node =
        state_.peers.contains(index) ? state_.peers[index].node() : nullptr;
    return node == nullptr ? nullptr : node->waiting.get();
}

std::size_t Backlog::waiting_bytes() const {
    std::size_t bytes = 0;
    for (const table::PeerIndex index : nodes_) {
        const table::WaitingFrames* const waiting = waiting_of(index);
        bytes += waiting == nullptr ? 0 : waiting->bytes;
    }
    for (const auto& [until, index] : put_off_) {
        const table::WaitingFrames* const waiting = waiting_of(index);
        bytes += waiting == nullptr ? 0 : waiting->bytes;
    }
    return bytes;
}

} // namespace zcomet::broker::router
