// The TLS of a port's connections: handshakes that are under way, and the keys of those that are
// made. A port speaks TLS on all its connections or on none; of one that does not, nothing is kept.
//
// All text passes through a few buffers, which are the port's. A connection has none: the beginning
// of a record that has come is kept by whoever reads (request::Requests), and the rest of one that
// the socket did not take by Connections.
#pragma once

#include "topology/base/time.hpp"
#include "topology/store/slab.hpp"
#include "topology/tls/aead.hpp"
#include "topology/tls/handshake.hpp"
#include "topology/tls/records.hpp"
#include "topology/tls/server_context.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace zcomet::webnode::connection {

/// Thread: the worker's loop only.
class Secured {
  public:
    /// @param clock  measures handshakes.
    explicit Secured(std::shared_ptr<const tls::ServerContext> context,
                     std::function<Time()> clock = Clock::now)
        : context_(std::move(context)), clock_(std::move(clock)) {}
    /// For handshakes that begin from now on.
    void use(std::shared_ptr<const tls::ServerContext> context) { context_ = std::move(context); }

    /// Whether the handshake is made.
    [[nodiscard]] bool is_open(std::uint32_t connection) const;
    /// Memory of the handshakes that are under way.
    [[nodiscard]] std::size_t handshake_bytes() const {
        return handshakes_ * tls::Handshake::kBytes;
    }
    [[nodiscard]] bool is_shaking_hands(std::uint32_t connection) const;

    /// Whether the time for handshakes in the turn that began at `turn` is over. A connection whose
    /// handshake is not made then waits for another turn.
    [[nodiscard]] bool is_out_of_time(Time turn) const {
        return turn == turn_ && spent_ >= kHandshakeTimeMax;
    }

    enum class After : std::uint8_t {
        kOpen,
        kEnded,  ///< the client has ended its half
        kFailed, ///< there is no way on: `reply` says so to the client
        kNotTls, ///< the first byte begins no handshake
    };
    struct Received {
        After after = After::kOpen;
        std::size_t used = 0;       ///< of the bytes; the rest is the beginning of a record
        std::string_view text{};    ///< valid until the next call
        std::string_view reply{};   ///< must be written; likewise. Not with text that has come with
                                    ///< the handshake's end: then it is held, for take_held()
        bool begins = false;        ///< the handshake is made
        bool is_resumed = false;    ///< by a ticket
        std::string_view failure{}; ///< words of a handshake that failed; static, or as `text`
    };
    /// What a connection has sent.
    [[nodiscard]] Received receive(std::uint32_t connection, std::string_view bytes, Time turn);

    /// @return records with the text; valid until the next call. The connection must be open.
    [[nodiscard]] std::string_view seal(std::uint32_t connection, std::string_view text);
    /// The record that ends our half.
    [[nodiscard]] std::string_view seal_end(std::uint32_t connection);

    /// The end of a handshake is a ticket, whose place is in front of all else that is sent. So
    /// seal() and seal_end() begin with it if it is held: that saves a call of the system.
    /// @return what is held for the connection, which is held no longer; valid until the next call.
    [[nodiscard]] std::string_view take_held(std::uint32_t connection);

    /// The connection is gone.
    void forget(std::uint32_t connection);

    /// Bytes used for the connections that are open, without the allocator's overhead.
    [[nodiscard]] std::size_t memory_bytes() const {
        return sessions_.memory_bytes() + index_.memory_bytes();
    }

    /// A handshake takes 0.2 ms if the key is on P-256, and 1 to 5 ms if it is RSA. The step that
    /// exceeds this is the last of its turn.
    /// @limit time for TLS handshakes in a turn
    static constexpr Duration kHandshakeTimeMax = 2ms;

  private:
    struct Session {
        std::unique_ptr<tls::Handshake> handshake; // nullptr: it is made
        tls::Records records;
    };

    [[nodiscard]] Session* find(std::uint32_t connection);
    [[nodiscard]] const Session* find(std::uint32_t connection) const;
    Session& make(std::uint32_t connection);
    void begin_sealed(std::uint32_t connection);
    void go_on(Session& session, std::string_view bytes, Time turn, Received& received);

    std::shared_ptr<const tls::ServerContext> context_;
    std::function<Time()> clock_;
    tls::Aead aead_;
    store::Slab<Session> sessions_;
    store::ChunkedArray<std::uint32_t> index_; // of the session, by the connection's
    std::uint32_t index_bound_ = 0;
    std::size_t handshakes_ = 0; // under way
    Time turn_ = Time::min();    // of the last handshake
    Duration spent_{};           // for handshakes in that turn
    std::string text_;
    std::string reply_;
    std::string sealed_;
    std::string held_;                         // until receive() and its text's answer are done
    std::uint32_t held_for_ = store::kNoIndex; // the connection
    std::string failure_;
};

} // namespace zcomet::webnode::connection
