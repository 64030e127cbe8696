// The kinds of frames: one row for each, with its name, its senders and when it may come.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace zcomet::wire {

/// The fourth byte of a frame.
enum class Kind : std::uint8_t {
    kHello = 0x01,
    kGoodbye = 0x02,
    kHeartbeat = 0x03,
    kLogin = 0x10,
    kLogout = 0x11,
    kList = 0x12,
    kResend = 0x20,
    kSend = 0x30,
    kPing = 0x40,
    kQuery = 0x41,
    kHistory = 0x42,
    kBatch = 0x50,
    kWelcome = 0x81,
    kCredit = 0x82,
    kReceipt = 0x83,
    kPong = 0x84,
    kAnswer = 0x85,
    kAcknowledged = 0x86,
    kKept = 0x87,
    kError = 0xFF,
};

/// What a peer is to a broker.
enum class Role : std::uint8_t { kNode = 1, kSender = 2 };

/// Which side sends a kind of frame.
enum class From : std::uint8_t { kPeer, kBroker, kBoth };

struct KindRow {
    Kind kind = Kind::kHello;
    /// As docs/PROTOCOL.md spells it.
    std::string_view name;
    From from = From::kPeer;
    /// Whether a broker takes it only from a peer that has said HELLO on the same connection.
    bool needs_hello = true;
    /// The only role in which a peer may send it; absent: any role.
    std::optional<Role> role = std::nullopt;
};

/// By rising kind, which is also the order of the alternatives of Frame (frames.hpp).
/// Source: docs/PROTOCOL.md, section 4.
inline constexpr std::array<KindRow, 20> kKinds{{
    {Kind::kHello, "HELLO", From::kPeer, false},
    {Kind::kGoodbye, "GOODBYE", From::kPeer},
    {Kind::kHeartbeat, "HEARTBEAT", From::kBoth},
    {Kind::kLogin, "LOGIN", From::kPeer, true, Role::kNode},
    {Kind::kLogout, "LOGOUT", From::kPeer, true, Role::kNode},
    {Kind::kList, "LIST", From::kPeer, true, Role::kNode},
    {Kind::kResend, "RESEND", From::kPeer, true, Role::kNode},
    {Kind::kSend, "SEND", From::kPeer, true, Role::kSender},
    {Kind::kPing, "PING", From::kPeer, false},
    {Kind::kQuery, "QUERY", From::kBoth, false},
    {Kind::kHistory, "HISTORY", From::kPeer},
    {Kind::kBatch, "BATCH", From::kBroker},
    {Kind::kWelcome, "WELCOME", From::kBroker},
    {Kind::kCredit, "CREDIT", From::kBroker},
    {Kind::kReceipt, "RECEIPT", From::kBroker},
    {Kind::kPong, "PONG", From::kBroker},
    {Kind::kAnswer, "ANSWER", From::kBoth, true, Role::kNode},
    {Kind::kAcknowledged, "ACKNOWLEDGED", From::kBroker},
    {Kind::kKept, "KEPT", From::kBroker},
    {Kind::kError, "ERROR", From::kBroker},
}};
static_assert(std::is_sorted(kKinds.begin(), kKinds.end(),
                             [](const KindRow& a, const KindRow& b) { return a.kind < b.kind; }),
              "the rows are in the order of the enum");

/// @param kind  a byte of a frame, any value.
/// @return the kind's row; nullptr if this version has no such kind.
[[nodiscard]] const KindRow* find_kind(std::uint8_t kind);

/// @return the kind's name as docs/PROTOCOL.md spells it; "unknown" for any other number.
[[nodiscard]] std::string_view name_of(Kind kind);

} // namespace zcomet::wire
