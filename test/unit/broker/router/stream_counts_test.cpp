// The query `streams`: a broker asks the nodes that hold the id, and says what all of them said.
#include "broker/router/stream_counts.hpp"
#include "test/unit/broker/router/router_harness.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace zcomet::broker::router::stream_counts_test {
namespace {

std::string streams(const std::string& id, std::uint64_t token = 1) {
    return wire::encode(wire::Query{token, "streams", id});
}

struct Fixture : RouterHarness {
    Fixture() {
        join_live_node("m", 1, "m");
        join_live_node("n", 2, "n");
        say("m", login(1, {"both"}));
        say("n", login(1, {"both", "one"}));
        hear();
    }
    void hear() {
        static_cast<void>(take("m"));
        static_cast<void>(take("n"));
    }
    /// The token of the one question that the broker asks a node.
    std::uint64_t asked(const std::string& connection) {
        const auto frames = take(connection);
        REQUIRE(frames.size() == 1);
        const auto query = decoded<wire::Query>(frames[0]);
        CHECK(query.what == "streams");
        CHECK(query.argument == "both");
        return query.token;
    }
    void tell(const std::string& connection, std::uint64_t token, const std::string& count) {
        say(connection, wire::encode(wire::Answer{token, count}));
    }
    /// The answers that the asker has got since the last call.
    std::vector<std::string> told() {
        std::vector<std::string> answers;
        for (const std::string& frame : take("asker")) {
            const auto answer = decoded<wire::Answer>(frame);
            CHECK(answer.token == 1);
            answers.emplace_back(answer.json);
        }
        return answers;
    }
};

using Answers = std::vector<std::string>;

} // namespace

TEST_CASE_METHOD(Fixture, "streams: what all nodes say is added up", "[stream_counts]") {
    say("asker", streams("both"));
    const std::uint64_t token = asked("m");
    CHECK(asked("n") == token);
    tell("m", token, "3");
    CHECK(told().empty());
    tell("m", token, "3"); // once is enough
    CHECK(told().empty());
    tell("n", token, "4");
    CHECK(told() == Answers{R"({"id":"both","nodes":["n","m"],"streams":7})"});
    tell("n", token, "4");
    CHECK(told().empty());
    CHECK(counter(table::BrokerCounter::kErrors) == 0);
}

TEST_CASE_METHOD(Fixture, "streams: an id that nobody holds has none", "[stream_counts]") {
    say("asker", streams("nobody"));
    CHECK(told() == Answers{R"({"id":"nobody","nodes":[],"streams":0})"});
    CHECK(take("m").empty());
}

TEST_CASE_METHOD(Fixture, "streams: only nodes that hold the id are asked, and heard",
                 "[stream_counts]") {
    say("asker", streams("one"));
    CHECK(take("m").empty());
    const auto frames = take("n");
    REQUIRE(frames.size() == 1);
    const std::uint64_t token = decoded<wire::Query>(frames[0]).token;
    tell("m", token, "100");
    tell("n", token + 1, "100");
    CHECK(told().empty());
    tell("n", token, "2");
    CHECK(told() == Answers{R"({"id":"one","nodes":["n"],"streams":2})"});
    CHECK(refused("asker", wire::encode(wire::Answer{token, "1"})) == wire::ErrorCode::kHelloFirst);
    join_sender("s", 9);
    CHECK(refused("s", wire::encode(wire::Answer{token, "1"})) == wire::ErrorCode::kWrongRole);
}

TEST_CASE("streams: what is kept for questions has a bound in sum", "[stream_counts]") {
    RouterHarness broker;
    for (std::uint64_t n = 1; n <= 15; ++n) {
        const std::string connection = "c" + std::to_string(n);
        const std::string name(wire::kNameBytesMax - 2, 'n');
        broker.join_live_node(connection, n, name + std::to_string(10 + n));
        broker.say(connection, RouterHarness::login(1, {"both"}));
    }
    std::size_t open = 0;
    while (broker.take("asker").empty()) {
        REQUIRE(++open < StreamCounts::kOpenMax);
        broker.say("asker", streams("both", open));
    }
    CHECK(open > 100);
}

TEST_CASE_METHOD(Fixture, "streams: the number is not known if a node does not say one",
                 "[stream_counts]") {
    for (const char* nothing : {"null", "", "-1", "1.5", "1 ", "\"1\"", "18446744073709551616"}) {
        CAPTURE(nothing);
        say("asker", streams("both"));
        const std::uint64_t token = asked("m");
        hear();
        tell("m", token, nothing);
        tell("n", token, "4");
        CHECK(told() == Answers{R"({"id":"both","nodes":["n","m"],"streams":null})"});
    }
}

TEST_CASE_METHOD(Fixture, "streams: nobody waits for long for a node that is silent",
                 "[stream_counts]") {
    say("asker", streams("both"));
    const std::uint64_t token = asked("m");
    tell("m", token, "3");
    pass(StreamCounts::kPatience - 1ms);
    CHECK(told().empty());
    pass(1ms);
    CHECK(told() == Answers{R"({"id":"both","nodes":["n","m"],"streams":null})"});
    tell("n", token, "4"); // too late
    CHECK(told().empty());
    CHECK(router.due() > now);
}

TEST_CASE_METHOD(Fixture, "streams: very large numbers do not wrap around", "[stream_counts]") {
    say("asker", streams("both"));
    const std::uint64_t token = asked("m");
    tell("m", token, "18446744073709551615");
    tell("n", token, "2");
    CHECK(told() == Answers{R"({"id":"both","nodes":["n","m"],"streams":18446744073709551615})"});
}

TEST_CASE_METHOD(Fixture, "streams: more than so many a second are not counted",
                 "[stream_counts]") {
    for (std::uint32_t i = 0; i < StreamCounts::kPerSecond; ++i) {
        say("asker", streams("both"));
    }
    CHECK(take("m").size() == StreamCounts::kPerSecond);
    CHECK(take("asker").empty());
    say("asker", streams("both"));
    CHECK(take("m").empty());
    CHECK(told() == Answers{R"({"id":"both","nodes":["n","m"],"streams":null})"});
}

TEST_CASE_METHOD(Fixture, "streams: more than so many that wait are not counted",
                 "[stream_counts]") {
    for (std::size_t i = 0; i < StreamCounts::kOpenMax; ++i) {
        now += Duration(1s) / (StreamCounts::kPerSecond + 100); // within the patience of the first
        say("asker", streams("both"));
    }
    hear();
    CHECK(take("asker").empty());
    now += 2ms;
    say("asker", streams("both"));
    CHECK(take("m").empty());
    CHECK(told() == Answers{R"({"id":"both","nodes":["n","m"],"streams":null})"});
    pass(StreamCounts::kPatience);
    CHECK(told().size() == StreamCounts::kOpenMax);
}

TEST_CASE_METHOD(Fixture, "streams: an invalid id is refused", "[stream_counts]") {
    CHECK(refused("asker", streams("no id")) == wire::ErrorCode::kBadId);
    CHECK(refused("asker", streams("")) == wire::ErrorCode::kBadId);
}

} // namespace zcomet::broker::router::stream_counts_test
