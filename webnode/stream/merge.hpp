// Messages to streams with several ids. Such a stream gets the messages of all its ids in the order
// in which they came: otherwise its cursor, which is one position for all of them, would pass over
// messages that it has not had.
#pragma once

#include "webnode/stream/fan_out.hpp"
#include "webnode/stream/message_set.hpp"
#include "webnode/stream/stream_table.hpp"

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace zcomet::webnode::stream {

/// Thread: the worker's loop only. Its memory is kept from use to use.
class Merge {
  public:
    /// They live longer than this.
    Merge(connection::ConnectionTable& connections, StreamTable& streams, const FanOuts& fan_outs)
        : connections_(connections), streams_(streams), fan_outs_(fan_outs) {}

    /// The stream, which has several ids, is to get this message. The message is borrowed until
    /// clear().
    void add(connection::Handle stream, const format::Message& message) {
        entries_.push_back({stream.packed(), {message.number, place_of(message)}});
    }

    /// Calls `write(Handle, Connection&, MessageSet&, std::span<const std::uint32_t> places)` for
    /// each stream that was added and is still there, with the places in the set of what it has not
    /// had: what was added, and earlier messages under way to its other ids with very many streams.
    /// `write` may close that stream, and no other.
    /// @param fan_outs  that have nothing else for the streams: those that were looked at.
    template <typename Write> void write(std::size_t fan_outs, Write&& write);

    /// Forgets the messages.
    void clear();

  private:
    struct Wanted {
        std::uint64_t number; // of the message
        std::uint32_t place;  // in the set
    };
    struct Entry {
        std::uint64_t stream;
        Wanted wanted;
    };

    void sort();
    [[nodiscard]] std::uint32_t place_of(const format::Message& message);
    /// @param entries  of one stream, in order.   @return the places of what it is to get.
    [[nodiscard]] std::span<const std::uint32_t> choose(const connection::Connection& stream,
                                                        std::span<const Entry> entries,
                                                        bool looks_at_fan_outs);

    connection::ConnectionTable& connections_;
    StreamTable& streams_;
    const FanOuts& fan_outs_;
    MessageSet set_;
    absl::flat_hash_map<std::uint64_t, std::uint32_t> places_; // in the set, by number
    std::vector<Entry> entries_;
    std::vector<Wanted> wanted_;        // of the stream in hand
    std::vector<std::uint32_t> chosen_; // of the stream in hand
};

template <typename Write> void Merge::write(std::size_t fan_outs, Write&& write) {
    sort();
    for (std::size_t begin = 0; begin < entries_.size();) {
        std::size_t end = begin + 1;
        while (end < entries_.size() && entries_[end].stream == entries_[begin].stream) {
            ++end;
        }
        const auto handle = connection::Handle::unpack(entries_[begin].stream);
        if (connection::Connection* const stream = connections_.find(handle)) {
            const auto places = choose(*stream, std::span(entries_).subspan(begin, end - begin),
                                       fan_outs_.size() > fan_outs);
            if (!places.empty()) {
                write(handle, *stream, set_, places);
            }
        }
        begin = end;
    }
    entries_.clear();
}

} // namespace zcomet::webnode::stream
