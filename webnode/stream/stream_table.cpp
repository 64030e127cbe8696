#include "webnode/stream/stream_table.hpp"

#include "topology/base/check.hpp"

namespace zcomet::webnode::stream {

bool StreamTable::park(connection::Handle handle, std::string_view id, std::uint8_t form) {
    connection::Connection* connection = connections_.find(handle);
    ZCOMET_ASSERT(connection != nullptr);
    connection->park(form);
    const store::IdTable::Interned interned = ids_.intern(id);
    first_of_id_.grow(ids_.index_bound(), store::kNoIndex);
    link(handle.index, interned.index);
    ++stream_count_;
    return interned.is_new;
}

std::optional<std::string> StreamTable::leave(connection::Handle handle) {
    const connection::Connection* connection = connections_.find(handle);
    ZCOMET_ASSERT(connection != nullptr && connection->parked());
    const store::IdIndex id = connection->id();
    for (StreamPosition* const position : held_positions_) {
        if (*position == handle.index) {
            *position = connection->next;
        }
    }
    unlink(*connection);
    --stream_count_;
    std::optional<std::string> freed_id;
    if (first_of_id_[id] == store::kNoIndex) {
        freed_id.emplace(ids_.name(id));
        ids_.release(id);
    }
    return freed_id;
}

void StreamTable::link(std::uint32_t index, store::IdIndex id) {
    connection::Connection& connection = connections_.at(index);
    const std::uint32_t first = first_of_id_[id];
    connection.set_id(id);
    connection.next = first;
    connection.prev = store::kNoIndex;
    if (first != store::kNoIndex) {
        connections_.at(first).prev = index;
    }
    first_of_id_[id] = index;
}

void StreamTable::unlink(const connection::Connection& connection) {
    if (connection.prev != store::kNoIndex) {
        connections_.at(connection.prev).next = connection.next;
    } else {
        first_of_id_[connection.id()] = connection.next;
    }
    if (connection.next != store::kNoIndex) {
        connections_.at(connection.next).prev = connection.prev;
    }
}

} // namespace zcomet::webnode::stream
