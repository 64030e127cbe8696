// Goal: each request to publish gets one answer, which says what is known of its messages, in
// whatever order that becomes known.
#include "test/unit/webnode/publish/publishing.hpp"
#include "topology/wire/attributes.hpp"
#include "webnode/publish/message_key.hpp"

#include <catch2/catch.hpp>

#include <set>
#include <string>

namespace zcomet::webnode::publish::publisher_test {

TEST_CASE_METHOD(Publishing, "a message is answered when the broker has it", "[publisher]") {
    REQUIRE_FALSE(post("/send/a", "hello"));
    REQUIRE(sender.sent.size() == 1);
    CHECK(sender.sent[0].id == "a");
    CHECK(sender.sent[0].text == "hello");
    CHECK(sender.sent[0].confirm == wire::Confirm::kReceipt);
    CHECK(text_of(1) == "no answer");
    publisher.on_known(1, {.nodes = 2});
    CHECK(text_of(1) == "{\"id\":\"a\",\"nodes\":2}\n");
    CHECK(status_of(1) == 200);
    CHECK(replies[1].type == "application/json");
    CHECK_FALSE(publisher.awaits_any());
}

TEST_CASE_METHOD(Publishing, "202 where nobody has it, or nobody knows", "[publisher]") {
    REQUIRE_FALSE(post("/send/a", "x"));
    REQUIRE_FALSE(post("/send/b", "x"));
    publisher.on_known(1, {.nodes = 0});
    publisher.on_known(2, {});
    CHECK(status_of(1) == 202);
    CHECK(text_of(1) == "{\"id\":\"a\",\"nodes\":0}\n");
    CHECK(status_of(2) == 202);
    CHECK(text_of(2) == "{\"id\":\"b\",\"nodes\":null}\n");
}

TEST_CASE_METHOD(Publishing, "the answer has the cursor of a message that is kept", "[publisher]") {
    REQUIRE_FALSE(post("/send/a", "x"));
    publisher.on_known(1, {.nodes = 0, .epoch = 36, .position = 37});
    CHECK(status_of(1) == 200); // although nobody holds the id
    CHECK(text_of(1) == "{\"id\":\"a\",\"nodes\":0,\"cursor\":\"10-11\"}\n");
    REQUIRE_FALSE(post("/send", "{\"id\":\"a\",\"data\":\"x\"}\n"
                                "{\"ids\":[\"a\",\"b\"],\"data\":\"x\"}"));
    for (std::uint64_t number = 2; number <= 4; ++number) {
        publisher.on_known(number, {.nodes = 1, .epoch = 36, .position = 36 + number});
    }
    CHECK(text_of(2) == "{\"line\":1,\"id\":\"a\",\"nodes\":1,\"cursor\":\"10-12\"}\n"
                        "{\"line\":2,\"nodes\":{\"a\":1,\"b\":1}}\n");
}

namespace {

/// The key of a message that was sent; empty: it has none.
std::string key_of(const FakeSender::Sent& sent) {
    return std::string(wire::read_attributes(sent.attributes).key);
}

} // namespace

TEST_CASE_METHOD(Publishing, "an Idempotency-Key becomes a key of the message and its id",
                 "[publisher]") {
    const std::string header = "Idempotency-Key: 8e03978e-40d5-43e8-bc93-6894a57f9324\r\n";
    REQUIRE_FALSE(post("/send/a", "x"));
    REQUIRE_FALSE(post("/send/a", "x", header));
    REQUIRE_FALSE(post("/send/a", "y", header + "Zcomet-Event: tick\r\n"));
    REQUIRE_FALSE(post("/send/b", "x", header));
    REQUIRE_FALSE(post("/send/a", "x", "Idempotency-Key: another\r\n"));
    CHECK(key_of(sender.sent[0]).empty());
    CHECK(key_of(sender.sent[1]).size() == wire::kKeyBytes);
    CHECK(key_of(sender.sent[2]) == key_of(sender.sent[1])); // the broker compares the messages
    CHECK(wire::read_attributes(sender.sent[2].attributes).event == "tick");
    CHECK(key_of(sender.sent[3]) != key_of(sender.sent[1]));
    CHECK(key_of(sender.sent[4]) != key_of(sender.sent[1]));
    CHECK(key_of(sender.sent[1]) == message_key("a", "8e03978e-40d5-43e8-bc93-6894a57f9324"));
}

TEST_CASE_METHOD(Publishing, "each line of a batch has a key of its own", "[publisher]") {
    const std::string lines =
        "{\"id\":\"a\",\"data\":\"x\"}\n{\"ids\":[\"a\",\"b\"],\"data\":\"x\"}";
    REQUIRE_FALSE(post("/send", lines, "Idempotency-Key: k\r\n"));
    REQUIRE_FALSE(post("/send", lines, "Idempotency-Key: k\r\n"));
    REQUIRE(sender.sent.size() == 6);
    std::set<std::string> keys;
    for (std::size_t n = 0; n < 3; ++n) {
        keys.insert(key_of(sender.sent[n]));
        CHECK(key_of(sender.sent[n]) == key_of(sender.sent[n + 3]));
    }
    CHECK(keys.size() == 3);
    REQUIRE_FALSE(post("/send/a", "x", "Idempotency-Key: k\r\n"));
    CHECK(keys.count(key_of(sender.sent.back())) == 0);
}

TEST_CASE_METHOD(Publishing, "a key that came before with another message, or is under way",
                 "[publisher]") {
    const std::string header = "Idempotency-Key: k\r\n";
    for (int n = 0; n < 2; ++n) {
        REQUIRE_FALSE(post("/send/a", "x", header));
    }
    publisher.on_known(1, {.refusal = wire::Outcome::Refusal::kOtherMessage});
    publisher.on_known(2, {.refusal = wire::Outcome::Refusal::kUnderWay});
    CHECK(status_of(1) == 422);
    CHECK(replies[1].headers.empty()); // trying again does not help
    CHECK(status_of(2) == 409);
    REQUIRE(replies[2].headers.size() == 1);
    CHECK(replies[2].headers[0].name == "Retry-After");
    REQUIRE_FALSE(
        post("/send", "{\"id\":\"a\",\"data\":\"x\"}\n{\"id\":\"b\",\"data\":\"x\"}", header));
    publisher.on_known(3, {.refusal = wire::Outcome::Refusal::kOtherMessage});
    publisher.on_known(4, {.nodes = 1});
    CHECK(text_of(3) ==
          "{\"line\":1,\"id\":\"a\",\"error\":\"this Idempotency-Key came before with "
          "another message\"}\n{\"line\":2,\"id\":\"b\",\"nodes\":1}\n");
}

TEST_CASE_METHOD(Publishing, "an Idempotency-Key has a bound", "[publisher]") {
    REQUIRE_FALSE(post("/send/a", "x", "Idempotency-Key: " + std::string(255, 'k') + "\r\n"));
    const auto answer = post("/send/a", "x", "Idempotency-Key: " + std::string(256, 'k') + "\r\n");
    REQUIRE(answer);
    CHECK(answer->status == 400);
}

TEST_CASE_METHOD(Publishing, "answers come in the order in which they are known", "[publisher]") {
    REQUIRE_FALSE(post("/send/a", "x", "Zcomet-Wait: nodes\r\n"));
    REQUIRE_FALSE(post("/send/a", "y"));
    CHECK(sender.sent[0].confirm == wire::Confirm::kAcknowledgement);
    publisher.on_known(2, {.nodes = 1});
    CHECK(status_of(2) == 200);
    CHECK(status_of(1) == 0);
    publisher.on_known(1, {.nodes = 1});
    CHECK(status_of(1) == 200);
}

TEST_CASE_METHOD(Publishing, "without a broker 503, and 429 while it holds senders back",
                 "[publisher]") {
    sender.is_welcomed = false;
    const auto lost = post("/send/a", "x");
    REQUIRE(lost);
    CHECK(lost->status == 503);
    CHECK(lost->bytes.find("\r\nRetry-After: 1\r\n") != std::string::npos);
    sender.is_welcomed = true;
    sender.room = 0;
    const auto held = post("/send/a", "x");
    REQUIRE(held);
    CHECK(held->status == 429);
    CHECK(held->bytes.find("\r\nRetry-After: 1\r\n") != std::string::npos);
    CHECK(counters.get(slot::WorkerCounter::kPublishRefusals) == 2);
    CHECK(counters.get(slot::WorkerCounter::kPublished) == 0);
}

TEST_CASE_METHOD(Publishing, "a lost broker ends what has no acknowledgement to come",
                 "[publisher]") {
    REQUIRE_FALSE(post("/send/a", "x"));
    REQUIRE_FALSE(post("/send/a", "y", "Zcomet-Wait: nodes\r\n"));
    publisher.on_lost();
    CHECK(status_of(1) == 503);
    CHECK(counters.get(slot::WorkerCounter::kPublishLost) == 1);
    CHECK(status_of(2) == 0);
    publisher.on_known(1, {.nodes = 1}); // too late
    publisher.on_known(2, {.nodes = 1});
    CHECK(status_of(2) == 200);
    CHECK(replies.size() == 2);
}

TEST_CASE_METHOD(Publishing, "one of several brokers that is lost ends only its own messages",
                 "[publisher]") {
    REQUIRE_FALSE(post("/send/1", "a"));
    REQUIRE_FALSE(post("/send/2", "b"));
    publisher.on_unknown(1);
    publisher.on_unknown(9);
    CHECK(status_of(1) == 503);
    CHECK(status_of(2) == 0);
    publisher.on_known(2, {.nodes = 1});
    CHECK(status_of(2) == 200);
}

TEST_CASE_METHOD(Publishing, "what is no message is refused", "[publisher]") {
    const auto status = [this](const std::string& path, const std::string& body,
                               const std::string& headers = "") {
        const auto answer = post(path, body, headers);
        return answer ? answer->status : 0;
    };
    CHECK(status("/send/a%20b", "x") == 400);
    CHECK(status("/send/a", "\xFF") == 415);
    CHECK(status("/send/a", "x", "Zcomet-Wait: for it\r\n") == 400);
    CHECK(status("/send/a", "x", "Zcomet-Event: " + std::string(129, 'e') + "\r\n") == 400);
    CHECK(status("/send/a", "x", "Zcomet-Event: \xFF\r\n") == 400);
    CHECK(status("/send/a/b", "x") == 400);
    CHECK(status("/other", "x") == 404);
    CHECK(sender.sent.empty());
}

TEST_CASE_METHOD(Publishing, "a message may be one of a kind", "[publisher]") {
    REQUIRE_FALSE(post("/send/a", "x", "Zcomet-Event: tick\r\n"));
    REQUIRE_FALSE(post("/send", "{\"id\":\"a\",\"data\":\"y\",\"event\":\"tock\"}"));
    REQUIRE_FALSE(post("/send/a", "z"));
    REQUIRE(sender.sent.size() == 3);
    CHECK(wire::read_attributes(sender.sent[0].attributes).event == "tick");
    CHECK(wire::read_attributes(sender.sent[1].attributes).event == "tock");
    CHECK(sender.sent[2].attributes.empty());
}

TEST_CASE_METHOD(Publishing, "an empty message is one", "[publisher]") {
    REQUIRE_FALSE(post("/send/a", ""));
    CHECK(sender.sent[0].text.empty());
}

TEST_CASE_METHOD(Publishing, "many messages are answered together, a line each", "[publisher]") {
    REQUIRE_FALSE(post("/send", "{\"id\":\"a\",\"data\":\"1\"}\n"
                                "{\"ids\":[\"b\",\"c\"],\"data\":\"2\"}\n"
                                "{\"id\":\"a b\",\"data\":\"3\"}\n"
                                "{\"id\":\"d\",\"data\":4}\n"
                                "nonsense\n"
                                "{\"id\":\"e\",\"data\":\"6\",\"event\":7}\n"
                                "{\"data\":\"7\"}\n"
                                "{\"id\":\"f\",\"data\":\"8\"}"));
    REQUIRE(sender.sent.size() == 4);
    publisher.on_known(4, {.nodes = 1});
    publisher.on_known(2, {.nodes = 2});
    publisher.on_known(1, {.nodes = 1});
    CHECK(status_of(1) == 0);
    publisher.on_known(3, {.nodes = 0});
    CHECK(status_of(1) == 200);
    CHECK(replies[1].type == "application/x-ndjson");
    CHECK(text_of(1) ==
          "{\"line\":1,\"id\":\"a\",\"nodes\":1}\n"
          "{\"line\":2,\"nodes\":{\"b\":2,\"c\":0}}\n"
          "{\"line\":3,\"error\":\"the id has a character outside A-Z a-z 0-9 . _ ~ : @ -\"}\n"
          "{\"line\":4,\"error\":\"\\\"data\\\" is the message, a string\"}\n"
          "{\"line\":5,\"error\":\"this is no JSON object\"}\n"
          "{\"line\":6,\"error\":\"the name of an event has 1 to 128 bytes\"}\n"
          "{\"line\":7,\"error\":\"an \\\"id\\\", or \\\"ids\\\" with 1 to 100 of them, is "
          "wanted\"}\n"
          "{\"line\":8,\"id\":\"f\",\"nodes\":1}\n");
}

TEST_CASE_METHOD(Publishing, "a line that is refused does not harm the others", "[publisher]") {
    sender.room = 1;
    REQUIRE_FALSE(
        post("/send", "{\"id\":\"a\",\"data\":\"1\"}\n{\"ids\":[\"b\"],\"data\":\"2\"}\n"));
    publisher.on_known(1, {.nodes = 1});
    CHECK(text_of(1) == "{\"line\":1,\"id\":\"a\",\"nodes\":1}\n"
                        "{\"line\":2,\"id\":\"b\",\"error\":\"the broker holds senders back; try "
                        "again in a moment\"}\n");
}

TEST_CASE_METHOD(Publishing, "a line may be nested as deep as fits into a request", "[publisher]") {
    const std::string deep = std::string(500'000, '[') + std::string(500'000, ']');
    for (const std::string name : {"id", "ids", "data", "event"}) {
        REQUIRE_FALSE(post("/send", "{\"" + name + "\":" + deep + "}"));
        CHECK(text_of(tickets).find("\"error\"") != std::string::npos);
    }
    CHECK(sender.sent.empty());
}

TEST_CASE_METHOD(Publishing, "a request without any message is answered at once", "[publisher]") {
    REQUIRE_FALSE(post("/send", "{}"));
    CHECK(status_of(1) == 200);
    REQUIRE_FALSE(post("/send", ""));
    CHECK(text_of(2).empty());
}

TEST_CASE_METHOD(Publishing, "a message too long for one is refused alone", "[publisher]") {
    const std::string longest(wire::kPayloadBytesMax, 'x');
    REQUIRE_FALSE(post("/send", "{\"id\":\"a\",\"data\":\"" + longest +
                                    "\"}\n{\"id\":\"a\",\"data\":\"" + longest + "x\"}\n"));
    REQUIRE(sender.sent.size() == 1);
    publisher.on_known(1, {.nodes = 1});
    CHECK(text_of(1).find("{\"line\":2,\"error\":\"a message has at most 65536 bytes\"}\n") !=
          std::string::npos);
}

TEST_CASE_METHOD(Publishing, "a request has a thousand messages at most", "[publisher]") {
    sender.room = 2 * kMessagesMax;
    std::string ids = "\"i\"";
    for (int i = 1; i < 100; ++i) {
        ids += ",\"i\"";
    }
    std::string lines;
    for (std::size_t i = 0; i < kMessagesMax; i += 100) {
        lines += "{\"ids\":[" + ids + "],\"data\":\"x\"}\n";
    }
    SECTION("of which ids count each") {
        REQUIRE_FALSE(post("/send", lines));
        CHECK(sender.sent.size() == kMessagesMax);
        const auto answer = post("/send", lines + "{\"id\":\"a\",\"data\":\"x\"}");
        REQUIRE(answer);
        CHECK(answer->status == 413);
    }
    SECTION("and lines with mistakes, too") {
        const auto answer = post("/send", lines + "\n");
        REQUIRE(answer);
        CHECK(answer->status == 413);
        CHECK(sender.sent.empty());
    }
}

TEST_CASE_METHOD(Publishing, "only so many messages wait for their answers", "[publisher]") {
    sender.room = 2 * Publisher::kUnansweredMax;
    std::string line = "{\"id\":\"i\",\"data\":\"x\"}\n";
    std::string lines;
    for (std::size_t i = 0; i < 512; ++i) {
        lines += line;
    }
    for (std::size_t i = 0; i < Publisher::kUnansweredMax; i += 512) {
        REQUIRE_FALSE(post("/send", lines));
    }
    const auto refused = post("/send/a", "x");
    REQUIRE(refused);
    CHECK(refused->status == 429);
    publisher.on_known(1, {.nodes = 1});
    REQUIRE_FALSE(post("/send", line + line));
    CHECK(sender.sent.size() == Publisher::kUnansweredMax + 1);
    CHECK(counters.get(slot::WorkerCounter::kPublishRefusals) == 2);
}

} // namespace zcomet::webnode::publish::publisher_test
