// Goal: programs that were written for a GRIP proxy publish here, and a request that cannot be
// published as a whole publishes nothing.
#include "test/unit/webnode/publish/publishing.hpp"
#include "topology/wire/attributes.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace zcomet::webnode::route::grip_test {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;

struct Grip : publish::Publishing {
    /// @return the answer that comes at once.
    http::Answer refusal_of(const std::string& body) {
        const auto answer = post("/publish/", body);
        REQUIRE(answer);
        CHECK(sender.sent.empty());
        return *answer;
    }
    /// Publishes one item on the channel "a".   @return its message.
    std::string message_of(const std::string& rest_of_item) {
        REQUIRE_FALSE(post("/publish/", "{\"items\":[{\"channel\":\"a\"," + rest_of_item + "}]}"));
        REQUIRE_FALSE(sender.sent.empty());
        CHECK(sender.sent.back().id == "a");
        return sender.sent.back().text;
    }
    std::string refusal_of_item(const std::string& rest_of_item) {
        const http::Answer answer =
            refusal_of("{\"items\":[{\"channel\":\"a\"," + rest_of_item + "}]}");
        CHECK(answer.status == 400);
        return answer.bytes;
    }
};

std::string items(std::size_t count) {
    std::string text = R"({"items":[)";
    for (std::size_t i = 0; i < count; ++i) {
        text += i > 0 ? "," : "";
        text += R"({"channel":"a","http-stream":{"content":"x"}})";
    }
    return text + "]}";
}

} // namespace

TEST_CASE_METHOD(Grip, "items are published, and answered when the broker has all", "[grip]") {
    REQUIRE_FALSE(post("/publish/", R"({"items":[
        {"channel":"a","id":"1","prev-id":"0","formats":{"http-stream":{"content":"one\n"}}},
        {"channel":"b","formats":{"http-stream":{"content":"two"}}}]})"));
    REQUIRE(sender.sent.size() == 2);
    CHECK(sender.sent[0].id == "a");
    CHECK(sender.sent[0].text == "one\n");
    CHECK(sender.sent[1].id == "b");
    publisher.on_known(1, {.nodes = 1});
    CHECK(status_of(1) == 0);
    publisher.on_known(2, {.nodes = 0}); // nobody is there, which GRIP does not tell
    CHECK(status_of(1) == 200);
    CHECK(text_of(1) == "Published\n");
    CHECK(replies[1].type == http::kPlainText);
}

TEST_CASE_METHOD(Grip, "the path may have a slash at its end, or none", "[grip]") {
    REQUIRE_FALSE(post("/publish", items(1)));
    CHECK(sender.sent.size() == 1);
    CHECK(post("/publish/x", items(1))->status == 404);
}

TEST_CASE_METHOD(Grip, "the answer has the type that the client names first", "[grip]") {
    const auto type_for = [this](const std::string& accept) {
        REQUIRE_FALSE(post("/publish/", R"({"items":[]})", "Accept: " + accept + "\r\n"));
        CHECK(status_of(tickets) == 200);
        return std::string(replies[tickets].type);
    };
    CHECK(type_for("application/json, text/plain, */*") == "application/json");
    CHECK(text_of(1) == "{\"message\":\"Published\"}\n");
    CHECK(type_for("text/plain, application/json") == http::kPlainText);
    CHECK(type_for("*/*") == http::kPlainText);
}

TEST_CASE_METHOD(Grip, "the message is the text of the first format", "[grip]") {
    CHECK(message_of(R"("formats":{"http-response":{"body":"r"},"ws-message":{"content":"w"},
                        "http-stream":{"content":"s"}})") == "s");
    CHECK(message_of(R"("formats":{"http-response":{"body":"r"},"ws-message":{"content":"w"}})") ==
          "w");
    CHECK(message_of(R"("formats":{"http-response":{"code":200,"body":"r"}})") == "r");
    CHECK(message_of(R"("http-stream":{"content":"beside the channel"})") == "beside the channel");
    CHECK(message_of(R"("formats":{"ws-message":{"action":"send","content":"w"}})") == "w");
}

