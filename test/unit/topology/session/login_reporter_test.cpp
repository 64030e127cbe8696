// What a node tells a broker about its logins. The test plays the node's session and the broker.
#include "test/unit/topology/session/sent_frames.hpp"
#include "topology/session/login_reporter.hpp"
#include "topology/wire/id_digest.hpp"

#include <catch2/catch.hpp>

#include <set>
#include <vector>

namespace login_reporter_test {

using namespace zcomet;
using namespace zcomet::session;

namespace {

const Time kStart = Time{} + 1h;

struct FakeHost : Wires, NodeEvents, SentFrames {
    void send(std::string&& frame) override { sent.push_back(std::move(frame)); }
    std::optional<std::string_view> receive() override { return std::nullopt; }
    bool connected() override { return true; }
    void for_each_login(const std::function<void(std::string_view)>& visit) const override {
        for (const std::string& id : ids) {
            visit(id);
        }
    }
    void deliver(const wire::MessageList&) override {}
    std::uint64_t stream_count() const override { return ids.size(); }
    wire::NodeLedger ledger() const override { return {}; }
    void on_refused(wire::ErrorCode, std::string_view) override {}
    void on_no_feed(std::string_view) override {}

    std::set<std::string> ids;
};

using Kinds = std::vector<wire::Kind>;
using wire::Kind;

struct Fixture {
    FakeHost host;
    LoginBook book{host, cluster::Placement()};
    LoginReporter logins{host, book, 0};

