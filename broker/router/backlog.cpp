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
           std::holds_alternative<wire::Hello>(frame) ||
           std::holds_alternative<wire::Goodbye>(frame);
}

} // namespace

bool Backlog::takes(const Incoming& in, const wire::Frame& frame) {
    table::NodePart* const node =
        in.peer == store::kNoIndex ? nullptr : state_.peers[in.peer].node();
    if (node == nullptr) {
        return false;
    }
    if (node->waiting == nullptr) {
        const wire::IdList* const ids = ids_of(frame);
        const std::uint32_t count = ids == nullptr ? 0 : ids->count();
        if (count <= ids_left_) {
            ids_left_ -= count;
            return false;
        }
    } else if (!keeps_order(frame)) {
        return false;
    }
    add(in, frame, *node);
    return true;
}

void Backlog::add(const Incoming& in, const wire::Frame& frame, table::NodePart& node) {
    const std::size_t before = node.waiting == nullptr ? 0 : node.waiting->bytes;
    if (before + in.bytes.size() > state_.options.waiting_bytes_max ||
        (before > 0 && state_.is_memory_full())) {
        const std::size_t waited = node.waiting == nullptr ? 0 : node.waiting->frames.size();
        state_.count(table::BrokerCounter::kWaitingFramesDropped, waited + 1);
        node.waiting.reset();
        presence_.need_list(in);
        return;
    }
    const auto* list = std::get_if<wire::List>(&frame);
    if (list != nullptr && list->first && node.waiting != nullptr && node.waiting->only_ids) {
        // The list says everything that the frames before it would say.
        node.waiting->frames.clear();
        node.waiting->first.reset();
        node.waiting->bytes = 0;
    }
    if (node.waiting == nullptr) {
        node.waiting = std::make_unique<table::WaitingFrames>();
        nodes_.push_back(in.peer);
    }
    node.waiting->only_ids = node.waiting->only_ids && ids_of(frame) != nullptr;
    node.waiting->frames.emplace_back(in.bytes);
    node.waiting->bytes += in.bytes.size();
}

void Backlog::begin_first(const Incoming& in, table::WaitingFrames& waiting) {
    const auto decoded = wire::decode(in.bytes); // it was good when it came
    waiting.first = std::get<wire::Frame>(decoded);
    if (const wire::IdList* const ids = ids_of(*waiting.first)) {
        waiting.is_due = presence_.begin(in, *waiting.first);
        waiting.rest = waiting.is_due ? *ids : wire::IdList();
        waiting.refused_before = state_.node_of(in).ids_refused;
    }
}

std::uint32_t Backlog::go_on_with_ids(const Incoming& in, table::WaitingFrames& waiting,
                                      std::uint32_t ids_max) {
    // Every frame is a sign of life, also one that is handled late.
    state_.peers[in.peer].heard = in.now;
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
    return bytes;
}

} // namespace zcomet::broker::router
