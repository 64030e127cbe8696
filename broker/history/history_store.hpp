// Where a broker keeps messages. A store is one of the classes that implement this.
#pragma once

#include "topology/wire/frames.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace zcomet::broker::history {

/// Times are milliseconds, as positions have them (PositionClock). Thread: the router's.
class HistoryStore {
  public:
    HistoryStore() = default;
    virtual ~HistoryStore() = default;
    HistoryStore(const HistoryStore&) = delete;
    HistoryStore& operator=(const HistoryStore&) = delete;

    /// Names one unbroken life of the messages: not 0. A cursor of another epoch cannot be vouched
    /// for.
    [[nodiscard]] virtual std::uint64_t epoch() const = 0;

    /// Keeps a message to an id of that rule. Its attributes have no position yet.
    /// @param position  above those of all earlier messages.
    /// @return false if it cannot be kept.
    [[nodiscard]] virtual bool keep(std::size_t rule, const wire::Message& message,
                                    std::uint64_t position) = 0;

    /// All messages to `id`, which has that rule, after this position are there.
    [[nodiscard]] virtual std::uint64_t complete_since(std::size_t rule,
                                                       std::string_view id) const = 0;
    /// The position after which `id` has `most` messages, the newest ones; 0: it has no more.
    [[nodiscard]] virtual std::uint64_t before_newest(std::string_view id,
                                                      std::uint32_t most) const = 0;
    /// Calls `visit(message, position)` for each message to one of the ids (wire::kHistoryIdsMax at
    /// most) after `after`, by rising position, until it returns false. The views live until then.
    /// @return how many messages were passed over to get there, which is the cost beside visits.
    using Visit = std::function<bool(const wire::Message& message, std::uint64_t position)>;
    virtual std::uint64_t read(const wire::IdList& ids, std::uint64_t after,
                               const Visit& visit) const = 0;

    /// From the next keep() on.
    virtual void set_bytes_max(std::uint64_t bytes) = 0;

    /// Lets messages go that are too old, up to `most` of them.
    /// @return whether there are more.
    virtual bool expire(std::uint64_t now_ms, std::size_t most) = 0;

    [[nodiscard]] virtual std::uint64_t messages() const = 0;
    /// Bytes taken, with what the allocator adds.
    [[nodiscard]] virtual std::uint64_t bytes() const = 0;
    /// Messages that went before they were too old or too many of their id, for want of room.
    [[nodiscard]] virtual std::uint64_t evicted() const = 0;
};

} // namespace zcomet::broker::history
