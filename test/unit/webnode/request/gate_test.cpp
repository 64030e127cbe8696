// Where tokens are in requests, and what they open.
#include "test/unit/webnode/publish/publishing.hpp"
#include "test/unit/webnode/request/loop_fixture.hpp"
#include "topology/auth/key.hpp"
#include "webnode/request/gate.hpp"
#include "webnode/route/topic.hpp"
#include "webnode/stream/expiries.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gate_test {

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::request;

namespace {

constexpr auth::UnixSeconds kStart = 1'790'000'000;

auth::Key key() {
    return auth::Key::from_secret("a secret of thirty-two bytes, it is", {}).value();
}

std::string token(const std::string& claims) {
    return auth::make_token(claims, key());
}

std::string place_of(const std::string& line, const std::string& target = "/") {
    return token_in("GET " + target + " HTTP/1.1\r\nHost: h\r\n" + line + "\r\n", "zcomet_token");
}

struct Fixture {
    LoopFixture loop;
    auth::UnixSeconds now = kStart;
    Gate gate{"zcomet_token", loop.counters, [this] { return now; }};

    Fixture() {
        use_rules({});
        loop.requests.set_gate(gate);
    }
    void use_rules(auth::Rules rules) {
        gate.use(std::make_shared<auth::Verifier>(std::vector{key()}, std::move(rules)));
    }
    std::string get(const std::string& target, const std::string& line = {},
                    const std::string& method = "GET") {
        return loop.connect(method + " " + target + " HTTP/1.1\r\nHost: h\r\n" + line + "\r\n")
            .received();
    }
    std::string get_with(const std::string& claims, const std::string& target) {
        return get(target, "Authorization: Bearer " + token(claims) + "\r\n");
    }
    [[nodiscard]] std::uint64_t refusals() const {
        return loop.count(slot::WorkerCounter::kTokenRefusals);
    }
};

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a token is in a header, a cookie or the query, in this order", "[gate]") {
    CHECK(place_of("Authorization: Bearer abc\r\n") == "abc");
    CHECK(place_of("authorization: bearer   abc\r\n") == "abc");
    CHECK(place_of("Authorization: Basic abc\r\n").empty());
    CHECK(place_of("Authorization: Bearer\r\n").empty());
    CHECK(place_of("Authorization: Bearerabc\r\n").empty());
    CHECK(place_of("Cookie: a=1; zcomet_token=abc; b=2\r\n") == "abc");
    CHECK(place_of("Cookie: zcomet_token=abc\r\n") == "abc");
    CHECK(place_of("Cookie: xzcomet_token=abc; zcomet_tokenx=d; zcomet_token\r\n").empty());
    CHECK(place_of("", "/events/a?x=1&token=a.b-c_d") == "a.b-c_d");
    CHECK(place_of("", "http://h/events/a?token=abc") == "abc");
    CHECK(place_of("", "/events/token=abc").empty());
    CHECK(place_of("", "/events/a?mytoken=abc").empty());
    CHECK(place_of("").empty());
    const std::string all = "Authorization: Bearer one\r\nCookie: zcomet_token=two\r\n";
    CHECK(place_of(all, "/?token=three") == "one");
    CHECK(place_of("Authorization: Basic x\r\nCookie: zcomet_token=two\r\n", "/?token=3") == "two");
    CHECK(token_in("GET / HTTP/1.1\r\nCookie: =abc; zcomet_token=abc\r\n\r\n", "").empty());
}

TEST_CASE("a route may have further names for a token", "[gate]") {
    constexpr std::array<std::string_view, 2> kNames{"mercureAuthorization", "access_token"};
    const auto with_names = [&](const std::string& line, const std::string& target,
                                const std::string& cookie) {
        return token_in("GET " + target + " HTTP/1.1\r\nHost: h\r\n" + line + "\r\n", cookie,
                        kNames);
    };
    const std::string cookie = "Cookie: mercureAuthorization=abc\r\n";
    CHECK(with_names(cookie, "/", "zcomet_token") == "abc");
    CHECK(with_names(cookie, "/", "").empty()); // where cookies are not looked at
    CHECK(with_names("Cookie: mercureAuthorization=1; zcomet_token=2\r\n", "/", "zcomet_token") ==
          "2");
    CHECK(with_names("", "/?access_token=abc", "") == "abc");
    CHECK(with_names("", "/?access_token=1&token=2", "") == "2");
    CHECK(place_of(cookie, "/?access_token=abc").empty());
}

