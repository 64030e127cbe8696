// Says who may reach a broker that has keys: answers ZeroMQ's questions about handshakes, knows
// whose each message is, and follows what changes in the directory of keys.
#pragma once

#include "broker/shell/key_watch.hpp"
#include "topology/keys/key_ring.hpp"
#include "topology/link/link_context.hpp"
#include "topology/link/zap_server.hpp"
#include "topology/loop/loop.hpp"
#include "topology/program/program.hpp"

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace zcomet::broker::shell {

/// Thread: the broker's loop.
class Gatekeeper {
  public:
    /// To be made before the sockets are bound.
    /// @param path     of the directory.
    /// @param allowed  what it has now.
    /// @param on_refusal  called for each handshake that is refused.
    Gatekeeper(link::LinkContext& context, const std::string& path,
               const std::vector<keys::KeyFile>& allowed, std::function<void()> on_refusal);

    /// The key of the connection over which the message came. A message that is of no connection
    /// gets a key that may nothing.
    [[nodiscard]] const keys::KnownKey& key_of(zmq::message_t& message) const;
    /// Ends the connection over which the message came: its key was revoked, or it takes too much.
    void end_connection(zmq::message_t& message) const;
    /// A subscription came over a connection, which is to end when its key is revoked: it says
    /// nothing by itself any more.
    /// @return how many have come over it, this one too.
    std::uint32_t note_subscription(const keys::KnownKey& key, zmq::message_t& message);

    void add_to(loop::Loop& loop);
    void remove_from(loop::Loop& loop);
    /// SIGHUP.
    void read_again() { watch_.read_again(); }

  private:
    /// A connection, which other ones with the same descriptor are not.
    struct Subscriber {
        const keys::KnownKey* key = nullptr;
        std::uint64_t cookie = 0;
        std::uint32_t subscriptions = 0;
    };

    [[nodiscard]] std::optional<std::string> judge(const link::ZapRequest& request);
    void on_read(const Result<keys::Directory>& directory);
    void end_subscribers();

    keys::KeyRing ring_;
    keys::KnownKey nobody_; // has no role
    std::function<void()> on_refusal_;
    program::LogLimit refused_;
    absl::flat_hash_map<int, Subscriber> subscribers_; // by descriptor: bounded by their number
    link::ZapServer zap_;
    KeyWatch watch_;
};

} // namespace zcomet::broker::shell
