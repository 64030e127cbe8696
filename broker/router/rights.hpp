// Who may say what, where peers have keys (topology/keys). Whose a name, an incarnation or a topic
// is, Joining and Feeds know.
#pragma once

#include "broker/router/refusals.hpp"
#include "broker/router/router_state.hpp"
#include "topology/keys/key_ring.hpp"

#include <cstdint>
#include <string_view>

namespace zcomet::broker::router {

/// Each question is answered at once where no keys are used (Incoming::key).
class Rights {
  public:
    Rights(RouterState& state, Refusals& refusals) : state_(state), refusals_(refusals) {}

    /// How much of an answer a peer gets.
    enum class Answer : std::uint8_t { kNone, kOwn, kAll };

    /// Whether the key is one at all. If not, the frame is refused; so it is for the others.
    [[nodiscard]] bool may_speak(const Incoming& in) {
        return in.key == nullptr || !in.key->is_revoked() || refuse(in, "this key was revoked");
    }
    [[nodiscard]] bool may_join(const Incoming& in, const wire::Hello& hello);
    [[nodiscard]] Answer may_ask(const Incoming& in, const wire::Query& query);
    [[nodiscard]] bool may_replay(const Incoming& in);

    /// Whether a peer that has joined in this role would still be let in.
    [[nodiscard]] static bool may_stay(const table::Peer& peer) {
        return peer.key == nullptr || may_be(*peer.key, peer.role());
    }

  private:
    [[nodiscard]] static bool may_be(const keys::KnownKey& key, wire::Role role);
    /// @return false
    bool refuse(const Incoming& in, std::string_view text);

    RouterState& state_;
    Refusals& refusals_;
};

} // namespace zcomet::broker::router
