#include "webnode/connection/connection_table.hpp"

namespace zcomet::webnode::connection {

Handle ConnectionTable::add(int fd, std::uint16_t origin) {
    const std::uint32_t index = take_slot();
    Connection& connection = connections_[index];
    connection = Connection{};
    // One counter for the whole table, so that the table can free its memory and still not name two
    // connections alike (within 2^32 connections). 0 is left to epoll's tags.
    last_generation_ += last_generation_ == UINT32_MAX ? 2 : 1;
    connection.generation_ = last_generation_;
    connection.fd_ = fd;
    connection.origin_ = origin;
    connection.state_ = ConnectionState::kReading;
    ++connection_count_;
    return handle_of(index);
}

Connection* ConnectionTable::find(Handle handle) {
    if (handle.index >= slots_used_) {
        return nullptr;
    }
    Connection& connection = connections_[handle.index];
    const bool is_it =
        connection.state_ != ConnectionState::kFree && connection.generation_ == handle.generation;
    return is_it ? &connection : nullptr;
}

std::uint32_t ConnectionTable::take_slot() {
    if (first_free_ != store::kNoIndex) {
        const std::uint32_t index = first_free_;
        first_free_ = connections_[index].next;
        return index;
    }
    ZCOMET_ASSERT(slots_used_ < store::kNoIndex);
    connections_.grow(slots_used_ + 1, Connection{});
    return slots_used_++;
}

void ConnectionTable::remove(Handle handle) {
    ZCOMET_ASSERT(find(handle) != nullptr);
    connections_[handle.index] = Connection{};
    connections_[handle.index].next = first_free_;
    first_free_ = handle.index;
    --connection_count_;
    // After a great many connections the memory is freed when the last one is gone. The first chunk
    // is kept: a node with few connections is empty every other moment.
    if (connection_count_ == 0 && slots_used_ > store::ChunkedArray<Connection>::kPerChunk) {
        connections_.clear();
        slots_used_ = 0;
        first_free_ = store::kNoIndex;
    }
}

} // namespace zcomet::webnode::connection
