// The ids that a node holds, and the brokers that should know each of them.
#pragma once

#include "topology/cluster/login_placement.hpp"
#include "topology/session/node_events.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace zcomet::session {

/// One for each node. The program stores the ids (NodeEvents::for_each_login). The book has the
/// placement, and for each broker the digest of the ids that the broker should know. Each broker's
/// LoginReporter keeps track of what the broker was told and has confirmed.
class LoginBook {
  public:
    /// @param events  lives longer than this.
    LoginBook(const NodeEvents& events, cluster::LoginPlacement placement);

    [[nodiscard]] const cluster::LoginPlacement& placement() const { return placement_; }
    /// Calls with an id, and a broker that from now on should know it, or no longer should.
    using Move = std::function<void(std::size_t broker, std::string_view id, bool gains)>;
    /// Goes by another placement, in which those brokers that were known have the same numbers.
    /// `move` is called for all that changes, and has to enter it.
    void use(cluster::LoginPlacement placement, const Move& move);

    /// Enters a change to the ids that `broker` should know.
    void add(std::size_t broker, std::string_view id);
    void remove(std::size_t broker, std::string_view id);
    /// The digest of the ids that `broker` should know (topology/wire/id_digest.hpp).
    [[nodiscard]] std::uint64_t digest(std::size_t broker) const { return digests_[broker]; }
    /// Calls `visit` for each id that `broker` should know, and computes the digest anew.
    void for_each(std::size_t broker, const std::function<void(std::string_view id)>& visit);

  private:
    const NodeEvents& events_;
    cluster::LoginPlacement placement_;
    std::vector<std::uint64_t> digests_; // by broker
};

} // namespace zcomet::session
