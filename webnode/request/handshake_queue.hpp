// Connections of a TLS port that have sent a part of their handshake, and wait for a turn that has
// time for it.
#pragma once

#include "webnode/connection/connection_table.hpp"

#include <deque>
#include <optional>

namespace zcomet::webnode::request {

/// Those whose handshake is under way come first: what is left of it costs little, and it takes
/// memory until it is made. Otherwise first come, first served.
/// A name may be stale when its turn comes. The caller sees to it that no connection is in here
/// twice.
class HandshakeQueue {
  public:
    void push(connection::Handle handle, bool is_under_way) {
        (is_under_way ? under_way_ : new_).push_back(handle);
    }
    /// @return nothing if it is empty.
    [[nodiscard]] std::optional<connection::Handle> pop() {
        std::deque<connection::Handle>& from = under_way_.empty() ? new_ : under_way_;
        if (from.empty()) {
            return std::nullopt;
        }
        const connection::Handle first = from.front();
        from.pop_front();
        return first;
    }
    [[nodiscard]] bool empty() const { return under_way_.empty() && new_.empty(); }
    /// Whether a connection would have others before it.
    [[nodiscard]] bool has_before(bool is_under_way) const {
        return !under_way_.empty() || (!is_under_way && !new_.empty());
    }

  private:
    std::deque<connection::Handle> under_way_;
    std::deque<connection::Handle> new_;
};

} // namespace zcomet::webnode::request
