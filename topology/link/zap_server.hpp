// Says for the sockets of this process which keys may come in (ZAP, ZeroMQ RFC 27). Without it a
// broker with keys lets every key in.
#pragma once

#include "topology/link/link_context.hpp"
#include "topology/link/zap_request.hpp"
#include "topology/loop/source.hpp"

#include <zmq.hpp>

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace zcomet::link {

/// Thread: that of the loop that drives it. ZeroMQ's threads ask, and wait for the answer meanwhile
/// with this one connection only.
class ZapServer final : public loop::Source {
  public:
    /// @return the peer's name for ZeroMQ (name_of_peer()); absent: it is refused. Must not wait.
    using Judge = std::function<std::optional<std::string>(const ZapRequest& request)>;

    /// To be made before the sockets that it is for are bound.
    ZapServer(LinkContext& context, Judge judge);

    [[nodiscard]] std::span<const int> fds() const override { return fds_; }
    bool turn(Time now) override;
    [[nodiscard]] Time due() const override { return kNever; }

  private:
    /// @return whether there was one.
    bool answer_one();

    zmq::socket_t socket_; // ROUTER
    Judge judge_;
    std::array<int, 1> fds_;
};

/// What a judge has said of the connection over which the message came. nullptr: nothing.
[[nodiscard]] const char* user_of(zmq::message_t& message);

/// Whether the connection over which the message came is still there. Its end may be known to the
/// system, and not to our thread yet.
[[nodiscard]] bool is_connection_open(zmq::message_t& message);

/// The descriptor of that connection. The connection may be closed, and the number in use again.
[[nodiscard]] int descriptor_of(zmq::message_t& message);

} // namespace zcomet::link