namespace {

const std::string kBook = "https://example.com/books/1";
const std::string kOfBook = "/.well-known/mercure?topic=" + kBook;

} // namespace

TEST_CASE_METHOD(Fixture, "at a public port a token adds private updates", "[gate]") {
    loop.requests.set_public_gate(gate);
    const std::string id = route::id_of_topic(kBook);
    const std::vector<std::string> shown{id};
    const std::vector<std::string> all{id, route::private_id_of_topic(kBook)};
    const auto logins_of = [&](const std::string& answer) {
        CHECK(answer.starts_with("HTTP/1.1 200 "));
        return std::exchange(loop.logins, {});
    };
    CHECK(logins_of(get(kOfBook)) == shown);
    loop.pass(1s); // they are gone
    CHECK(logins_of(get_with(R"({"mercure":{"subscribe":["*"]}})", kOfBook)) == all);
    loop.pass(1s);
    for (const std::string claims :
         {R"({"ids":["*"]})", R"({"mercure":{"subscribe":["x"],"publish":["*"]}})", "{}"}) {
        CHECK(logins_of(get_with(claims, kOfBook)) == shown);
        loop.pass(1s);
    }
    CHECK(get(kOfBook, "Authorization: Bearer a.b.c\r\n").starts_with("HTTP/1.1 401 "));
    CHECK(refusals() == 1);
    CHECK(get("/events/a", "Authorization: Bearer a.b.c\r\n").starts_with("HTTP/1.1 200 "));
    loop.logins.clear();
    for (const char* const target : {"/events/~:a", "/lines?id=~:a", "/poll/~:a", "/test/~:a"}) {
        CHECK(get_with(R"({"ids":["*"]})", target).starts_with("HTTP/1.1 403 "));
    }
    CHECK(loop.logins.empty());
}

TEST_CASE_METHOD(Fixture, "where streams want tokens, those of Mercure do, too", "[gate]") {
    CHECK(get(kOfBook).starts_with("HTTP/1.1 401 "));
    CHECK(get_with(R"({"mercure":{"subscribe":["x"]}})", kOfBook).starts_with("HTTP/1.1 403 "));
    CHECK(get_with(R"({"ids":["a"]})", kOfBook).starts_with("HTTP/1.1 403 "));
    CHECK(get_with("{}", kOfBook + "&topic=").starts_with("HTTP/1.1 400 "));
    CHECK(loop.logins.empty());
    CHECK(get_with(R"({"ids":["~*"]})", kOfBook).starts_with("HTTP/1.1 200 "));
    CHECK(loop.logins == std::vector{route::id_of_topic(kBook)});
    CHECK(get_with(R"({"ids":["*"]})", "/events/~:a").starts_with("HTTP/1.1 403 "));
    const std::string details = R"({"authorization_details":[{"type":"mercure",)"
                                R"("actions":["subscribe"],"topics":[{"match":"a"}]}]})";
    loop.logins.clear();
    CHECK(get_with(details, "/.well-known/mercure?match=a").starts_with("HTTP/1.1 200 "));
    CHECK(loop.logins == std::vector<std::string>{"a", "~:a"});
    CHECK(get_with(details, "/events/a").starts_with("HTTP/1.1 403 "));
}

TEST_CASE_METHOD(Fixture, "a topic that the token names counts twice", "[gate]") {
    const auto query = [](std::size_t count) {
        std::string text = "/.well-known/mercure?";
        for (std::size_t n = 0; n < count; ++n) {
            text += "match=t" + std::to_string(n) + "&";
        }
        return text;
    };
    const std::string claims = R"({"mercure":{"subscribe":["*"]}})";
    CHECK(get_with(claims, query(50)).starts_with("HTTP/1.1 200 "));
    CHECK(get_with(claims, query(51)).starts_with("HTTP/1.1 400 "));
}

