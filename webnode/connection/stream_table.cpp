#include "webnode/connection/stream_table.hpp"

#include "topology/base/check.hpp"

namespace zcomet::webnode::connection {

StreamHandle StreamTable::add(int fd) {
    const std::uint32_t index = take_slot();
    Connection& connection = connections_[index];
    connection = Connection{};
    // One counter for the whole table, so that the table may give its memory back and still never
    // name two connections alike (before four thousand million of them). 0 is left to epoll's tags.
    last_generation_ += last_generation_ == UINT32_MAX ? 2 : 1;
    connection.generation_ = last_generation_;
    connection.fd_ = fd;
    connection.state_ = ConnectionState::kReading;
    ++connection_count_;
    return handle_of(index);
}

Connection* StreamTable::find(StreamHandle handle) {
    if (handle.index >= slots_used_) {
        return nullptr;
    }
    Connection& connection = connections_[handle.index];
    const bool is_it =
        connection.state_ != ConnectionState::kFree && connection.generation_ == handle.generation;
    return is_it ? &connection : nullptr;
}

bool StreamTable::park(StreamHandle handle, std::string_view id, bool chunked) {
    Connection* connection = find(handle);
    ZCOMET_ASSERT(connection != nullptr);
    ZCOMET_ASSERT(connection->state_ == ConnectionState::kReading);
    const store::IdTable::Interned interned = ids_.intern(id);
    first_of_id_.grow(ids_.index_bound(), store::kNoIndex);
    connection->state_ = ConnectionState::kParked;
    connection->chunked_ = chunked;
    link(handle.index, interned.index);
    ++stream_count_;
    return interned.is_new;
}

StreamTable::Removed StreamTable::remove(StreamHandle handle) {
    Connection* connection = find(handle);
    ZCOMET_ASSERT(connection != nullptr);
    Removed removed;
    removed.fd = connection->fd_;
    removed.pending = connection->pending;
    if (connection->parked()) {
        const store::IdIndex id = connection->id_;
        for (StreamPosition* const position : held_positions_) {
            if (*position == handle.index) {
                *position = connection->next_;
            }
        }
        unlink(handle.index);
        --stream_count_;
        if (first_of_id_[id] == store::kNoIndex) {
            removed.freed_id.emplace(ids_.name(id));
            ids_.release(id);
        }
    }
    free_slot(handle.index);
    return removed;
}

std::optional<store::IdIndex> StreamTable::find_id(std::string_view id) const {
    return ids_.find(id);
}

std::size_t StreamTable::memory_bytes() const {
    return connections_.memory_bytes() + first_of_id_.memory_bytes() + ids_.memory_bytes();
}

std::uint32_t StreamTable::take_slot() {
    if (first_free_ != store::kNoIndex) {
        const std::uint32_t index = first_free_;
        first_free_ = connections_[index].next_;
        return index;
    }
    ZCOMET_ASSERT(slots_used_ < store::kNoIndex);
    connections_.grow(slots_used_ + 1, Connection{});
    return slots_used_++;
}

void StreamTable::free_slot(std::uint32_t index) {
    connections_[index] = Connection{};
    connections_[index].next_ = first_free_;
    first_free_ = index;
    --connection_count_;
    // After a great many connections their memory goes back when the last is gone. The first chunk
    // is not worth it: a node with few connections is empty every other moment.
    if (connection_count_ == 0 && slots_used_ > store::ChunkedArray<Connection>::kPerChunk) {
        connections_.clear();
        slots_used_ = 0;
        first_free_ = store::kNoIndex;
    }
}

void StreamTable::link(std::uint32_t index, store::IdIndex id) {
    Connection& connection = connections_[index];
    const std::uint32_t first = first_of_id_[id];
    connection.id_ = id;
    connection.next_ = first;
    connection.prev_ = store::kNoIndex;
    if (first != store::kNoIndex) {
        connections_[first].prev_ = index;
    }
    first_of_id_[id] = index;
}

void StreamTable::unlink(std::uint32_t index) {
    const Connection& connection = connections_[index];
    if (connection.prev_ != store::kNoIndex) {
        connections_[connection.prev_].next_ = connection.next_;
    } else {
        first_of_id_[connection.id_] = connection.next_;
    }
    if (connection.next_ != store::kNoIndex) {
        connections_[connection.next_].prev_ = connection.prev_;
    }
}

} // namespace zcomet::webnode::connection
