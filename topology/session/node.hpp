// A node, as all of its brokers know it.
#pragma once

#include "topology/feed/seen_messages.hpp"
#include "topology/session/ledger_book.hpp"
#include "topology/session/login_book.hpp"
#include "topology/session/node_events.hpp"
#include "topology/wire/frames.hpp"

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
    /// @param list         of those brokers.
    Node(NodeEvents& events, std::uint64_t incarnation, std::string name,
         cluster::LoginPlacement placement = {}, const wire::ListMark& list = {})
        : events_(events), incarnation_(incarnation), name_(std::move(name)), list_(list),
          logins_(events, std::move(placement)), ledger_(events, logins_.placement().brokers()) {}

    [[nodiscard]] NodeEvents& events() { return events_; }
    [[nodiscard]] std::uint64_t incarnation() const { return incarnation_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    /// The list of brokers that it tells them of.
    [[nodiscard]] const wire::ListMark& list() const { return list_; }
    void set_list(const wire::ListMark& list) { list_ = list; }
    /// Goes by another placement: LoginBook::use(). Brokers that get numbers by it need sessions.
    void use(cluster::LoginPlacement placement, const LoginBook::Move& move) {
        ledger_.use(placement.brokers());
        logins_.use(std::move(placement), move);
    }
    /// One for all brokers: a message that is sent again may come by way of another broker.
    [[nodiscard]] feed::SeenMessages& seen() { return seen_; }
    [[nodiscard]] const feed::SeenMessages& seen() const { return seen_; }
    [[nodiscard]] LoginBook& logins() { return logins_; }
    [[nodiscard]] const LoginBook& logins() const { return logins_; }
    /// What became of the messages of each broker.
    [[nodiscard]] LedgerBook& ledger() { return ledger_; }

    /// Which of its brokers have a live feed for the node.
    void set_live(std::size_t broker, bool is_live) { live_.set(broker, is_live); }
    [[nodiscard]] const cluster::BrokerSet& live() const { return live_; }

  private:
    NodeEvents& events_;
    std::uint64_t incarnation_;
    std::string name_;
    wire::ListMark list_;
    feed::SeenMessages seen_;
    LoginBook logins_;
    LedgerBook ledger_;
    cluster::BrokerSet live_;
};

} // namespace zcomet::session