TEST_CASE_METHOD(Fixture, "without a token a stream is refused, and told how", "[gate]") {
    for (const char* const target :
         {"/test/a", "/events/a", "/events?id=a", "/lines/a", "/lines?id=a", "/poll/a",
          "/poll?id=a", "/events/not%20an%20id"}) {
        CAPTURE(target);
        const std::string answer = get(target);
        CHECK(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"));
        CHECK(has(answer, "\r\nWWW-Authenticate: Bearer\r\n"));
        CHECK(get(target, {}, "HEAD").starts_with("HTTP/1.1 401 "));
    }
    CHECK(refusals() == 16);
    CHECK(gate.last_reason() == "no-token");
    CHECK(loop.logins.empty());
    CHECK(get("/healthz").starts_with("HTTP/1.1 200 "));
    CHECK(get("/readyz").starts_with("HTTP/1.1 200 "));
    CHECK(get("/nothing").starts_with("HTTP/1.1 404 "));
}

TEST_CASE_METHOD(Fixture, "a token opens the streams of its ids, and no others", "[gate]") {
    const std::string claims = R"({"sub":"alice","ids":["chat.*"]})";
    for (const char* const target : {"/test/alice", "/events/alice", "/lines/chat.1",
                                     "/events?id=alice&id=chat.1", "/events/alice?since=x"}) {
        CAPTURE(target);
        CHECK(get_with(claims, target).starts_with("HTTP/1.1 200 "));
    }
    REQUIRE(refusals() == 0);
    loop.logins.clear();
    for (const char* const target :
         {"/test/bob", "/events/alicex", "/lines/chat", "/events?id=alice&id=bob", "/poll/bob",
          "/poll?id=bob&id=alice"}) {
        CAPTURE(target);
        const std::string answer = get_with(claims, target);
        CHECK(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"));
        CHECK(has(answer, "WWW-Authenticate: Bearer error=\"insufficient_scope\"\r\n"));
    }
    CHECK(refusals() == 6);
    CHECK(gate.last_reason() == "other-id");
    CHECK(loop.logins.empty());
    CHECK(get_with(claims, "/events/not%20an%20id").starts_with("HTTP/1.1 400 "));
    CHECK(get_with(R"({"publish":["*"]})", "/test/alice").starts_with("HTTP/1.1 403 "));
}

TEST_CASE_METHOD(Fixture, "a bad token is named by a word, and not repeated", "[gate]") {
    for (const auto& [text, word] : {std::pair<std::string, std::string>{"secretpart", "malformed"},
                                     {token(R"({"sub":"a","exp":1789999990})"), "expired"},
                                     {token(R"({"sub":"a","exp":1789999990})") + "A", "signature"},
                                     {token(R"({"sub":"a","nbf":1790000100})"), "not-yet"}}) {
        const std::string answer = get("/events/a", "Authorization: Bearer " + text + "\r\n");
        CAPTURE(word, answer);
        CHECK(answer.starts_with("HTTP/1.1 401 "));
        CHECK(has(answer, "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n"));
        CHECK(has(answer, word));
        CHECK_FALSE(has(answer, text.substr(0, 10)));
        CHECK(gate.last_reason() == word);
    }
}

TEST_CASE_METHOD(Fixture, "a remembered token expires, and goes with its key", "[gate]") {
    const std::string claims = R"({"sub":"a","exp":1790000010})";
    CHECK(get_with(claims, "/events/a").starts_with("HTTP/1.1 200 "));
    now = kStart + 14; // leeway
    CHECK(get_with(claims, "/events/a").starts_with("HTTP/1.1 200 "));
    now = kStart + 15;
    CHECK(get_with(claims, "/events/a").starts_with("HTTP/1.1 401 "));
    CHECK(gate.last_reason() == "expired");
    now = kStart;
    CHECK(get_with(claims, "/events/a").starts_with("HTTP/1.1 200 "));
    use_rules({.issuer = "me"});
    CHECK(get_with(claims, "/events/a").starts_with("HTTP/1.1 401 "));
    CHECK(gate.last_reason() == "issuer");
    gate.use(std::make_shared<auth::Verifier>(std::vector<auth::Key>(), auth::Rules()));
    CHECK(get_with(claims, "/events/a").starts_with("HTTP/1.1 401 "));
    CHECK(gate.last_reason() == "no-key");
}

TEST_CASE("a gate without keys lets nobody in", "[gate]") {
    metrics::Counters<slot::WorkerCounter> counters;
    Gate gate("", counters);
    const auto looked =
        gate.look("GET / HTTP/1.1\r\nAuthorization: Bearer " + token("{}") + "\r\n\r\n");
    CHECK(std::holds_alternative<http::Reply>(looked));
    CHECK(gate.last_reason() == "no-key");
}

TEST_CASE_METHOD(Fixture, "how long a stream may live is what its token has left", "[gate]") {
    const auto life_of = [this](const std::string& claims) {
        auto looked =
            gate.look("GET / HTTP/1.1\r\nAuthorization: Bearer " + token(claims) + "\r\n\r\n");
        REQUIRE(std::holds_alternative<Pass>(looked));
        return std::get<Pass>(looked).life;
    };
    CHECK(life_of(R"({"exp":1790000060})") == 65s);
    CHECK(life_of("{}") == Duration::max());
    CHECK(life_of(R"({"exp":253402300799})") == std::chrono::hours(24 * 365 * 50));
}

TEST_CASE_METHOD(Fixture, "a poll waits no longer than its token is good", "[gate]") {
    const auto browser = loop.connect("GET /poll/a?wait=25 HTTP/1.1\r\nHost: h\r\nAuthorization: "
                                      "Bearer " +
                                      token(R"({"sub":"a","exp":1790000002})") + "\r\n\r\n");
    loop.pass(6s);
    CHECK(browser.received().empty());
    loop.pass(1s);
    CHECK(browser.received().starts_with("HTTP/1.1 204 "));
}

TEST_CASE_METHOD(Fixture, "a stream ends with its token, in the way of its format", "[gate]") {
    stream::Expiries expiries(loop.connections, [this] { return loop.now; });
    loop.presence.tell_ends_to(expiries);
    const auto open = [this](const std::string& path, const std::string& version) {
        return loop.connect("GET " + path + " " + version +
                            "\r\nHost: h\r\nAuthorization: Bearer " +
                            token(R"({"sub":"a","exp":1790000010})") + "\r\n\r\n");
    };
    const connection::Browser events = open("/events/a", "HTTP/1.1");
    const connection::Browser bare = open("/events/a", "HTTP/1.0");
    const connection::Browser lines = open("/lines/a", "HTTP/1.1");
    const connection::Browser page = open("/test/a", "HTTP/1.1");
    const connection::Browser unread = open("/lines/a", "HTTP/1.1");
    for (const connection::Browser* const browser : {&events, &bare, &lines, &page}) {
        CHECK(browser->received().starts_with("HTTP/1."));
    }
    const auto turn = [&](Duration passed) {
        loop.pass(passed);
        expiries.turn(loop.now,
                      [this](connection::Handle handle, connection::Connection& connection) {
                          loop.requests.end_expired(handle, connection);
                      });
    };
    turn(14s);
    CHECK(events.received().empty());
    CHECK(loop.logouts.empty());
    turn(2s);
    const std::string end = events.received();
    CAPTURE(end);
    CHECK(has(end, "\r\nretry: "));
    CHECK(end.ends_with("\n\r\n0\r\n\r\n"));
    CHECK(bare.received().starts_with("retry: "));
    CHECK(lines.received() == "0\r\n\r\n");
    CHECK(page.received() == "0\r\n\r\n");
    for (const connection::Browser* const browser : {&events, &bare, &lines, &page}) {
        CHECK(browser->ended());
    }
    CHECK(loop.logouts == std::vector<std::string>{"a"});
    CHECK(loop.count(slot::WorkerCounter::kTokenEnds) == 5);
    CHECK(loop.connections.table().connection_count() == 0);
}

namespace {

struct Backend {
    publish::Publishing api;
    Gate gate{"", api.counters, [] { return kStart; }};

    Backend() {
        gate.use(std::make_shared<auth::Verifier>(std::vector{key()}, auth::Rules()));
        api.routes.set_gate(gate);
    }
    std::optional<http::Answer> post(const std::string& claims, const std::string& path,
                                     const std::string& body) {
        return api.post(path, body, "Authorization: Bearer " + token(claims) + "\r\n");
    }
};

} // namespace

TEST_CASE_METHOD(Backend, "only a token with publish may send, and to its ids", "[gate]") {
    const std::string claims = R"({"publish":["out.*"],"ids":["in"]})";
    CHECK(api.post("/send/out.1", "x", "")->status == 401);
    CHECK_FALSE(post(claims, "/send/out.1", "x")); // it is sent
    CHECK(post(claims, "/send/in", "x")->status == 403);
    CHECK(post(R"({"ids":["*"],"sub":"out.1"})", "/send/out.1", "x")->status == 403);
    REQUIRE(api.sender.sent.size() == 1);

    // Lines are independent of each other.
    const auto none = post(claims, "/send",
                           "{\"id\":\"out.2\",\"data\":\"x\"}\n"
                           "{\"ids\":[\"out.2\",\"in\"],\"data\":\"x\"}\n");
    CHECK_FALSE(none);
    CHECK(api.sender.sent.size() == 2);
    CHECK(api.sender.sent.back().id == "out.2");

    const auto items = [](const std::string& channel) {
        return R"({"items":[{"channel":"out.3","formats":{"http-stream":{"content":"x"}}},)"
               R"({"channel":")" +
               channel + R"(","formats":{"http-stream":{"content":"x"}}}]})";
    };
    CHECK(post(claims, "/publish/", items("in"))->status == 403);
    CHECK(api.sender.sent.size() == 2);
    CHECK_FALSE(post(claims, "/publish/", items("out.4")));
    CHECK(api.sender.sent.size() == 4);
    CHECK(api.counters.get(slot::WorkerCounter::kTokenRefusals) == 5);
}

