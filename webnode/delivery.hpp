// From the feed to the streams: finds the streams of each message's id and writes the chunks.
#pragma once

#include "topology/wire.hpp"
#include "webnode/comet_encoder.hpp"
#include "webnode/connections.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet {

/// Thread: the worker's loop only. Its scratch memory is kept from batch to batch: in a steady
/// state a message costs no allocation, and one send() for each stream that shows it.
class Delivery {
  public:
    Delivery(Connections& connections, Counters<WorkerCounter>& counters);

    /// Writes each message to all streams of its id. Several messages to one id leave together, in
    /// their order: one send() for each stream. Streams that do not read, or are gone, are closed.
    void deliver(const wire::MessageList& messages);

  private:
    /// A message to be shown, by the id's index, which sorts faster than its text.
    struct Item {
        IdIndex id;
        std::uint32_t position; // in the batch: keeps the order within an id
        std::string_view text;
    };

    void collect(const wire::MessageList& messages);
    void deliver_to_id(std::span<const Item> items);
    void write_to(StreamHandle stream, Connection& connection, std::size_t count);

    Connections& connections_;
    StreamTable& table_;
    Counters<WorkerCounter>& counters_;
    std::vector<Item> items_;
    std::vector<EncodedMessage> encoded_; // of the id in hand; the rest is memory for later
    std::string chunks_;
};

} // namespace zcomet
