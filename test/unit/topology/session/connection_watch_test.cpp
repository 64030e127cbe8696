// When a link says HELLO again.
#include "topology/session/connection_watch.hpp"

#include <catch2/catch.hpp>

namespace connection_watch_test {

using namespace zcomet;
using namespace zcomet::session;

namespace {

struct FakeWires : Wires {
    void send(std::string&&) override {}
    std::optional<std::string_view> receive() override { return std::nullopt; }
    bool connected() override {
        ++looks;
        return is_connected;
    }
    bool is_connected = false;
    int looks = 0;
};

struct Fixture {
    FakeWires wires;
    ConnectionWatch watch;
};

} // namespace

TEST_CASE_METHOD(Fixture, "the first connection is news, once", "[connection_watch]") {
    CHECK_FALSE(watch.look(wires));
    wires.is_connected = true;
    CHECK(watch.look(wires));
    CHECK_FALSE(watch.look(wires));
}

TEST_CASE_METHOD(Fixture, "a connection that went and came is news", "[connection_watch]") {
    wires.is_connected = true;
    CHECK(watch.look(wires));
    wires.is_connected = false;
    CHECK_FALSE(watch.look(wires));
    wires.is_connected = true;
    CHECK(watch.look(wires));
}

TEST_CASE_METHOD(Fixture,
                 "a connection is news if a frame was refused, even if no look found it missing",
                 "[connection_watch]") {
    wires.is_connected = true;
    CHECK(watch.look(wires));
    watch.refused();
    CHECK(watch.awaits_connection());
    CHECK(watch.look_after_refusal(wires));
    CHECK_FALSE(watch.awaits_connection());
    CHECK_FALSE(watch.look_after_refusal(wires));
}

TEST_CASE_METHOD(Fixture, "a sent frame is no reason to look", "[connection_watch]") {
    wires.is_connected = true;
    watch.refused();
    watch.took();
    CHECK_FALSE(watch.look_after_refusal(wires));
    CHECK(wires.looks == 0);
}

TEST_CASE_METHOD(Fixture, "after a refusal each look waits for the connection",
                 "[connection_watch]") {
    watch.refused();
    CHECK_FALSE(watch.look_after_refusal(wires));
    CHECK_FALSE(watch.look(wires));
    CHECK(watch.awaits_connection());
    wires.is_connected = true;
    CHECK(watch.look_after_refusal(wires));
}

} // namespace connection_watch_test