TEST_CASE_METHOD(Backend, "a publisher of Mercure has a token for each topic", "[gate]") {
    const std::string path = "/.well-known/mercure";
    const std::string type = "Content-Type: application/x-www-form-urlencoded\r\n";
    const auto publish = [&](const std::string& claims, const std::string& form) {
        return api.post(path, form, type + "Authorization: Bearer " + token(claims) + "\r\n");
    };
    const std::string form = "data=x&topic=" + kBook;
    CHECK(api.post(path, form, type)->status == 401);
    CHECK(api.post(path, form,
                   type + "Cookie: mercureAuthorization=" +
                       token(R"({"mercure":{"publish":["*"]}})") + "\r\n")
              ->status == 401);
    for (const std::string claims :
         {"{}", R"({"mercure":{"subscribe":["*"]}})", R"({"mercure":{"publish":[]}})",
          R"({"mercure":{"publish":["x"]}})", R"({"publish":["x"],"ids":["*"]})"}) {
        CAPTURE(claims);
        CHECK(publish(claims, form)->status == 403);
    }
    const std::string of_book = R"({"mercure":{"publish":[")" + kBook + R"("]}})";
    CHECK(publish(of_book, form + "&topic=y")->status == 403);
    CHECK(api.sender.sent.empty());
    CHECK_FALSE(publish(of_book, form));
    CHECK_FALSE(publish(of_book, form + "&private=on"));
    CHECK_FALSE(publish(R"({"mercure":{"publish":["*"]}})", form + "&topic=y"));
    CHECK_FALSE(publish(R"({"publish":["~*"]})", form));
    CHECK(api.sender.sent.size() == 5);
    CHECK(api.sender.sent[1].id == route::private_id_of_topic(kBook));
}

