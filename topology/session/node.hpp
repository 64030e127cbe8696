// A node, as all of its brokers know it.
#pragma once

#include "topology/feed/seen_messages.hpp"
#include "topology/session/login_book.hpp"
#include "topology/session/node_events.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace zcomet::session {

/// One for each node; the session with each broker refers to it.
///
/// Thread: that of the sessions.
class Node {
  public:
    /// @param events       lives longer than this.
    /// @param incarnation  random, not 0; drawn once for each process.
    /// @param name         1 to 64 printable ASCII characters.
    /// @param placement    of ids on the brokers that the node has.
    Node(NodeEvents& events, std::uint64_t incarnation, std::string name,
         cluster::Placement placement = cluster::Placement(1))
        : events_(events), incarnation_(incarnation), name_(std::move(name)),
          logins_(events, std::move(placement)) {}

    [[nodiscard]] NodeEvents& events() { return events_; }
    [[nodiscard]] std::uint64_t incarnation() const { return incarnation_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    /// One for all brokers: a message that is sent again may come by way of another broker.
    [[nodiscard]] feed::SeenMessages& seen() { return seen_; }
    [[nodiscard]] const feed::SeenMessages& seen() const { return seen_; }
    [[nodiscard]] LoginBook& logins() { return logins_; }

  private:
    NodeEvents& events_;
    std::uint64_t incarnation_;
    std::string name_;
    feed::SeenMessages seen_;
    LoginBook logins_;
};

} // namespace zcomet::session
