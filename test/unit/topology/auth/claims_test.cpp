#include "topology/auth/claims.hpp"

#include <catch2/catch.hpp>

namespace claims_test {

using namespace zcomet;
using namespace zcomet::auth;

namespace {

std::string list_of(std::size_t count) {
    std::string list;
    for (std::size_t n = 0; n < count; ++n) {
        list += n == 0 ? "\"a\"" : ",\"a\"";
    }
    return "[" + list + "]";
}

} // namespace

TEST_CASE("claims say which ids, exactly or by a pattern", "[auth]") {
    const auto claims =
        read_claims(R"({"sub":"alice","ids":["chat.*","b*b"],"publish":["out.*"],"other":[{}]})");
    REQUIRE(claims);
    for (const char* const id : {"alice", "chat.", "chat.x", "bb", "bxb"}) {
        CHECK(claims->may_listen(id));
    }
    for (const char* const id : {"alicex", "Alice", "chat", "xchat.", "b", "out.x", "", "*"}) {
        CAPTURE(id);
        CHECK_FALSE(claims->may_listen(id));
    }
    CHECK(claims->may_publish("out.1"));
    CHECK_FALSE(claims->may_publish("alice"));
    CHECK_FALSE(claims->may_publish("chat.x"));
    CHECK(claims->expires == kForever);
}

TEST_CASE("tokens of Mercure name topics, in two forms", "[auth]") {
    const auto old = read_claims(
        R"({"mercure":{"publish":["https://a/1","b"],"subscribe":["*"],"payload":{"x":[1]}}})");
    REQUIRE(old);
    CHECK(old->may_publish_topic("https://a/1"));
    CHECK(old->may_publish_topic("b"));
    CHECK_FALSE(old->may_publish_topic("https://a/2"));
    CHECK_FALSE(old->may_publish("b")); // of the topic, and not of the id
    CHECK(old->may_subscribe_topic("anything"));
    for (const std::string type : {"mercure", "https://mercure.rocks/authorization-detail"}) {
        const auto claims = read_claims(
            R"({"authorization_details":[{"type":"other","actions":5},{"type":")" + type +
            R"(","actions":["publish","subscribe"],"topics":[{"match":"a"},)"
            R"({"match":"b","match_type":"exact"},{"match":"c","matchType":"Exact"},)"
            R"({"match":"d","matchType":"URLPattern"}]},)"
            R"({"type":"mercure","actions":["subscribe"],)"
            R"("topics":[{"match":"*","matchType":"URLPattern"}],"payload":{}}]})");
        REQUIRE(claims);
        for (const char* const topic : {"a", "b", "c"}) {
            CHECK(claims->may_publish_topic(topic));
        }
        CHECK_FALSE(claims->may_publish_topic("d"));
        CHECK(claims->may_subscribe_topic("d"));
        CHECK(read_claims(write_claims(*claims))->topics_to_publish == claims->topics_to_publish);
    }
    const auto patterns = read_claims(R"({"mercure":{"subscribe":["a*","https://a/{id}"]}})");
    REQUIRE(patterns);
    CHECK_FALSE(patterns->may_subscribe_topic("ab"));
    CHECK_FALSE(patterns->may_subscribe_topic("https://a/1"));
    CHECK_FALSE(read_claims("{}")->may_subscribe_topic(""));
}

TEST_CASE("a malformed detail of Mercure makes the token bad", "[auth]") {
    const auto detail = [](const std::string& members) {
        return R"({"authorization_details":[{"type":"mercure",)" + members + "}]}";
    };
    const std::string actions = R"("actions":["subscribe"])";
    const std::string topics = R"("topics":[{"match":"a"}])";
    CHECK(read_claims(detail(actions + "," + topics)));
    for (const std::string& json : {
             detail(actions),
             detail(topics),
             detail(R"("actions":[],)" + topics),
             detail(R"("actions":["read"],)" + topics),
             detail(R"("actions":"subscribe",)" + topics),
             detail(actions + R"(,"topics":[])"),
             detail(actions + R"(,"topics":["a"])"),
             detail(actions + R"(,"topics":[{"match":1}])"),
             detail(actions + R"(,"topics":[{"match":"a","matchType":1}])"),
             std::string(R"({"authorization_details":{}})"),
             std::string(R"({"authorization_details":[1]})"),
             std::string(R"({"mercure":[]})"),
             std::string(R"({"mercure":{"publish":"a"}})"),
             R"({"mercure":{"subscribe":)" + list_of(kClaimTopicsMax + 1) + "}}",
         }) {
        CAPTURE(json);
        CHECK_FALSE(read_claims(json));
    }
    CHECK(read_claims(R"({"mercure":{"subscribe":)" + list_of(kClaimTopicsMax) + "}}"));
}

TEST_CASE("a subject is no pattern", "[auth]") {
    const auto claims = read_claims(R"({"sub":"*"})");
    REQUIRE(claims);
    CHECK_FALSE(claims->may_listen("a"));
    CHECK_FALSE(read_claims("{}")->may_listen(""));
    CHECK_FALSE(read_claims(R"({"sub":""})")->may_listen(""));
}

TEST_CASE("times are whole seconds, rounded so that they are shorter", "[auth]") {
    CHECK(read_claims(R"({"exp":1300819380})")->expires == 1'300'819'380);
    CHECK(read_claims(R"({"exp":1300819380.9,"nbf":10.1})")->expires == 1'300'819'380);
    CHECK(read_claims(R"({"nbf":10.1})")->not_before == 11);
    CHECK(read_claims(R"({"exp":1.3e9})")->expires == 1'300'000'000);
    CHECK(read_claims(R"({"exp":0})")->expires == 0);
}

TEST_CASE("a claim that is not what it should be makes the token bad", "[auth]") {
    for (const std::string& json :
         {std::string(R"({"exp":"1300819380"})"),
          std::string(R"({"exp":-1})"),
          std::string(R"({"exp":1e18})"),
          std::string(R"({"exp":1e308})"),
          std::string(R"({"exp":1e309})"),
          std::string(R"({"exp":18446744073709551615})"),
          std::string(R"({"exp":99999999999999999999999})"),
          std::string(R"({"exp":1600000000000})"), // milliseconds: the year 52671
          std::string(R"({"exp":null})"),
          std::string(R"({"exp":true})"),
          std::string(R"({"nbf":[]})"),
          std::string(R"({"nbf":1e300})"),
          std::string(R"({"sub":7})"),
          std::string(R"({"sub":["a"]})"),
          std::string(R"({"ids":"a*"})"),
          std::string(R"({"ids":[7]})"),
          std::string(R"({"ids":[["a"]]})"),
          std::string(R"({"ids":[""]})"),
          std::string(R"({"ids":["a b"]})"),
          std::string(R"({"ids":["a/b"]})"),
          std::string(R"({"ids":[")") + std::string(65, '*') + "\"]}",
          "{\"ids\":" + list_of(kClaimPatternsMax + 1) + "}",
          "{\"publish\":" + list_of(kClaimPatternsMax + 1) + "}",
          std::string(R"({"publish":{"a":1}})"),
          std::string(R"({"iss":1})"),
          std::string(R"({"aud":1})"),
          std::string(R"({"aud":[1]})"),
          std::string(R"({"sub":"a","sub":"b"})"),
          std::string("[]"),
          std::string("")}) {
        CAPTURE(json.substr(0, 100));
        CHECK_FALSE(read_claims(json));
    }
    CHECK(read_claims("{\"ids\":" + list_of(kClaimPatternsMax) + "}"));
}

TEST_CASE("claims come back as they were written", "[auth]") {
    Claims claims;
    claims.subject = "alice";
    claims.ids = {"a*", "b"};
    claims.publish = {"*"};
    claims.expires = 1'790'000'000;
    claims.not_before = 5;
    claims.issuer = "me";
    claims.audience = {"you", "them"};
    const auto again = read_claims(write_claims(claims));
    REQUIRE(again);
    CHECK(again->subject == claims.subject);
    CHECK(again->ids == claims.ids);
    CHECK(again->publish == claims.publish);
    CHECK(again->expires == claims.expires);
    CHECK(again->not_before == claims.not_before);
    CHECK(again->issuer == claims.issuer);
    CHECK(again->audience == claims.audience);
    CHECK(write_claims({}) == "{}");
}

} // namespace claims_test
