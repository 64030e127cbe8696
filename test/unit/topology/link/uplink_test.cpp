// A node's links to several brokers, which the test plays.
#include "topology/link/uplink.hpp"
#include "topology/loop/loop.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace uplink_test {

using namespace zcomet;
using namespace zcomet::link;

namespace {

constexpr Duration kSoon = 10s;
constexpr Duration kLook = 5ms;

struct FakeProgram : session::NodeEvents {
    void deliver(const wire::MessageList&) override {}
    void for_each_login(const std::function<void(std::string_view)>& visit) const override {
        std::for_each(ids.begin(), ids.end(), visit);
    }
    std::uint64_t stream_count() const override { return ids.size(); }
    wire::NodeLedger ledger() const override { return {}; }
    void on_refused(wire::ErrorCode, std::string_view) override {}
    void on_no_feed(std::string_view text) override { no_feed.emplace_back(text); }
    void on_no_broker(std::string_view text) override { no_broker.emplace_back(text); }
    void on_welcomed() override { ++welcomes; }

    std::set<std::string> ids;
    std::vector<std::string> no_feed;
    std::vector<std::string> no_broker;
    int welcomes = 0;
};

/// The ROUTER of a broker.
struct FakeBroker {
    explicit FakeBroker(LinkContext& context) : router(context, zmq::socket_type::router) {
        REQUIRE(router.bind("tcp://127.0.0.1:*").ok());
    }
    /// The next frame from the node; nothing if none has come.
    std::optional<std::string> receive() {
        bool more = false;
        const auto from = router.receive(more);
        if (!from) {
            return std::nullopt;
        }
        peer = bytes_of(*from);
        const auto frame = router.receive(more);
        REQUIRE(frame);
        return std::string(bytes_of(*frame));
    }
    void answer(const std::string& frame) {
        REQUIRE(router.send(peer, true) == ZmqSocket::Sent::kOk);
        REQUIRE(router.send(frame) == ZmqSocket::Sent::kOk);
    }

    ZmqSocket router;
    std::string peer;
};

struct Fixture {
    LinkContext context;
    FakeProgram program;
    FakeBroker first{context}, second{context};
    loop::Loop loop;
    std::unique_ptr<Uplink> uplink;

    void open(const cluster::BrokerList& brokers, const std::vector<std::string>& feed_hosts = {}) {
        auto opened = Uplink::open(context, program, brokers, "n", Clock::now(), feed_hosts);
        REQUIRE(opened.ok());
        uplink = std::move(opened).value();
        loop.add(*uplink, loop::Order::kBroker);
    }
    void open_to_both() { open({first.router.bound_endpoint(), second.router.bound_endpoint()}); }

    /// The next frame that `broker` gets, which must be a T. HELLO and HEARTBEAT are sent again by
    /// the clock, so others of them may come before it.
    template <typename T> std::string await(FakeBroker& broker) {
        for (const Time end = Clock::now() + kSoon; Clock::now() < end;) {
            if (auto frame = broker.receive()) {
                const auto decoded = wire::decode(*frame);
                const auto& body = std::get<wire::Frame>(decoded);
                if (!std::holds_alternative<T>(body) &&
                    (std::holds_alternative<wire::Hello>(body) ||
                     std::holds_alternative<wire::Heartbeat>(body))) {
                    continue;
                }
                REQUIRE(std::holds_alternative<T>(body));
                return *frame;
            }
            loop.turn(Clock::now() + kLook);
        }
        FAIL("the frame did not come");
        return {};
    }
    template <typename T> static T as(const std::string& frame) {
        return std::get<T>(std::get<wire::Frame>(wire::decode(frame)));
    }
};

std::string welcome(const std::string& feed_endpoint) {
    return wire::encode(
        wire::Welcome{1, "b", 1000, 3000, {}, wire::NodeWelcome{feed_endpoint, 77, 0, 0}});
}

} // namespace

TEST_CASE_METHOD(Fixture, "a node greets each of its brokers, as the same node", "[uplink]") {
    open_to_both();
    const std::string one = await<wire::Hello>(first);
    const std::string other = await<wire::Hello>(second);
    CHECK(one == other);
    CHECK(as<wire::Hello>(one).name == "n");
    CHECK_FALSE(uplink->live());
}

