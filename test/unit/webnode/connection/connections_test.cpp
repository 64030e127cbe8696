// Goal: bytes that a socket does not take wait and leave in order, connections are watched when
// they have to be, and each one that closes is reported and counted, once.
// Method: a socket pair for each connection; the test has the other end.
#include "test/unit/webnode/connection/browser.hpp"
#include "webnode/connection/connections.hpp"

#include <catch2/catch.hpp>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

namespace zcomet::webnode::connection::connections_test {
namespace {

using slot::WorkerCounter;

struct Fixture : private CloseListener {
    loop::Epoll epoll;
    metrics::Counters<WorkerCounter> counters;
    Connections connections{
        epoll, counters, {.bytes_max = 4096, .patience = std::chrono::seconds(0)}};
    std::vector<Handle> closed;
    Browser browser{-1};
    Handle handle;

    Fixture() {
        connections.add_listener(*this);
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) ==
                0);
        browser = Browser(ends[1]);
        handle = connections.table().add(ends[0]);
    }
    ~Fixture() override { connections.remove_listener(*this); }

    void on_close(Handle closing, Connection& connection) override {
        CHECK(connections.table().find(closing) == &connection); // it still exists
        closed.push_back(closing);
    }
    [[nodiscard]] Connection& connection() { return *connections.table().find(handle); }
    /// Writes until the socket is full. @return what was written.
    std::string fill() {
        std::string written;
        while (!connections.has_output(connection())) {
            const std::string bytes(1000, static_cast<char>('a' + written.size() / 1000 % 26));
            REQUIRE(connections.write(handle, connection(), bytes));
            written += bytes;
        }
        return written;
    }
};

TEST_CASE("a connection is watched once watch() was called", "[connections]") {
    Fixture f;
    CHECK_FALSE(f.connection().is_watched());
    REQUIRE(f.connections.write(f.handle, f.connection(), "hello"));
    CHECK(f.browser.received() == "hello");
    CHECK_FALSE(f.connection().is_watched()); // it was not needed
    CHECK(f.connections.watch(f.handle, f.connection()));
    CHECK(f.connections.watch(f.handle, f.connection()));
    CHECK(f.connection().is_watched());
    f.browser.send("x");
    const Time now = Time() + 1h;
    const auto events = f.epoll.wait(now, now);
    REQUIRE(events.size() == 1);
    CHECK(Handle::unpack(events[0].data.u64) == f.handle);
}

TEST_CASE("bytes that a full socket does not take wait, and leave in order", "[connections]") {
    Fixture f;
    std::string written = f.fill();
    CHECK(f.connection().is_watched()); // to hear of room
    CHECK(f.connections.pending_bytes() > 0);
    REQUIRE(f.connections.write(f.handle, f.connection(), "the last"));
    written += "the last";
    std::string text;
    while (f.connections.has_output(f.connection())) {
        text += f.browser.received();
        REQUIRE(f.connections.flush(f.handle, f.connection()));
    }
    CHECK(text + f.browser.received() == written);
    CHECK(f.connections.pending_bytes() == 0);
    CHECK(f.connection().output == store::kNoIndex);
}

TEST_CASE("a connection may be closed after its waiting bytes", "[connections]") {
    Fixture f;
    const std::string written = f.fill();
    f.connections.close_when_written(f.handle, f.connection());
    CHECK(f.closed.empty());
    std::string text;
    while (f.closed.empty()) {
        text += f.browser.received();
        static_cast<void>(f.connections.flush(f.handle, f.connection()));
    }
    CHECK(text + f.browser.received() == written);
    CHECK(f.browser.ended());
    CHECK(f.closed == std::vector<Handle>{f.handle});
    CHECK(f.connections.table().connection_count() == 0);
    CHECK(f.counters.get(WorkerCounter::kPeerCloses) == 0);
}

TEST_CASE("without waiting bytes it is closed at once", "[connections]") {
    Fixture f;
    f.connections.close_when_written(f.handle, f.connection());
    CHECK(f.closed == std::vector<Handle>{f.handle});
    CHECK(f.browser.ended());
}

TEST_CASE("a connection that does not read is closed at its bound", "[connections]") {
    Fixture f;
    f.fill();
    int writes = 0;
    while (f.closed.empty()) {
        const bool is_open = f.connections.write(f.handle, f.connection(), std::string(1000, 'x'));
        REQUIRE(is_open == f.closed.empty());
        ++writes;
    }
    CHECK(writes >= 4);
    CHECK(writes <= 6);
    CHECK(f.counters.get(WorkerCounter::kSlowCloses) == 1);
    CHECK(f.counters.get(WorkerCounter::kStreamsSlow) == 0); // it is not a stream
    CHECK(f.connections.pending_bytes() == 0);
}

TEST_CASE("messages that wait are dropped with their stream, and counted", "[connections]") {
    Fixture f;
    REQUIRE(f.connections.watch(f.handle, f.connection()));
    f.connection().park(0);
    f.fill();
    const std::array<std::uint32_t, 2> ends{3, 6};
    REQUIRE(f.connections.write(f.handle, f.connection(), Chunks{"onetwo", ends}));
    CHECK(f.counters.get(WorkerCounter::kChunksPending) == 2);
    f.connections.close(f.handle, CloseReason::kPeer);
    CHECK(f.counters.get(WorkerCounter::kChunksPending) == 0);
    CHECK(f.counters.get(WorkerCounter::kChunksDropped) == 2);
    CHECK(f.counters.get(WorkerCounter::kPeerCloses) == 1);
}

TEST_CASE("a write to a browser that left closes the connection", "[connections]") {
    Fixture f;
    f.browser.leave();
    CHECK_FALSE(f.connections.write(f.handle, f.connection(), "hello"));
    CHECK(f.closed.size() == 1);
    CHECK(f.counters.get(WorkerCounter::kPeerCloses) == 1);
}

TEST_CASE("a browser that vanished is counted apart from one that left", "[connections]") {
    Fixture f;
    f.connections.close_failed(f.handle, ETIMEDOUT);
    CHECK(f.counters.get(WorkerCounter::kVanishedCloses) == 1);
    CHECK(f.counters.get(WorkerCounter::kPeerCloses) == 0);
}

} // namespace
} // namespace zcomet::webnode::connection::connections_test
