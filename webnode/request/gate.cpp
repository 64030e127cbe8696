#include "webnode/request/gate.hpp"

#include "topology/base/text.hpp"
#include "topology/http/headers.hpp"
#include "topology/http/target.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace zcomet::webnode::request {

namespace {

constexpr std::string_view kScheme = "Bearer ";
constexpr std::string_view kParameter = "token";
constexpr std::string_view kBlanks = " \t";
/// No timer is so long, and the sum of such a time and the present does not overflow.
constexpr std::chrono::seconds kLifeMax = std::chrono::hours(24 * 365 * 50);

std::string_view without_blanks_before(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    return text;
}

/// RFC 9112, section 2.2
std::string_view without_blank_lines(std::string_view head) {
    while (head.starts_with("\r\n")) {
        head.remove_prefix(2);
    }
    return head;
}

std::string_view bearer_in(std::string_view authorization) {
    return equals_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)
               ? without_blanks_before(authorization.substr(kScheme.size()))
               : std::string_view();
}

/// @param cookies  the value of the header: "a=1; b=2".
std::string_view cookie_in(std::string_view cookies, std::string_view name) {
    while (!cookies.empty() && !name.empty()) {
        const std::size_t end = std::min(cookies.find(';'), cookies.size());
        const std::string_view one = without_blanks_before(cookies.substr(0, end));
        cookies.remove_prefix(std::min(end + 1, cookies.size()));
        if (one.starts_with(name) && one.substr(name.size()).starts_with('=')) {
            return one.substr(name.size() + 1);
        }
    }
    return {};
}

std::string_view query_of(std::string_view head) {
    const std::string_view line = head.substr(0, head.find_first_of("\r\n"));
    const std::size_t begin = line.find(' ') + 1;
    const auto target = http::split_target(line.substr(begin, line.find(' ', begin) - begin));
    return target ? target->query : std::string_view();
}

} // namespace

std::string token_in(std::string_view head, std::string_view cookie,
                     std::span<const std::string_view> more) {
    if (const auto token = bearer_in(http::header_in(head, "Authorization")); !token.empty()) {
        return std::string(token);
    }
    const std::string_view cookies =
        cookie.empty() ? std::string_view() : http::header_in(head, "Cookie");
    std::string token(cookie_in(cookies, cookie));
    for (auto name = more.begin(); token.empty() && name != more.end(); ++name) {
        token = cookie_in(cookies, *name);
    }
    http::Request request;
    request.query = query_of(head);
    if (!token.empty() || request.query.empty()) {
        return token;
    }
    token = request.parameter(kParameter);
    for (auto name = more.begin(); token.empty() && name != more.end(); ++name) {
        token = request.parameter(*name);
    }
    return token;
}

auth::UnixSeconds unix_now() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

Gate::Gate(std::string cookie, metrics::Counters<slot::WorkerCounter>& counters,
           std::function<auth::UnixSeconds()> clock)
    : cookie_(std::move(cookie)), counters_(counters), clock_(std::move(clock)),
      verifier_(std::make_shared<auth::Verifier>(std::vector<auth::Key>(), auth::Rules())) {}

void Gate::use(std::shared_ptr<const auth::Verifier> verifier) {
    verifier_ = std::move(verifier);
    remembered_.fill({}); // their keys may be gone
}

std::variant<Pass, http::Reply> Gate::look(std::string_view head, std::uint16_t origin,
                                           std::span<const std::string_view> more) {
    const std::string token = token_in(without_blank_lines(head), cookie_, more);
    if (token.empty()) {
        note(auth::Refusal::kNoToken);
        return reply_to(auth::Refusal::kNoToken);
    }
    return look_at(token, origin);
}

std::variant<Pass, http::Reply> Gate::look_if_any(std::string_view head, std::uint16_t origin,
                                                  std::span<const std::string_view> more) {
    const std::string token = token_in(without_blank_lines(head), cookie_, more);
    std::variant<Pass, http::Reply> looked = Pass();
    if (!token.empty()) {
        looked = look_at(token, origin);
    }
    if (auto* const pass = std::get_if<Pass>(&looked)) {
        pass->is_public = true;
    }
    return looked;
}

std::variant<Pass, http::Reply> Gate::look_at(const std::string& token, std::uint16_t origin) {
    auto checked = check(token, origin);
    if (const auto* refusal = std::get_if<auth::Refusal>(&checked)) {
        note(*refusal);
        return reply_to(*refusal);
    }
    if (auto* reply = std::get_if<http::Reply>(&checked)) {
        return std::move(*reply);
    }
    return std::get<Pass>(std::move(checked));
}

std::variant<Pass, auth::Refusal, http::Reply> Gate::check(const std::string& token,
                                                           std::uint16_t origin) {
    const auth::UnixSeconds now = clock_();
    const auto digest = crypto::sha256(token);
    Remembered& place = remembered_[static_cast<std::uint8_t>(digest.front()) % kRememberedMax];
    if (place.claims == nullptr || place.digest != digest) {
        const auto verdict = failed_.look(origin, now);
        if (verdict != FailedChecks::Verdict::kMay) {
            return reply_to(verdict);
        }
        auto checked = verifier_->check(token, now);
        if (const auto* refusal = std::get_if<auth::Refusal>(&checked)) {
            if (*refusal == auth::Refusal::kSignature) {
                failed_.note(origin, now);
            }
            return *refusal;
        }
        place = {digest,
                 std::make_shared<auth::Claims>(std::get<auth::Claims>(std::move(checked)))};
    } else if (const auto refusal = verifier_->why_not_at(*place.claims, now)) {
        return *refusal;
    }
    return pass_of(place.claims, now);
}

Pass Gate::pass_of(std::shared_ptr<const auth::Claims> claims, auth::UnixSeconds now) const {
    if (claims->expires == auth::kForever) {
        return {std::move(claims)};
    }
    const auto left = std::chrono::seconds(claims->expires - now) + verifier_->rules().leeway;
    return {std::move(claims), std::min(left, kLifeMax)};
}

/// Not 503: a proxy would take the whole node for one that has no room.
http::Reply Gate::reply_to(FailedChecks::Verdict verdict) {
    counters_.add(slot::WorkerCounter::kTokensUnchecked);
    const bool is_of_address = verdict == FailedChecks::Verdict::kAddressFull;
    http::Reply reply =
        http::error_reply(429, is_of_address ? "too many tokens from this address are not good"
                                             : "too many tokens are not good");
    reply.headers.push_back({"Retry-After", "1"});
    return reply;
}

void Gate::note(auth::Refusal refusal) {
    counters_.add(slot::WorkerCounter::kTokenRefusals);
    last_reason_ = auth::name_of(refusal);
}

/// RFC 6750, section 3: a client that has said nothing is told nothing but how to.
http::Reply Gate::reply_to(auth::Refusal refusal) {
    if (refusal == auth::Refusal::kOtherId) {
        http::Reply reply = http::error_reply(403, kOtherIdWords);
        reply.headers.push_back({"WWW-Authenticate", "Bearer error=\"insufficient_scope\""});
        return reply;
    }
    const bool has_none = refusal == auth::Refusal::kNoToken;
    http::Reply reply = http::error_reply(
        401, has_none ? std::string("a token is wanted: Authorization: Bearer TOKEN")
                      : "the token is not good: " + std::string(auth::name_of(refusal)));
    reply.headers.push_back(
        {"WWW-Authenticate", has_none ? "Bearer" : "Bearer error=\"invalid_token\""});
    return reply;
}

} // namespace zcomet::webnode::request