TEST_CASE_METHOD(Grip, "base64 is taken if it is that of text", "[grip]") {
    CHECK(message_of(R"("formats":{"http-stream":{"content-bin":"R3LDvMOfZQ=="}})") == "Grüße");
    CHECK(message_of(R"("formats":{"http-response":{"body-bin":"eA"}})") == "x");
    const auto answer = post("/publish/", R"({"items":[{"channel":"a","formats":
        {"http-stream":{"content-bin":"/w=="}}}]})");
    REQUIRE(answer);
    CHECK(answer->status == 415);
    CHECK_THAT(answer->bytes, EndsWith(": item 1: the message is not UTF-8\n"));
    CHECK(sender.sent.size() == 2);
}

TEST_CASE_METHOD(Grip, "an item that is no message is refused in a sentence", "[grip]") {
    CHECK_THAT(refusal_of_item(R"("formats":{"http-stream":{"content":5}})"),
               EndsWith(": item 1: a \"http-stream\" has \"content\", a string, or "
                        "\"content-bin\", base64\n"));
    CHECK_THAT(refusal_of_item(R"("formats":{"http-stream":{"content-bin":"*"}})"),
               Contains("\"content-bin\", base64"));
    // A stream ends when its client says so.
    CHECK_THAT(refusal_of_item(R"("formats":{"http-stream":{"action":"close","content":""}})"),
               EndsWith(": item 1: the only action is \"send\"\n"));
    CHECK_THAT(refusal_of_item(R"("formats":{"json-object":{}})"),
               EndsWith(": item 1: the formats are \"http-stream\", \"ws-message\" and "
                        "\"http-response\", and none of them is there\n"));
    CHECK_THAT(refusal_of_item(R"("formats":[])"), Contains("none of them is there"));
}

TEST_CASE_METHOD(Grip, "a channel may have any name", "[grip]") {
    REQUIRE_FALSE(
        post("/publish/", R"({"items":[{"channel":"a/b","http-stream":{"content":"x"}}]})"));
    CHECK(sender.sent[0].id == "~wUzdwDP2S53qgOpnXPKAoBXmclFgkKViZ4EVPcaP6hE");
}

TEST_CASE_METHOD(Grip, "an item without a channel is refused", "[grip]") {
    const auto refusal = [this](const std::string& channel) {
        const auto answer = refusal_of("{\"items\":[{" + channel +
                                       "\"formats\":{\"http-stream\":{\"content\":\"x\"}}}]}");
        CHECK(answer.status == 400);
        return answer.bytes;
    };
    CHECK_THAT(refusal(""), EndsWith(": item 1: \"channel\" is a string\n"));
    CHECK_THAT(refusal(R"("channel":7,)"), Contains("\"channel\" is a string"));
    CHECK_THAT(refusal(R"("channel":"",)"), EndsWith(": item 1: a channel has a name\n"));
}

TEST_CASE_METHOD(Grip, "one bad item keeps the others back", "[grip]") {
    const auto answer =
        refusal_of(R"({"items":[{"channel":"a","http-stream":{"content":"x"}},5]})");
    CHECK(answer.status == 400);
    CHECK_THAT(answer.bytes, EndsWith(": item 2: \"channel\" is a string\n"));
}

TEST_CASE_METHOD(Grip, "what is no list of items is refused", "[grip]") {
    for (const std::string body : {"", "x", "[]", "{}", R"({"items":{}})", R"({"items":[)"}) {
        const http::Answer answer = refusal_of(body);
        CHECK(answer.status == 400);
        CHECK_THAT(answer.bytes, EndsWith(": the body is JSON, {\"items\":[...]}\n"));
    }
}

