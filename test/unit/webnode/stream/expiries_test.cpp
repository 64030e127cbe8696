// Streams with and without an end, and slots that other streams take over.
#include "test/unit/webnode/request/loop_fixture.hpp"
#include "webnode/stream/expiries.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <set>

namespace expiries_test {

using namespace zcomet;
using namespace zcomet::webnode;
using connection::Handle;

namespace {

struct Fixture {
    static constexpr int kNoFd = -1; // close(2) refuses it

    request::LoopFixture loop;
    stream::Expiries expiries{loop.connections, [this] { return loop.now; }};

    Handle add() { return loop.connections.table().add(kNoFd); }
    Handle add(Duration life) {
        const Handle handle = add();
        expiries.begin(handle, life);
        return handle;
    }
    /// @return the streams that end in this turn; they are closed.
    std::vector<Handle> turn() {
        std::vector<Handle> ended;
        expiries.turn(loop.now, [&](Handle handle, connection::Connection&) {
            ended.push_back(handle);
            loop.connections.table().remove(handle);
        });
        return ended;
    }
    std::vector<Handle> turns() {
        std::vector<Handle> ended = turn();
        while (expiries.due() <= loop.now) {
            const auto more = turn();
            ended.insert(ended.end(), more.begin(), more.end());
        }
        return ended;
    }
    void close(Handle handle) { loop.connections.close(handle, connection::CloseReason::kDone); }
};

} // namespace

TEST_CASE_METHOD(Fixture, "a stream ends within a second of its end", "[expiries]") {
    CHECK(expiries.due() == kNever);
    add();
    const Handle soon = add(5s);
    const Handle later = add(60s);
    CHECK(expiries.due() == loop.now + 5s);
    loop.now += 4999ms;
    CHECK(turns().empty());
    loop.now += 1001ms;
    CHECK(turns() == std::vector{soon});
    CHECK(expiries.due() > loop.now);
    loop.now += 55s;
    CHECK(turns() == std::vector{later});
    CHECK(expiries.due() == kNever);
}

TEST_CASE_METHOD(Fixture, "a stream that comes later may end sooner", "[expiries]") {
    add(1h);
    const Handle soon = add(2s);
    loop.now += 2s;
    CHECK(turns() == std::vector{soon});
    const Handle sooner = add(1s);
    loop.now += 2s;
    CHECK(turns() == std::vector{sooner});
}

TEST_CASE_METHOD(Fixture, "an end stays with its stream", "[expiries]") {
    const Handle first = add(5s);
    close(first);
    const Handle second = add(); // in the same slot
    REQUIRE(first.index == second.index);
    loop.now += 10s;
    CHECK(turns().empty());
    CHECK(loop.connections.table().find(second) != nullptr);
    CHECK(expiries.due() == kNever);
}

TEST_CASE_METHOD(Fixture, "very many streams that end at one moment end some in each turn",
                 "[expiries]") {
    constexpr std::size_t kStreams = 1000;
    for (std::size_t n = 0; n < kStreams; ++n) {
        add(5s);
    }
    loop.now += 5s;
    std::size_t ended = 0;
    while (expiries.due() <= loop.now) {
        const std::size_t in_turn = turn().size();
        CHECK(in_turn <= stream::Expiries::kEndsPerTurn);
        ended += in_turn;
    }
    CHECK(ended == kStreams);
}

TEST_CASE_METHOD(Fixture, "lives of any length are kept, and time and again looked at",
                 "[expiries]") {
    add(std::chrono::hours(24 * 365 * 50));
    const Handle over = add(-3s); // the token expired while its request was served
    loop.now += 1s;
    CHECK(turns() == std::vector{over});
    CHECK(expiries.due() > loop.now + std::chrono::hours(24 * 365 * 49));
}

TEST_CASE_METHOD(Fixture, "random streams end as a simple list of them says", "[expiries]") {
    const auto seed = std::random_device()();
    CAPTURE(seed);
    std::minstd_rand random(seed);
    struct Stream {
        Handle handle;
        Time end;
    };
    std::vector<Stream> model;
    for (int step = 0; step < 3000; ++step) {
        const auto choice = random() % 4;
        if (choice == 0) {
            const Duration life = (random() % 60'000) * 1ms;
            model.push_back({add(life), loop.now + life});
        } else if (choice == 1) {
            model.push_back({add(), kNever});
        } else if (choice == 2 && !model.empty()) {
            const std::size_t at = random() % model.size();
            close(model[at].handle);
            model.erase(model.begin() + static_cast<std::ptrdiff_t>(at));
        } else {
            loop.now += (random() % 3000) * 1ms;
        }
        for (const Handle handle : turns()) {
            const auto found = std::find_if(model.begin(), model.end(), [&](const Stream& stream) {
                return stream.handle == handle;
            });
            REQUIRE(found != model.end());
            REQUIRE(found->end <= loop.now);
            model.erase(found);
        }
        for (const Stream& stream : model) { // a second of rounding, and one between rounds
            REQUIRE((stream.end == kNever || stream.end + 2s > loop.now ||
                     expiries.due() <= stream.end + 2s));
        }
    }
}

} // namespace expiries_test
