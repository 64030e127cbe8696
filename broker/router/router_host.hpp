// What a router asks of the program around it, and what it reports.
#pragma once

#include "topology/feed/feed_writer.hpp"
#include "topology/wire/frames.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace zcomet::broker::router {

/// Something worth a line in the log. The views live until on_event() returns.
struct RouterEvent {
    enum class Kind : std::uint8_t {
        kJoined,      ///< a new peer said HELLO
        kReconnected, ///< a known peer came over a new connection
        kLive,        ///< a node has subscribed to its feed
        kLeft,        ///< GOODBYE
        kDied,        ///< silent for the liveness time
        kReplaced,    ///< a newer process took the node's name
        kShed,        ///< `count` messages for the node were let go
        kRefused,     ///< a frame was answered by an ERROR: `code`, `text`
        kPaused,      ///< this broker itself did not run for `count` ms
        kBehind,   ///< a node keeps up so badly that no sender waits for it; `count` messages wait
        kCaughtUp, ///< and keeps up again
        kDisbelieved, ///< a node reported impossible numbers; the ledger leaves it out
        kDrifted,     ///< a node's ids were not those that the broker knew; its list was asked for
        kRevoked,     ///< the key of a peer was revoked, or lost the peer's role
        kNear,        ///< `count` of something is near its `bound`, whose name is in `text`
        kListOld,     ///< a peer's list of brokers has version `count`, and this one's is older
    };
    static constexpr std::size_t kKinds = static_cast<std::size_t>(Kind::kListOld) + 1;
    Kind kind = Kind::kJoined;
    /// Empty and 0 where the peer has not said HELLO.
    std::string_view name = {};
    std::uint64_t incarnation = 0;
    wire::Role role = wire::Role::kNode;
    std::string_view address = {};
    std::uint64_t count = 0;
    std::uint64_t bound = 0;
    wire::ErrorCode code = wire::ErrorCode::kMalformed;
    std::string_view text = {};
};

/// The router calls these from within a call to it, on its thread. They must not call back into
/// the router.
class RouterHost {
  public:
    virtual ~RouterHost() = default;
    /// Sends one frame over the ROUTER. @return false if the peer cannot be reached now.
    virtual bool send_to_peer(std::string_view connection, std::string frame) = 0;
    /// Whether the connection still exists, as far as ZeroMQ knows, which only says so when it is
    /// given a frame: `probe` is sent if there is room for it.
    virtual bool is_connected(std::string_view connection, std::string probe) = 0;
    /// Publishes `topic` and `frame` on the XPUB.
    virtual void publish(std::string_view topic, const feed::SharedFrame& frame) = 0;
    /// @return the address of the peer whose frame is being handled, for people to read.
    virtual std::string address_of(std::string_view connection) = 0;
    virtual void on_event(const RouterEvent& event) = 0;
    /// @return the bytes given to send_to_peer() and publish() that are not with the system yet.
    [[nodiscard]] virtual std::size_t queued_bytes() const { return 0; }
};

} // namespace zcomet::broker::router
