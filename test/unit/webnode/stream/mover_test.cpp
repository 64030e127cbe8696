// Which streams are moved, in which time, and how many at once.
#include "test/unit/webnode/request/loop_fixture.hpp"
#include "webnode/stream/mover.hpp"

#include <algorithm>
#include <vector>

namespace mover_test {

using namespace zcomet;
using namespace zcomet::webnode;
using connection::Connection;
using connection::ConnectionTable;
using connection::Handle;
using zcomet::webnode::request::LoopFixture;
using zcomet::webnode::stream::Mover;

namespace {

const Time kStart = Time{} + 1h;

struct Fixture {
    LoopFixture loop;
    ConnectionTable& table = loop.connections.table();
    Mover mover{loop.connections, 1};
    std::uint64_t streams = 0;
    Time now = kStart;
    std::uint32_t most = 0; // in a turn

    ~Fixture() {
        table.for_each_connection(
            [this](Handle handle, const Connection&) { table.remove(handle); });
    }
    void add(std::uint32_t count, bool are_streams) {
        for (std::uint32_t i = 0; i < count; ++i) {
            const Handle handle = table.add(-1);
            if (are_streams) {
                table.find(handle)->park(0);
                ++streams;
            }
        }
    }
    void turn() {
        std::uint32_t moved = 0;
        mover.turn(now, streams, [&](Handle handle, const Connection& connection) {
            REQUIRE(connection.parked());
            table.remove(handle);
            --streams;
            ++moved;
        });
        most = std::max(most, moved);
    }
    /// Until all are moved. @return how long that took.
    Duration finish(Duration within) {
        mover.begin(kStart, within, streams);
        while (mover.due() != kNever) {
            now = std::max(now, mover.due());
            turn();
        }
        return now - kStart;
    }
};

} // namespace

TEST_CASE_METHOD(Fixture, "without streams there is nothing to move", "[mover]") {
    add(3, false);
    CHECK(finish(30s) == 0s);
    CHECK(table.connection_count() == 3);
}

TEST_CASE_METHOD(Fixture, "a few streams need not wait, and other connections stay", "[mover]") {
    add(5, false);
    add(20, true);
    add(5, false);
    CHECK(finish(30s) < 500ms);
    CHECK(streams == 0);
    CHECK(table.connection_count() == 10);
    CHECK(most <= 3);
}

TEST_CASE_METHOD(Fixture, "many streams take the whole time", "[mover]") {
    add(10'000, true);
    const Duration took = finish(30s);
    CHECK(streams == 0);
    CHECK(took > 29s);
    CHECK(took < 31s);
    CHECK(most <= 4);
}

TEST_CASE_METHOD(Fixture, "very many are moved some at a time", "[mover]") {
    add(1'000'000, true);
    const Duration took = finish(30s);
    CHECK(streams == 0);
    CHECK(took > 29s);
    CHECK(took < 31s);
    CHECK(most <= Mover::kMovesPerTurn);
}

TEST_CASE_METHOD(Fixture, "the pace is that of the streams, wherever they are in the table",
                 "[mover]") {
    add(20'000, false);
    add(2'000, true);
    mover.begin(kStart, 10s, streams);
    std::vector<std::uint64_t> left;
    for (Duration at = 2500ms; at <= 10s; at += 2500ms) {
        while (mover.due() <= kStart + at) {
            now = std::max(now, mover.due());
            turn();
        }
        left.push_back(streams);
    }
    CHECK(left[0] > 1350);
    CHECK(left[0] < 1650);
    CHECK(left[1] > 850);
    CHECK(left[1] < 1150);
    CHECK(left[2] > 350);
    CHECK(left[2] < 650);
    CHECK(left[3] < 20);
}

TEST_CASE_METHOD(Fixture, "a loop that was held up is not held up again", "[mover]") {
    add(10'000, true);
    mover.begin(kStart, 1s, streams);
    now = kStart + 5s;
    while (streams > 0) {
        turn();
        now = std::max(now, mover.due());
    }
    CHECK(most <= Mover::kMovesPerTurn);
    CHECK(now < kStart + 6s);
}

} // namespace mover_test
