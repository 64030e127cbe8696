// Goal: workers make the same ticket keys of one secret, each key is good for its period and the
// next one, and a later secret says nothing of an earlier one.
#include "topology/tls/ticket_keys.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace ticket_keys_test {

using namespace zcomet::tls;

namespace {

constexpr std::uint64_t kStart = 1'800'000'000;
constexpr std::uint64_t kHour = kTicketPeriodSeconds;

} // namespace

TEST_CASE("two workers of one secret have the same keys, whenever they start", "[tickets]") {
    const std::string secret = TicketKeys::make_secret(kStart);
    TicketKeys first = TicketKeys::of(secret, kStart).value();
    for (const std::uint64_t hours : {0U, 1U, 2U, 7U, 100U}) {
        const std::uint64_t now = kStart + hours * kHour;
        TicketKeys late = TicketKeys::of(secret, now).value();
        TicketKeys advanced = TicketKeys::of(TicketKeys::advance(secret, now), now).value();
        CHECK(first.newest(now).name == late.newest(now).name);
        CHECK(first.newest(now).aes == late.newest(now).aes);
        CHECK(first.newest(now).hmac == advanced.newest(now).hmac);
    }
    TicketKeys other = TicketKeys::of(TicketKeys::make_secret(kStart), kStart).value();
    CHECK(other.newest(kStart).name != TicketKeys::of(secret, kStart).value().newest(kStart).name);
}

TEST_CASE("a key is good in its period and the next one", "[tickets]") {
    TicketKeys keys = TicketKeys::of(TicketKeys::make_secret(kStart), kStart).value();
    const TicketKey old = keys.newest(kStart);
    CHECK(keys.find(old.name.data(), kStart) == &keys.newest(kStart));
    const TicketKey* const later = keys.find(old.name.data(), kStart + kHour);
    REQUIRE(later != nullptr);
    CHECK(later->aes == old.aes);
    CHECK(later != &keys.newest(kStart + kHour));
    CHECK(keys.find(old.name.data(), kStart + 2 * kHour) == nullptr);
    CHECK(keys.find(old.name.data(), kStart) == nullptr); // time that goes back changes nothing
}

TEST_CASE("a secret that is over is forgotten", "[tickets]") {
    const std::string secret = TicketKeys::make_secret(kStart);
    CHECK(TicketKeys::advance(secret, kStart) == secret);
    const std::string next = TicketKeys::advance(secret, kStart + kHour);
    CHECK(next != secret);
    CHECK(TicketKeys::advance(next, kStart) == next);
    // A clock that jumps far costs no time.
    CHECK(TicketKeys::advance(secret, kStart + 1'000'000'000'000) != next);
    CHECK(TicketKeys::advance("", kStart).empty());
}

TEST_CASE("what is no secret is refused", "[tickets]") {
    for (const char* const text : {"", "1", "1:", "1:00", ":00", "x:00"}) {
        CHECK_FALSE(TicketKeys::of(text, kStart).ok());
    }
    std::string secret = TicketKeys::make_secret(kStart);
    secret.back() = 'z';
    CHECK_FALSE(TicketKeys::of(secret, kStart).ok());
}

} // namespace ticket_keys_test
