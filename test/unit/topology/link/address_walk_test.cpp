#include "topology/link/address_walk.hpp"

#include <catch2/catch.hpp>

namespace address_walk_test {

using namespace zcomet;
using namespace zcomet::link;
using Step = AddressWalk::Step;

namespace {

const Time kStart = Time() + 1h;
const std::vector<std::string> kTwo{"tcp://192.0.2.1:1", "tcp://192.0.2.2:1"};

/// A walk whose name has been looked up, and found to be kTwo.
struct Fixture {
    Fixture() {
        REQUIRE(walk.step(false, now) == Step::kLookUp);
        walk.found(kTwo, now);
        REQUIRE(walk.step(false, now) == Step::kConnect);
        REQUIRE(walk.endpoint() == kTwo[0]);
    }
    AddressWalk walk;
    Time now = kStart;
};

} // namespace

TEST_CASE("a walk begins by looking the name up, and waits for the answer", "[address_walk]") {
    AddressWalk walk;
    CHECK(walk.due() <= kStart);
    CHECK(walk.step(false, kStart) == Step::kLookUp);
    CHECK(walk.due() == kNever);
    CHECK(walk.step(false, kStart + 1h) == Step::kNothing);
}

TEST_CASE("a name without an address is looked up again", "[address_walk]") {
    AddressWalk walk;
    static_cast<void>(walk.step(false, kStart));
    walk.not_found(kStart);
    CHECK(walk.endpoint().empty());
    CHECK(walk.due() == kStart + AddressWalk::kPatience);
    CHECK(walk.step(false, kStart) == Step::kNothing);
    CHECK(walk.step(false, walk.due()) == Step::kLookUp);
}

TEST_CASE_METHOD(Fixture, "each address has its time, then the name is looked up again",
                 "[address_walk]") {
    now += AddressWalk::kPatience - 1ms;
    CHECK(walk.step(false, now) == Step::kNothing);
    now += 1ms;
    CHECK(walk.step(false, now) == Step::kConnect);
    CHECK(walk.endpoint() == kTwo[1]);
    now += AddressWalk::kPatience;
    CHECK(walk.step(false, now) == Step::kLookUp);
    CHECK(walk.endpoint() == kTwo[1]); // meanwhile ZeroMQ goes on trying
}

TEST_CASE_METHOD(Fixture, "an address that refuses is left at once", "[address_walk]") {
    CHECK(walk.has_more());
    walk.skip(now);
    CHECK(walk.due() == now);
    CHECK(walk.step(false, now) == Step::kConnect);
    CHECK(walk.endpoint() == kTwo[1]);
    CHECK_FALSE(walk.has_more()); // so there is none that could be tried instead of it
}

TEST_CASE_METHOD(Fixture, "an address that connects is kept", "[address_walk]") {
    for (int look = 0; look < 10; ++look) {
        now += AddressWalk::kPatience;
        CHECK(walk.step(true, now) == Step::kNothing);
        CHECK(walk.due() == now + AddressWalk::kLookAgain);
    }
    CHECK(walk.endpoint() == kTwo[0]);
}

TEST_CASE_METHOD(Fixture, "a lost connection may come back before the name is looked up again",
                 "[address_walk]") {
    now += AddressWalk::kPatience;
    CHECK(walk.step(true, now) == Step::kNothing);
    now = walk.due();
    CHECK(walk.step(false, now) == Step::kNothing);
    SECTION("it comes back") {
        now = walk.due();
        CHECK(walk.step(true, now) == Step::kNothing);
        CHECK(walk.due() == now + AddressWalk::kLookAgain);
    }
    SECTION("the host has moved") {
        now = walk.due();
        CHECK(walk.step(false, now) == Step::kLookUp);
        walk.found({"tcp://192.0.2.7:1"}, now);
        CHECK(walk.step(false, now) == Step::kConnect);
        CHECK(walk.endpoint() == "tcp://192.0.2.7:1");
    }
    SECTION("it comes back while the name is looked up") {
        now = walk.due();
        CHECK(walk.step(false, now) == Step::kLookUp);
        walk.found({kTwo[1]}, now);
        CHECK(walk.step(true, now) == Step::kNothing);
        CHECK(walk.endpoint() == kTwo[0]);
    }
}

TEST_CASE("the only address of a host is not connected to again", "[address_walk]") {
    AddressWalk walk;
    Time now = kStart;
    static_cast<void>(walk.step(false, now));
    walk.found({kTwo[0]}, now);
    REQUIRE(walk.step(false, now) == Step::kConnect);
    now = walk.due();
    REQUIRE(walk.step(false, now) == Step::kLookUp);
    walk.found({kTwo[0]}, now);
    CHECK(walk.step(false, now) == Step::kNothing); // ZeroMQ tries it by itself
    CHECK(walk.due() == now + AddressWalk::kPatience);
}

} // namespace address_walk_test
