// A key file: who somebody is, what they may do, and the pair of CURVE keys that proves it. It is
// TOML:
//
//     name = "web1"                       1 to 48 characters of A-Z a-z 0-9 . _ -
//     roles = ["node", "sender"]          node, sender, operator, broker
//     ids = ["shop.*"]                    what it may send to; absent: every id
//     created = "2026-11-30T12:00:00Z"
//     public = "…"                        40 characters of Z85
//     secret = "…"                        likewise; not in files for others to read
//
//     [[broker]]                          in a bundle: the brokers that it is for
//     name = "broker1"
//     public = "…"
//
// A broker's own key, and the bundle that a peer gets, have a secret. What a broker keeps of a peer
// has none.
#pragma once

#include "topology/base/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::keys {

/// What a key may do.
enum class Role : std::uint8_t {
    kNode,     ///< hold streams, and hear what is sent to their ids
    kSender,   ///< send
    kOperator, ///< ask, and send
    kBroker,   ///< be a broker
};

/// In the order of Role.
inline constexpr std::array<std::string_view, 4> kRoleNames{"node", "sender", "operator", "broker"};

/// A set of roles.
class Roles {
  public:
    constexpr Roles() = default;
    constexpr Roles(std::initializer_list<Role> roles) {
        for (const Role role : roles) {
            add(role);
        }
    }

    constexpr void add(Role role) { bits_ = static_cast<std::uint8_t>(bits_ | bit(role)); }
    [[nodiscard]] constexpr bool has(Role role) const { return (bits_ & bit(role)) != 0; }
    [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
    /// "node,sender"
    [[nodiscard]] std::string text() const;
    friend bool operator==(const Roles&, const Roles&) = default;

  private:
    static constexpr unsigned bit(Role role) { return 1U << static_cast<unsigned>(role); }
    std::uint8_t bits_ = 0;
};

/// Errors: a word is no role, or there is none; one sentence.
/// @param text  "node,sender".
[[nodiscard]] Result<Roles> roles_of(std::string_view text);

/// @limit bytes of a key's name
inline constexpr std::size_t kKeyNameBytesMax = 48;
/// A bundle with the longest of everything has less.
/// @limit bytes of a key file
inline constexpr std::size_t kKeyFileBytesMax = 16'384;
/// @limit brokers that a key file names
inline constexpr std::size_t kBrokersOfKeyMax = 16;

/// @return one sentence; empty: it may name a key.
[[nodiscard]] std::string why_no_key_name(std::string_view name);

struct BrokerKey {
    std::string name;
    std::string public_key;
    friend bool operator==(const BrokerKey&, const BrokerKey&) = default;
};

struct KeyFile {
    std::string name;
    Roles roles;
    std::vector<std::string> ids; ///< patterns (history::why_no_pattern); empty: every id
    std::string created;          ///< a time, for people
    std::string public_key;
    std::string secret; ///< empty: it has none
    std::vector<BrokerKey> brokers;
    friend bool operator==(const KeyFile&, const KeyFile&) = default;
};

/// Errors: "line N: what is wrong". The sentence has nothing of a secret.
[[nodiscard]] Result<KeyFile> parse_key_file(std::string_view text);
/// The text that parse_key_file() reads.
[[nodiscard]] std::string write_key_file(const KeyFile& key);

/// Reads a key file with a secret.
/// Errors: it cannot be read; others may read it; it is none, or has no secret. The sentence names
/// the file.
[[nodiscard]] Result<KeyFile> read_secret_key_file(const std::string& path);

/// "2026-11-30T12:00:00Z"
[[nodiscard]] std::string time_now();

} // namespace zcomet::keys
