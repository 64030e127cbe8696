// How many bytes ZeroMQ holds: those of messages that were given to it, and that it has neither
// passed to the system nor dropped. Its high-water marks count messages, which may have a megabyte
// each; these counts are of bytes.
#pragma once

#include "topology/link/zmq_socket.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace zcomet::link {

/// A count of bytes that ZeroMQ's threads lower.   Thread: any.
class QueuedBytes {
  public:
    void add(std::size_t bytes) { bytes_.fetch_add(bytes, std::memory_order_relaxed); }
    void subtract(std::size_t bytes) { bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
    [[nodiscard]] std::size_t get() const { return bytes_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::size_t> bytes_ = 0;
};
/// Shared, because messages may live longer than the connection that they were for.
using SharedQueuedBytes = std::shared_ptr<QueuedBytes>;

/// A message without a copy of its bytes, which counts until ZeroMQ has no more use for it.
/// @param owner  keeps the bytes alive: a std::string that is given away, or a shared frame.
/// @param view   `view(owner)` is the bytes, wherever the owner has been moved to.
/// @param all    counts all messages of a socket.
/// @param some   counts those of one connection as well; may be nullptr.
/// Cost: two allocations, and two atomic additions for each count.
template <typename Owner, typename View>
[[nodiscard]] zmq::message_t counted_message(Owner&& owner, View&& view, SharedQueuedBytes all,
                                             SharedQueuedBytes some) {
    struct Held {
        std::decay_t<Owner> owner;
        SharedQueuedBytes all;
        SharedQueuedBytes some;
        std::size_t bytes = 0;

        ~Held() {
            all->subtract(bytes);
            if (some != nullptr) {
                some->subtract(bytes);
            }
        }
    };
    auto held = std::make_unique<Held>(
        Held{std::forward<Owner>(owner), std::move(all), std::move(some), 0});
    const std::string_view bytes = view(std::as_const(held->owner));
    held->bytes = bytes.size();
    held->all->add(bytes.size());
    if (held->some != nullptr) {
        held->some->add(bytes.size());
    }
    zmq::message_t message = make_shared_message(
        bytes, [](void* /*data*/, void* hint) { delete static_cast<Held*>(hint); }, held.get());
    static_cast<void>(held.release()); // it belongs to the message now
    return message;
}

} // namespace zcomet::link
