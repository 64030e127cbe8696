// Says by the token of a request what its client may do.
#pragma once

#include "topology/auth/verifier.hpp"
#include "topology/base/time.hpp"
#include "topology/crypto/sha256.hpp"
#include "topology/http/http_front.hpp"
#include "topology/metrics/counters.hpp"
#include "webnode/request/failed_checks.hpp"
#include "webnode/slot/worker_counters.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace zcomet::webnode::request {

/// The token of a request, in one of three places: `Authorization: Bearer TOKEN`, else a cookie,
/// else the query's `token=TOKEN`, for an EventSource of another site, which can send neither.
/// @param head    a request from its request line on.
/// @param cookie  its name; empty: cookies are not looked at.
/// @param more    further names that it may have, as a cookie and in the query.
/// @return empty: there is none.
[[nodiscard]] std::string token_in(std::string_view head, std::string_view cookie,
                                   std::span<const std::string_view> more = {});

/// Ids that begin so are those of private updates of Mercure (route/topic.hpp). No client names
/// them: they come by topics that its token names.
inline constexpr std::string_view kPrivatePrefix = "~:";

/// What the gate of a port lets a request do. It is for the time in which the request is served.
struct Pass {
    /// nullptr: everybody may do everything.
    std::shared_ptr<const auth::Claims> claims;
    /// How long it is good: a stream ends then.
    Duration life = Duration::max();
    /// Everybody may listen to all that is not private: a token only adds to that.
    bool is_public = false;

    [[nodiscard]] bool may_listen(std::string_view id) const {
        return !id.starts_with(kPrivatePrefix) &&
               (claims == nullptr || is_public || claims->may_listen(id));
    }
    /// @param id  of the topic.
    [[nodiscard]] bool may_listen_to_topic(std::string_view topic, std::string_view id) const {
        return may_listen(id) || (claims != nullptr && claims->may_subscribe_topic(topic));
    }
    /// To its private updates.
    [[nodiscard]] bool may_listen_privately(std::string_view topic) const {
        return claims != nullptr && claims->may_subscribe_topic(topic);
    }
    [[nodiscard]] bool may_publish(std::string_view id) const {
        return claims == nullptr || claims->may_publish(id);
    }
    /// @param id  of the topic.
    [[nodiscard]] bool may_publish_to_topic(std::string_view topic, std::string_view id) const {
        return may_publish(id) || claims->may_publish_topic(topic);
    }
};

/// Of auth::Refusal::kOtherId.
inline constexpr std::string_view kOtherIdWords = "the token is not for this id";

/// Seconds since 1970, by the system's clock.
[[nodiscard]] auth::UnixSeconds unix_now();

/// The gate of one port. Tokens are in no log and in no answer.
/// Thread: the worker's loop only.
class Gate {
  public:
    /// Backends send very many requests with one token: its signature is checked once in a while.
    /// Those of browsers take each other's places, which costs nothing.
    /// @limit tokens of which a worker remembers what they say, for each of its ports
    static constexpr std::size_t kRememberedMax = 64;

    /// @param cookie    as for token_in().
    /// @param counters  live longer than this: kTokenRefusals counts.
    Gate(std::string cookie, metrics::Counters<slot::WorkerCounter>& counters,
         std::function<auth::UnixSeconds()> clock = unix_now);

    /// From now on tokens are checked by this; before that none is good.
    void use(std::shared_ptr<const auth::Verifier> verifier);

    /// Looks at a request's token. A refusal is counted.
    /// @param origin  of its connection: Connection::origin().
    /// @param more    as for token_in().
    /// @return what it may do; or the answer: 401 with WWW-Authenticate, or 429 with
    /// Retry-After while too many signatures are not good.
    [[nodiscard]] std::variant<Pass, http::Reply> look(std::string_view head,
                                                       std::uint16_t origin = 0,
                                                       std::span<const std::string_view> more = {});
    /// The same where the port is public: without a token it may do what everybody may.
    [[nodiscard]] std::variant<Pass, http::Reply>
    look_if_any(std::string_view head, std::uint16_t origin,
                std::span<const std::string_view> more = {});

    /// Counts a refusal.
    void note(auth::Refusal refusal);
    /// The answer to a request that is refused for this.
    [[nodiscard]] static http::Reply reply_to(auth::Refusal refusal);

    /// The word of the last refusal.
    [[nodiscard]] std::string_view last_reason() const { return last_reason_; }

  private:
    struct Remembered {
        std::array<char, crypto::kSha256Bytes> digest{};
        std::shared_ptr<const auth::Claims> claims; // nullptr: nothing is remembered here
    };

    [[nodiscard]] std::variant<Pass, http::Reply> look_at(const std::string& token,
                                                          std::uint16_t origin);
    [[nodiscard]] std::variant<Pass, auth::Refusal, http::Reply> check(const std::string& token,
                                                                       std::uint16_t origin);
    [[nodiscard]] http::Reply reply_to(FailedChecks::Verdict verdict);
    [[nodiscard]] Pass pass_of(std::shared_ptr<const auth::Claims> claims,
                               auth::UnixSeconds now) const;

    std::string cookie_;
    metrics::Counters<slot::WorkerCounter>& counters_;
    std::function<auth::UnixSeconds()> clock_;
    std::shared_ptr<const auth::Verifier> verifier_;
    std::string_view last_reason_ = "-";
    FailedChecks failed_;
    // By the digest, so that no comparison tells how much of a token somebody has guessed.
    std::array<Remembered, kRememberedMax> remembered_;
};

} // namespace zcomet::webnode::request
