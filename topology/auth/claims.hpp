// What a token says (RFC 7519, section 4).
//
//     {"sub":"alice","ids":["chat.*"],"publish":["alice.*"],"exp":1790000000,"nbf":…,"iss":…,"aud":…}
//
// `sub` is an id that its bearer may listen to, exactly as it stands. `ids` and `publish` are
// patterns of ids (history/patterns.hpp): those to listen to, and those to publish to.
//
// Tokens of Mercure name topics instead, each exactly or all by "*", in one of two forms:
//
//     {"mercure":{"publish":["https://a.example/1"],"subscribe":["*"]}}
//     {"authorization_details":[{"type":"mercure","actions":["publish","subscribe"],
//                                "topics":[{"match":"https://a.example/1"}]}]}
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::auth {

/// A pattern stands for many ids, and a stream has a hundred ids.
/// @limit patterns of ids in each claim of a token
inline constexpr std::size_t kClaimPatternsMax = 100;
/// In both forms together.
/// @limit topics of Mercure in a token, for each of publishing and subscribing
inline constexpr std::size_t kClaimTopicsMax = 100;

/// Seconds since 1970.
using UnixSeconds = std::int64_t;
inline constexpr UnixSeconds kForever = std::numeric_limits<UnixSeconds>::max();

struct Claims {
    std::string subject;                          ///< `sub`, perhaps no id; empty: there is none
    std::vector<std::string> ids;                 ///< patterns
    std::vector<std::string> publish;             ///< patterns
    std::vector<std::string> topics_to_publish;   ///< of Mercure; "*": all
    std::vector<std::string> topics_to_subscribe; ///< likewise
    UnixSeconds expires = kForever;               ///< `exp`: it is no longer good at this time
    UnixSeconds not_before = 0;                   ///< `nbf`
    std::string issuer;
    std::vector<std::string> audience;

    /// Cost: O(patterns).
    [[nodiscard]] bool may_listen(std::string_view id) const;
    [[nodiscard]] bool may_publish(std::string_view id) const;
    [[nodiscard]] bool may_publish_topic(std::string_view topic) const;
    [[nodiscard]] bool may_subscribe_topic(std::string_view topic) const;
};

/// @param json  the payload of a token.
/// @return nothing: it is no JSON object, a name stands in it twice, or a claim is not what it
/// should be: a pattern is none, a time is no number of seconds between the years 1970 and 9999, an
/// authorization detail of Mercure lacks something. One for a topic pattern is passed over.
/// Errors: none thrown.   Thread: any.
[[nodiscard]] std::optional<Claims> read_claims(std::string_view json);
/// The payload of a token that says this.
[[nodiscard]] std::string write_claims(const Claims& claims);

} // namespace zcomet::auth