    /// Asks as a session does, which also sends the HEARTBEAT; returns the token of the PING.
    std::uint64_t ask() {
        static_cast<void>(logins.summarize());
        logins.ask_for_confirmation();
        REQUIRE(host.kinds().back() == Kind::kPing);
        return host.last_as<wire::Ping>().token;
    }
};

} // namespace

TEST_CASE_METHOD(Fixture, "a node without logins has nothing to tell", "[login_reporter]") {
    CHECK(logins.due() == kNever);
    logins.welcome(0);
    CHECK(logins.due() == kNever);
    logins.tick(kStart);
    CHECK(host.kinds().empty());
    CHECK(logins.applied());
}

TEST_CASE_METHOD(Fixture, "logins and logouts go numbered, gathered and in order",
                 "[login_reporter]") {
    logins.welcome(0);
    logins.login("a");
    CHECK(logins.due() <= kStart);
    logins.tick(kStart);
    CHECK(host.kinds() == Kinds{Kind::kLogin});
    CHECK(host.last_as<wire::Login>().change == 1);

    logins.login("b");
    logins.login("c");
    logins.logout("c");
    CHECK(host.kinds() == Kinds{Kind::kLogin}); // a change of the other kind sends the waiting ones
    CHECK(logins.due() == kStart + feed::kLoginGatherWindow);
    logins.tick(kStart + feed::kLoginGatherWindow - 1us);
    CHECK(host.kinds().empty());
    logins.tick(kStart + feed::kLoginGatherWindow);
    CHECK(host.kinds() == Kinds{Kind::kLogout});
    CHECK(host.last_as<wire::Logout>().change == 3);
    CHECK(logins.due() == kNever);
}

TEST_CASE_METHOD(Fixture, "more logins than a frame holds go in several", "[login_reporter]") {
    logins.welcome(0);
    for (int i = 0; i < 30'000; ++i) {
        logins.login(std::to_string(i));
    }
    logins.tick(kStart);
    std::uint32_t count = 0;
    for (std::size_t i = 0; i < host.sent.size(); ++i) {
        const auto part = std::get<wire::Login>(std::get<wire::Frame>(wire::decode(host.sent[i])));
        CHECK(part.change == i + 1);
        count += part.ids.count();
    }
    CHECK(host.sent.size() > 1);
    CHECK(count == 30'000);
}

TEST_CASE_METHOD(Fixture, "logins made while the broker is away go as a list", "[login_reporter]") {
    host.ids = {"a"};
    logins.login("a");
    logins.tick(kStart);
    CHECK(host.kinds().empty());
    CHECK(logins.due() == kNever);
    logins.welcome(0);
    CHECK(logins.due() <= kStart);
    logins.tick(kStart);
    CHECK(host.kinds() == Kinds{Kind::kList});
    CHECK(host.last_as<wire::List>().first);
    CHECK(host.last_as<wire::List>().last);
    CHECK(host.last_as<wire::List>().ids.count() == 1);
    CHECK(logins.lists_sent() == 1);
}

TEST_CASE_METHOD(Fixture, "a login that waits when the broker is lost goes as a list",
                 "[login_reporter]") {
    logins.welcome(0);
    host.ids = {"a"};
    logins.login("a");
    logins.forget_broker();
    logins.tick(kStart);
    CHECK(host.kinds().empty());
    logins.welcome(0);
    logins.tick(kStart);
    CHECK(host.kinds() == Kinds{Kind::kList});
}

TEST_CASE_METHOD(Fixture, "a broker that has applied all changes gets no list",
                 "[login_reporter]") {
    logins.welcome(0);
    logins.login("a");
    logins.tick(kStart);
    logins.forget_broker();
    host.kinds();
    SECTION("all of them") {
        logins.welcome(1);
        logins.tick(kStart);
        CHECK(host.kinds().empty());
    }
    SECTION("but a broker that lacks some does") {
        logins.welcome(0);
        logins.tick(kStart);
        CHECK(host.kinds() == Kinds{Kind::kList});
    }
}

TEST_CASE_METHOD(Fixture, "a long list goes in parts", "[login_reporter]") {
    for (int i = 0; i < 30'000; ++i) {
        host.ids.insert(std::to_string(i));
    }
    logins.login("0");
    logins.welcome(0);
    logins.tick(kStart);
    std::uint32_t count = 0;
    for (std::size_t i = 0; i < host.sent.size(); ++i) {
        const auto part = std::get<wire::List>(std::get<wire::Frame>(wire::decode(host.sent[i])));
        CHECK(part.first == (i == 0));
        CHECK(part.last == (i + 1 == host.sent.size()));
        count += part.ids.count();
    }
    CHECK(host.sent.size() > 1);
    CHECK(count == 30'000);
    CHECK(logins.lists_sent() == 1);
}

TEST_CASE_METHOD(Fixture, "a broker that is late with its heartbeats gets no list",
                 "[login_reporter]") {
    logins.welcome(0);
    logins.login("a");
    CHECK(logins.summarize().change == 1);
    logins.on_heartbeat(0); // the answer to an earlier heartbeat
    logins.tick(kStart);
    CHECK(logins.due() == kNever);
    CHECK(logins.lists_sent() == 0);
}

TEST_CASE_METHOD(Fixture, "a broker that lacks a login asks for the list", "[login_reporter]") {
    logins.welcome(0);
    logins.login("a");
    CHECK(logins.summarize().change == 1);
    host.kinds();
    logins.on_list_needed();
    logins.tick(kStart);
    CHECK(host.kinds() == Kinds{Kind::kList});
    CHECK(host.last_as<wire::List>().change == 2); // so a list that is lost is missed as well
    CHECK(logins.list_under_way());

    SECTION("the broker confirms the list") {
        CHECK(logins.summarize().change == 2);
        logins.on_heartbeat(2);
        CHECK_FALSE(logins.list_under_way());
        CHECK(logins.due() == kNever);
    }
    SECTION("or it asks for the list again") {
        logins.on_list_needed();
        logins.tick(kStart);
        CHECK(host.kinds() == Kinds{Kind::kList});
        CHECK(host.last_as<wire::List>().change == 3);
    }
}

TEST_CASE_METHOD(Fixture, "the summary describes what the broker was told", "[login_reporter]") {
    logins.welcome(0);
    logins.login("a");
    logins.login("b");
    logins.logout("a");
    const LoginReporter::Summary summary = logins.summarize();
    CHECK(host.kinds() == Kinds{Kind::kLogin, Kind::kLogout});
    CHECK(summary.change == 2);
    CHECK(summary.digest == wire::id_digest("b"));

    host.ids = {"c", "d"}; // a list has the present ids, whatever was sent before
    logins.on_list_needed();
    logins.tick(kStart);
    CHECK(logins.summarize().change == 3);
    CHECK(logins.summarize().digest == wire::id_digest("c") + wire::id_digest("d"));
}

TEST_CASE_METHOD(Fixture, "logins are confirmed once the broker has answered for them",
                 "[login_reporter]") {
    logins.welcome(0);
    logins.login("a");
    CHECK_FALSE(logins.applied());
    const std::uint64_t first = ask();
    CHECK_FALSE(logins.applied());
    logins.login("b");
    const std::uint64_t second = ask();
    logins.on_pong(first);
    CHECK_FALSE(logins.applied());
    logins.on_pong(second);
    CHECK(logins.applied());
    CHECK_FALSE(logins.confirmation_due());
}

TEST_CASE_METHOD(Fixture, "a list needs a new confirmation, whatever was asked before it",
                 "[login_reporter]") {
    logins.welcome(0);
    logins.login("a");
    const std::uint64_t before = ask();
    logins.on_list_needed();
    logins.on_pong(before);
    CHECK_FALSE(logins.applied());
    logins.tick(kStart);
    CHECK(logins.confirmation_due());
    CHECK_FALSE(logins.applied());
    logins.on_pong(ask());
    CHECK(logins.applied());
}

TEST_CASE_METHOD(Fixture, "a question without an answer goes to the next broker",
                 "[login_reporter]") {
    logins.welcome(0);
    SECTION("asked before the broker was lost") {
        logins.login("a");
        ask();
        logins.forget_broker();
    }
    SECTION("asked while it was away") {
        logins.forget_broker();
        logins.login("a");
        logins.ask_for_confirmation();
        CHECK(host.kinds().empty());
    }
    CHECK_FALSE(logins.applied());
    CHECK_FALSE(logins.confirmation_due());
    logins.welcome(0);
    CHECK_FALSE(logins.applied());
    logins.tick(kStart);
    CHECK(host.kinds() == Kinds{Kind::kList});
    CHECK(logins.confirmation_due());
    CHECK(logins.due() <= kStart);
    logins.on_pong(ask());
    CHECK(logins.applied());
}

} // namespace login_reporter_test