TEST_CASE_METHOD(Backend, "a body is not read for one who may not send", "[gate]") {
    const auto head = [](const std::string& line) {
        return "POST /send/a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n" + line + "\r\n";
    };
    const auto refused = api.routes.refuse_body(head(""), 5);
    REQUIRE(refused);
    CHECK(refused->status == 401);
    CHECK_FALSE(refused->keeps_connection);
    const std::string line = "Authorization: Bearer " + token(R"({"publish":["a"]})") + "\r\n";
    CHECK_FALSE(api.routes.refuse_body(head(line), 5));
    CHECK_FALSE(api.routes.refuse_body("\r\n" + head(line), 5)); // after an earlier body
    CHECK(api.routes.refuse_body(head(line), 1'000'000)->status == 413);
    CHECK(api.routes.refuse_body(head("Cookie: zcomet_token=" + token("{}") + "\r\n"), 5));
}

TEST_CASE("made-up tokens are not checked without end", "[gate]") {
    using Verdict = FailedChecks::Verdict;
    metrics::Counters<slot::WorkerCounter> counters;
    auth::UnixSeconds now = kStart;
    Gate gate("", counters, [&now] { return now; });
    gate.use(std::make_shared<auth::Verifier>(std::vector{key()}, auth::Rules()));
    const auto other = auth::Key::from_secret("another secret of as many bytes, too", {}).value();
    const auto status = [&](const auth::Key& signer, const std::string& claims,
                            std::uint16_t origin) {
        const auto looked = gate.look("GET / HTTP/1.1\r\nAuthorization: Bearer " +
                                          auth::make_token(claims, signer) + "\r\n\r\n",
                                      origin);
        const auto* reply = std::get_if<http::Reply>(&looked);
        return reply == nullptr ? 200 : reply->status;
    };
    const auto unchecked = [&] { return counters.get(slot::WorkerCounter::kTokensUnchecked); };
    CHECK(status(key(), R"({"sub":"old"})", 7) == 200);
    for (int n = 0; n < FailedChecks::kPerAddressMax; ++n) {
        CHECK(status(other, R"({"sub":"a"})", 7) == 401);
    }
    SECTION("of one address") {
        CHECK(status(other, R"({"sub":"a"})", 7) == 429);
        CHECK(status(key(), R"({"sub":"new"})", 7) == 429);
        CHECK(status(key(), R"({"sub":"old"})", 7) == 200); // it is remembered
        CHECK(status(key(), R"({"sub":"new"})", 8) == 200); // from another address
        CHECK(status(other, R"({"sub":"a"})", 8) == 401);
        CHECK(unchecked() == 2);
    }
    SECTION("of all addresses together") {
        for (std::uint32_t n = FailedChecks::kPerAddressMax; n < FailedChecks::kInSumMax; ++n) {
            const auto origin = static_cast<std::uint16_t>(n % 2 == 0 ? 0 : 1000 + n);
            CHECK(status(other, R"({"sub":"a"})", origin) == 401);
        }
        CHECK(status(other, R"({"sub":"a"})", 9) == 429);
        CHECK(status(key(), R"({"sub":"new"})", 9) == 429);
        CHECK(status(key(), R"({"sub":"old"})", 9) == 200);
        CHECK(unchecked() == 2);
    }
    ++now; // in the next second all is forgotten
    CHECK(status(other, R"({"sub":"a"})", 7) == 401);
    CHECK(status(key(), R"({"sub":"new"})", 7) == 200);
    FailedChecks failed;
    CHECK(failed.look(7, now) == Verdict::kMay);
}

TEST_CASE("tokens that say too little cost no check of a signature", "[gate]") {
    Fixture fixture;
    for (int n = 0; n < 2 * FailedChecks::kPerAddressMax; ++n) {
        CHECK(
            fixture.get("/test/7", "Authorization: Bearer a.b.c\r\n").starts_with("HTTP/1.1 401"));
    }
    CHECK(fixture.loop.count(slot::WorkerCounter::kTokensUnchecked) == 0);
}

} // namespace gate_test
