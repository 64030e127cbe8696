// Goal: messages to an id with very many streams reach each of them once and in order, ids take
// turns, and abandoned messages are counted.
#include "topology/wire/owned_ids.hpp"
#include "webnode/stream/fan_out.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <map>
#include <string>
#include <vector>

namespace zcomet::webnode::stream::fan_out_test {
namespace {

using slot::WorkerCounter;

struct Fixture {
    connection::ConnectionTable connections;
    StreamTable streams{connections};
    metrics::Counters<WorkerCounter> counters;
    FanOuts fan_outs{streams, counters};
    std::map<int, std::vector<std::string>> shown; // by descriptor

    connection::Handle park(int fd, std::string_view id) {
        const connection::Handle handle = connections.add(fd);
        const wire::OwnedIds ids(id);
        streams.park(handle, ids.list(), format::Form{}.packed(), [](std::string_view) {});
        return handle;
    }
    void close(connection::Handle handle) {
        streams.leave(handle, [](std::string_view) {});
        connections.remove(handle);
    }
    void begin(std::string_view id, std::string_view text) {
        fan_outs.begin(id, streams.first_stream(*streams.find_id(id)),
                       std::array{format::Message{id, text}});
    }
    void work(std::size_t most) {
        fan_outs.work(most, [this](connection::Handle, const connection::Connection& connection,
                                   const MessageSet& messages) {
            for (const format::Message& message : messages.messages()) {
                shown[connection.fd()].emplace_back(message.text);
            }
        });
    }
};

using Texts = std::vector<std::string>;

TEST_CASE("messages that queue follow those under way, together", "[fan_out]") {
    Fixture f;
    f.park(1, "a");
    f.park(2, "a");
    f.begin("a", "one");
    f.fan_outs.queue({"a", "two"});
    f.fan_outs.queue({"a", "three"});
    CHECK(f.fan_outs.has("a"));
    CHECK_FALSE(f.fan_outs.has("b"));
    CHECK(f.fan_outs.bytes() == 11);
    f.work(1); // the stream parked last comes first
    CHECK(f.shown[2] == Texts{"one"});
    CHECK(f.shown[1].empty());
    f.work(10);
    CHECK(f.shown[1] == Texts{"one"});
    f.work(10);
    CHECK(f.shown[1] == Texts{"one", "two", "three"});
    CHECK(f.shown[2] == Texts{"one", "two", "three"});
    CHECK(f.fan_outs.empty());
    CHECK(f.fan_outs.bytes() == 0);
    CHECK(f.counters.get(WorkerCounter::kMessagesGiven) == 2); // the queued ones
}

TEST_CASE("large messages go on in parts", "[fan_out]") {
    Fixture f;
    f.park(1, "a");
    f.begin("a", "one");
    for (int i = 0; i < 3; ++i) {
        f.fan_outs.queue({"a", std::string(10'000, 'x')});
    }
    f.work(10);
    f.work(10);
    CHECK(f.shown[1].size() == 3); // two of them pass the bound
    f.work(10);
    CHECK(f.shown[1].size() == 4);
    CHECK(f.fan_outs.empty());
}

TEST_CASE("ids take turns", "[fan_out]") {
    Fixture f;
    for (int fd = 0; fd < 4; ++fd) {
        f.park(fd, fd % 2 == 0 ? "even" : "odd");
    }
    f.begin("even", "e");
    f.begin("odd", "o");
    f.work(1);
    f.work(1);
    CHECK(f.shown.size() == 2);
    CHECK(f.shown.begin()->first % 2 != f.shown.rbegin()->first % 2);
    f.work(1);
    f.work(1);
    CHECK(f.shown.size() == 4);
    CHECK(f.fan_outs.empty());
}

TEST_CASE("messages to an id whose last stream closed are unclaimed", "[fan_out]") {
    Fixture f;
    const connection::Handle only = f.park(1, "a");
    f.begin("a", "one");
    f.fan_outs.queue({"a", "two"});
    f.close(only);
    f.work(10);
    CHECK(f.fan_outs.empty());
    CHECK(f.fan_outs.bytes() == 0);
    CHECK(f.shown.empty());
    CHECK(f.counters.get(WorkerCounter::kMessagesUnclaimed) == 1);
}

TEST_CASE("abandoned messages are counted as chunks", "[fan_out]") {
    Fixture f;
    for (int fd = 0; fd < 5; ++fd) {
        f.park(fd, "a");
    }
    f.begin("a", "one");
    f.work(2);
    f.fan_outs.queue({"a", "two"});
    f.park(6, "a"); // gets queued messages, not those under way
    CHECK(f.fan_outs.abandon() == 3 + 6);
    CHECK(f.fan_outs.empty());
    CHECK(f.counters.get(WorkerCounter::kMessagesGiven) == 1);
    f.work(10);
    CHECK(f.shown.size() == 2);
}

} // namespace
} // namespace zcomet::webnode::stream::fan_out_test