TEST_CASE_METHOD(Fixture, "a login goes to each broker that should know it", "[uplink]") {
    open_to_both();
    for (FakeBroker* broker : {&first, &second}) {
        static_cast<void>(await<wire::Hello>(*broker));
        broker->answer(welcome("tcp://127.0.0.1:1"));
    }
    for (const Time end = Clock::now() + kSoon; Clock::now() < end && program.welcomes < 2;) {
        loop.turn(Clock::now() + kLook);
    }
    program.ids.insert("a");
    uplink->login("a");
    CHECK_FALSE(uplink->logins_applied());
    for (FakeBroker* broker : {&first, &second}) {
        const std::string login = await<wire::Login>(*broker);
        as<wire::Login>(login).ids.for_each([](std::string_view id) { CHECK(id == "a"); });
    }
    uplink->close(Clock::now());
    for (FakeBroker* broker : {&first, &second}) {
        static_cast<void>(await<wire::Heartbeat>(*broker));
        static_cast<void>(await<wire::Goodbye>(*broker));
    }
}

TEST_CASE_METHOD(Fixture, "the program learns of a feed that this process cannot connect to",
                 "[uplink]") {
    // A broker names an address of TCP: nothing else on this machine is for it to choose.
    const std::string endpoint = GENERATE(values<std::string>(
        {"nonsense://feed", "ipc:///tmp/feed", "inproc://feed", "tcp://a b:1", "tcp://*:99999"}));
    open({first.router.bound_endpoint()});
    static_cast<void>(await<wire::Hello>(first));
    first.answer(welcome(endpoint));
    for (const Time end = Clock::now() + kSoon; Clock::now() < end && program.no_feed.empty();) {
        loop.turn(Clock::now() + kLook);
    }
    REQUIRE(program.no_feed.size() == 1);
    CHECK(program.no_feed[0].find(endpoint) != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "a feed on a host that nobody has named is refused", "[uplink]") {
    open({first.router.bound_endpoint()}, {"192.0.2.1"}); // RFC 5737: there is no way to it
    static_cast<void>(await<wire::Hello>(first));
    first.answer(welcome("tcp://192.0.2.2:1"));
    for (const Time end = Clock::now() + kSoon; Clock::now() < end && program.no_feed.empty();) {
        loop.turn(Clock::now() + kLook);
    }
    REQUIRE(program.no_feed.size() == 1);
    CHECK(program.no_feed[0].find("tcp://192.0.2.2:1, which is another host") != std::string::npos);
    first.answer(welcome("tcp://192.0.2.1:1"));
    CHECK_FALSE(await<wire::Hello>(first).empty()); // that one is not there, and is asked for again
    CHECK(program.no_feed.size() == 1);
}

TEST_CASE_METHOD(Fixture, "a broker and its feed may have a name", "[uplink]") {
    const auto address = wire::parse_tcp_endpoint(first.router.bound_endpoint());
    const std::string port = std::to_string(address.value().port);
    open({"tcp://localhost:" + port});
    static_cast<void>(await<wire::Hello>(first));
    first.answer(welcome("tcp://localhost:1"));
    CHECK_FALSE(await<wire::Hello>(first).empty()); // a feed that is not there is asked for again
    CHECK(program.no_feed.empty());
    CHECK(program.no_broker.empty());
}

TEST_CASE_METHOD(Fixture, "the program learns of a broker's name that has no address", "[uplink]") {
    open({"tcp://no-such-host.invalid:5555"});
    for (const Time end = Clock::now() + kSoon; Clock::now() < end && program.no_broker.empty();) {
        loop.turn(Clock::now() + kLook);
    }
    REQUIRE_FALSE(program.no_broker.empty());
    CHECK(program.no_broker[0].find("no-such-host.invalid") != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "an invalid address is an error", "[uplink]") {
    const auto opened = Uplink::open(context, program, {first.router.bound_endpoint(), "elsewhere"},
                                     "n", Clock::now());
    CHECK_FALSE(opened.ok());
}

} // namespace uplink_test