TEST_CASE_METHOD(Grip, "items are bounded in number and length", "[grip]") {
    CHECK(refusal_of(items(publish::kMessagesMax + 1)).status == 413);
    const std::string longest(wire::kPayloadBytesMax, 'x');
    CHECK(
        refusal_of(R"({"items":[{"channel":"a","http-stream":{"content":")" + longest + R"(x"}}]})")
            .status == 413);
    sender.room = publish::kMessagesMax;
    REQUIRE_FALSE(post("/publish/", items(publish::kMessagesMax)));
    CHECK(sender.sent.size() == publish::kMessagesMax);
}

TEST_CASE_METHOD(Grip, "deep JSON is no danger", "[grip]") {
    const std::string deep(100'000, '[');
    CHECK(refusal_of(deep).status == 400);
    CHECK(
        refusal_of(R"({"items":[{"channel":)" + deep + std::string(100'000, ']') + "}]}").status ==
        400);
}

TEST_CASE_METHOD(Grip, "all items are sent, or none", "[grip]") {
    using slot::WorkerCounter;
    sender.is_welcomed = false;
    CHECK(refusal_of(items(2)).status == 503);
    sender.is_welcomed = true;
    // One of them would have room.
    sender.window = wire::kSendHeaderBytes + wire::message_bytes(1, 1, 2 + wire::kKeyBytes);
    const http::Answer held = refusal_of(items(2));
    CHECK(held.status == 429);
    CHECK_THAT(held.bytes, Contains("\r\nRetry-After: 1\r\n"));
    CHECK(counters.get(WorkerCounter::kPublishRefusals) == 4);
    sender.window *= 2;
    REQUIRE_FALSE(post("/publish/", items(2)));
    CHECK(sender.sent.size() == 2);
}

TEST_CASE_METHOD(Grip, "it is said when the broker takes some items and not all", "[grip]") {
    sender.room = 1; // it holds senders back in the middle of a request
    REQUIRE_FALSE(post("/publish/", items(2)));
    CHECK(status_of(1) == 0);
    publisher.on_known(1, {.nodes = 1});
    CHECK(status_of(1) == 429);
}

TEST_CASE_METHOD(Grip, "a lost broker leaves it open whether items were published", "[grip]") {
    REQUIRE_FALSE(post("/publish/", items(2)));
    publisher.on_known(1, {.nodes = 1});
    publisher.on_lost();
    CHECK(status_of(1) == 503);
}

TEST_CASE_METHOD(Grip, "a client may wait until the nodes have its items", "[grip]") {
    REQUIRE_FALSE(post("/publish/", items(1), "Zcomet-Wait: nodes\r\n"));
    CHECK(sender.sent[0].confirm == wire::Confirm::kAcknowledgement);
    publisher.on_known(1, {.nodes = 1});
    CHECK(text_of(1) == "Published\n");
    CHECK(post("/publish/", items(1), "Zcomet-Wait: long\r\n")->status == 400);
}

TEST_CASE_METHOD(Grip, "a request may be repeated by its key", "[grip]") {
    const std::string header = "Idempotency-Key: k\r\n";
    const auto key_of = [this](std::size_t n) {
        return std::string(wire::read_attributes(sender.sent[n].attributes).key);
    };
    REQUIRE_FALSE(post("/publish/", items(2), header));
    REQUIRE_FALSE(post("/publish/", items(2), header));
    CHECK_FALSE(key_of(0).empty());
    CHECK(key_of(0) != key_of(1));
    CHECK(key_of(0) == key_of(2));
    CHECK(key_of(1) == key_of(3));
    publisher.on_known(1, {.nodes = 1});
    publisher.on_known(2, {.refusal = wire::Outcome::Refusal::kOtherMessage});
    CHECK(status_of(1) == 422);
    publisher.on_known(3, {.refusal = wire::Outcome::Refusal::kUnderWay});
    publisher.on_known(4, {.nodes = 1});
    CHECK(status_of(2) == 409);
}

} // namespace zcomet::webnode::route::grip_test
