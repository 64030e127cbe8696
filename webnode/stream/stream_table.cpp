#include "webnode/stream/stream_table.hpp"

namespace zcomet::webnode::stream {

connection::Connection& StreamTable::begin(connection::Handle handle, std::uint8_t form) {
    connection::Connection* connection = connections_.find(handle);
    ZCOMET_ASSERT(connection != nullptr && !is_link(handle.index));
    connection->park(form);
    ++stream_count_;
    return *connection;
}

store::IdTable::Interned StreamTable::intern(std::string_view id) {
    const store::IdTable::Interned interned = ids_.intern(id);
    first_of_id_.grow(ids_.index_bound(), store::kNoIndex);
    return interned;
}

std::uint32_t StreamTable::add_link(std::uint32_t connection, store::IdIndex id) {
    const std::uint32_t index =
        links_.add(Link{connection, id, store::kNoIndex, store::kNoIndex, store::kNoIndex});
    ZCOMET_ASSERT((kLinkBit | index) != store::kNoIndex && !is_link(index));
    link(kLinkBit | index, id);
    return index;
}

void StreamTable::link(StreamPosition position, store::IdIndex id) {
    const StreamPosition first = first_of_id_[id];
    next_of(position) = first;
    prev_of(position) = 1; // the length of the list
    if (first != store::kNoIndex) {
        prev_of(position) += prev_of(first);
        prev_of(first) = position;
    }
    first_of_id_[id] = position;
}

bool StreamTable::unlink(StreamPosition position, store::IdIndex id) {
    const StreamPosition next = next_of(position);
    const StreamPosition prev = prev_of(position);
    for (StreamPosition* const held : held_positions_) {
        if (*held == position) {
            *held = next;
        }
    }
    StreamPosition& first = first_of_id_[id];
    if (position == first) {
        first = next;
        if (next != store::kNoIndex) {
            prev_of(next) = prev - 1; // the length
        }
        return next == store::kNoIndex;
    }
    --prev_of(first);
    next_of(prev) = next;
    if (next != store::kNoIndex) {
        prev_of(next) = prev;
    }
    return false;
}

} // namespace zcomet::webnode::stream
