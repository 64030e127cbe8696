// The sum of what a worker keeps for requests that are not complete, and which of them has to go
// when that is too much.
#pragma once

#include "topology/base/time.hpp"
#include "webnode/connection/connection_table.hpp"
#include "webnode/connection/deadline_queue.hpp"

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace zcomet::webnode::layer {

/// Counts the memory of texts that others own. Each text is changed only through this.
class UnfinishedBytes {
  public:
    explicit UnfinishedBytes(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    void set_bytes_max(std::size_t bytes_max) { bytes_max_ = bytes_max; }
    [[nodiscard]] std::size_t sum() const { return sum_ + beside_; }
    [[nodiscard]] bool is_too_much() const { return sum() > bytes_max_; }
    /// Memory that is no text, and that the bound holds for, too: of TLS handshakes.
    void set_beside(std::size_t bytes) { beside_ = bytes; }

    /// Memory that a text takes on the heap, or nearly so: a short one has its place in the record.
    [[nodiscard]] static std::size_t memory_of(const std::string& text) {
        return text.empty() ? 0 : text.capacity();
    }

    /// Keeps `bytes` in the place of `text`.
    void keep(std::string& text, std::string bytes) {
        sum_ -= memory_of(text);
        text = std::move(bytes);
        sum_ += memory_of(text);
    }
    /// Moves `text` out.
    [[nodiscard]] std::string take(std::string& text) {
        sum_ -= memory_of(text);
        return std::exchange(text, {});
    }

  private:
    std::size_t bytes_max_;
    std::size_t sum_ = 0; // of texts
    std::size_t beside_ = 0;
};

/// How many unfinished requests are looked at for the largest one, each time that all of them
/// together are too large.
inline constexpr std::size_t kLooksMax = 256;

/// Which unfinished request has to go: the largest of a sample of the oldest ones, since honest
/// requests are small; of those as large as the one in hand an older one, since it is slow.
/// @param queue          of the deadlines of all of them; each call goes on where the last one
///     ended.
/// @param in_hand        the one that was kept last.
/// @param bytes_in_hand  its memory.
/// @param memory_of      `(Handle, Time deadline) -> std::optional<std::size_t>`: the memory of an
///     entry; nothing if it stands for no unfinished request any more.
/// @return nothing if there is none as large: the one in hand has to go.
template <typename MemoryOf>
[[nodiscard]] std::optional<connection::Handle>
largest_unfinished(connection::DeadlineQueue& queue, connection::Handle in_hand,
                   std::size_t bytes_in_hand, MemoryOf&& memory_of) {
    std::optional<connection::Handle> largest;
    std::size_t bytes = bytes_in_hand;
    queue.look_at_some(kLooksMax, [&](connection::Handle handle, Time deadline) {
        const std::optional<std::size_t> held =
            handle == in_hand ? std::nullopt : memory_of(handle, deadline);
        if (held && (*held > bytes || (*held == bytes && !largest))) {
            largest = handle;
            bytes = *held;
        }
    });
    return largest;
}

/// What browsers have said and nobody has used yet, by the connection's index: few have said
/// anything. On open streams it is a part of what their format takes; on any TLS connection it is
/// the beginning of a record.
class StreamInputs {
  public:
    /// A browser on a comet page has nothing to say. Some clients send the next request early; one
    /// that sends more than that uploads, and would cost the worker's time for nothing.
    /// @limit bytes that a stream may send and that are thrown away
    static constexpr std::size_t kUnwantedInputMax = 65'536;

    /// @param sum  lives longer than this.
    explicit StreamInputs(UnfinishedBytes& sum) : sum_(sum) {}

    /// Keeps bytes that the format has not used yet.
    /// @return their memory.
    std::size_t keep(connection::Handle stream, std::string bytes);
    /// The bytes that were kept, which are kept no longer; empty if there are none.
    [[nodiscard]] std::string take(connection::Handle stream);
    /// Their memory.
    [[nodiscard]] std::size_t memory_of(connection::Handle stream) const;
    /// Counts bytes that the format has no use for.
    /// @return whether the stream may go on.
    [[nodiscard]] bool tolerates(connection::Handle stream, std::size_t bytes);
    void forget(connection::Handle stream);

  private:
    UnfinishedBytes& sum_;
    absl::flat_hash_map<std::uint32_t, std::string> kept_;
    absl::flat_hash_map<std::uint32_t, std::size_t> unwanted_; // bytes
};

} // namespace zcomet::webnode::layer
