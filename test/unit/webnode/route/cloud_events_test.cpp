// Goal: a CloudEvent is published in each of its forms, with all that the message is to have; what
// is no CloudEvent is refused in a sentence.
#include "test/unit/webnode/publish/publishing.hpp"
#include "topology/wire/attributes.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace zcomet::webnode::route::cloud_events_test {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;

const std::string kStructured = "Content-Type: application/cloudevents+json\r\n";
const std::string kBatch = "Content-Type: application/cloudevents-batch+json\r\n";
const std::string kBinary = "ce-specversion: 1.0\r\nce-id: 7\r\nce-source: /s\r\nce-type: tick\r\n";

/// An event as JSON, with these members beside the required ones.
std::string event(const std::string& members) {
    return R"({"specversion":"1.0","id":"7","source":"/s","type":"tick")" +
           (members.empty() ? "" : "," + members) + "}";
}

struct Events : publish::Publishing {
    /// @return the message of an event with these members.
    std::string message_of(const std::string& members) {
        REQUIRE_FALSE(post("/send/a", event(members), kStructured));
        REQUIRE_FALSE(sender.sent.empty());
        CHECK(sender.sent.back().id == "a");
        CHECK(event_of_last() == "tick");
        return sender.sent.back().text;
    }
    std::string event_of_last() {
        return std::string(wire::read_attributes(sender.sent.back().attributes).event);
    }
    std::string refusal(int status, const std::string& path, const std::string& body,
                        const std::string& headers) {
        const std::size_t before = sender.sent.size();
        const auto answer = post(path, body, headers);
        REQUIRE(answer);
        CHECK(answer->status == status);
        CHECK(sender.sent.size() == before);
        return answer->bytes;
    }
};

} // namespace

TEST_CASE_METHOD(Events, "an event's data is the message", "[cloud_events]") {
    CHECK(message_of(R"("data":"a \"text\"\n")") == "a \"text\"\n");
    CHECK(message_of(R"("data":{ "b" : [ 1.50, 12345678901234567890123, null ],
                                 "a":"\u00e9 [ ,"})") ==
          R"({"b":[1.50,12345678901234567890123,null],"a":"\u00e9 [ ,"})");
    CHECK(message_of(R"("data": 5 )") == "5");
    CHECK(message_of(R"("data":false)") == "false");
    CHECK(message_of(R"("data":[])") == "[]");
    CHECK(message_of(R"("data":null)").empty());
    CHECK(message_of("").empty());
    CHECK(message_of(R"("data_base64":"R3LDvMOfZQ==")") == "Grüße");
    CHECK(message_of(R"("data":"x","data_base64":null)") == "x");
}

TEST_CASE_METHOD(Events, "an event is answered as a message is", "[cloud_events]") {
    REQUIRE_FALSE(post("/send/a", event(R"("data":"x")"), kStructured));
    publisher.on_known(1, {.nodes = 2});
    CHECK(text_of(1) == "{\"id\":\"a\",\"nodes\":2}\n");
    REQUIRE_FALSE(post("/send/a", event(""), kStructured + "Zcomet-Wait: nodes\r\n"));
    CHECK(sender.sent[1].confirm == wire::Confirm::kAcknowledgement);
    sender.room = 0;
    CHECK_THAT(refusal(429, "/send/a", event(""), kStructured), Contains("Retry-After: 1"));
}

TEST_CASE_METHOD(Events, "the type of the body may be written in other ways", "[cloud_events]") {
    for (const std::string type :
         {"application/cloudevents+json; charset=utf-8", "Application/CloudEvents+JSON ;a=b"}) {
        REQUIRE_FALSE(post("/send/a", event(R"("data":"x")"), "Content-Type: " + type + "\r\n"));
        CHECK(sender.sent.back().text == "x");
    }
}

TEST_CASE_METHOD(Events, "without an id in the path the subject is it", "[cloud_events]") {
    REQUIRE_FALSE(post("/send", event(R"("subject":"b","data":"x")"), kStructured));
    CHECK(sender.sent.back().id == "b");
    REQUIRE_FALSE(post("/send/a", event(R"("subject":"b/c","data":"x")"), kStructured));
    CHECK(sender.sent.back().id == "a");
    CHECK_THAT(refusal(400, "/send", event(""), kStructured), Contains("\"subject\""));
    CHECK_THAT(refusal(400, "/send", event(R"("subject":"b/c")"), kStructured),
               Contains("a character outside"));
    CHECK_THAT(refusal(400, "/send/b%2Fc", event(""), kStructured),
               Contains("a character outside"));
}

TEST_CASE_METHOD(Events, "headers make a body an event", "[cloud_events]") {
    REQUIRE_FALSE(post("/send/a", "{ }", kBinary + "Content-Type: application/json\r\n"));
    CHECK(sender.sent.back().text == "{ }"); // as it came
    CHECK(event_of_last() == "tick");
    REQUIRE_FALSE(post("/send", "x", kBinary + "ce-subject: b\r\n"));
    CHECK(sender.sent.back().id == "b");
    CHECK_THAT(refusal(400, "/send", "x", kBinary), Contains("\"subject\""));
    CHECK_THAT(refusal(415, "/send/a", "\xFF", kBinary), Contains("not UTF-8"));
    const std::string longest(wire::kPayloadBytesMax, 'x');
    REQUIRE_FALSE(post("/send", longest, kBinary + "ce-subject: b\r\n"));
    CHECK_THAT(refusal(413, "/send", longest + "x", kBinary + "ce-subject: b\r\n"),
               Contains("65536"));
}

TEST_CASE_METHOD(Events, "headers have escapes, and may be quoted", "[cloud_events]") {
    const auto type_of = [this](const std::string& value) {
        REQUIRE_FALSE(
            post("/send/a", "x",
                 "ce-specversion: 1.0\r\nce-id: 7\r\nce-source: /s\r\nce-type: " + value + "\r\n"));
        return event_of_last();
    };
    CHECK(type_of("gr%C3%bc%20n") == "grü n");
    CHECK(type_of("50%") == "50%");
    CHECK(type_of("%4x%4") == "%4x%4");
    CHECK(type_of(R"("a \"b\" %41")") == "a \"b\" A");
    CHECK(type_of("\"") == "\"");
    CHECK_THAT(refusal(400, "/send/a", "x",
                       "ce-specversion: 1.0\r\nce-id: 7\r\nce-source: /s\r\nce-type: %FF\r\n"),
               Contains("not UTF-8"));
}

TEST_CASE_METHOD(Events, "an event that comes again is known by its source and id",
                 "[cloud_events]") {
    const auto key_of = [this](const std::string& headers) {
        REQUIRE_FALSE(post("/send/a", "x", headers));
        return std::string(wire::read_attributes(sender.sent.back().attributes).key);
    };
    const std::string key = key_of(kBinary);
    CHECK(key.size() == wire::kKeyBytes);
    CHECK(key_of(kBinary) == key);
    CHECK(key_of("ce-specversion: 1.0\r\nce-id: 8\r\nce-source: /s\r\nce-type: tick\r\n") != key);
    CHECK(key_of("ce-specversion: 1.0\r\nce-id: 7\r\nce-source: /t\r\nce-type: tick\r\n") != key);
    message_of(R"("data":"x")");
    CHECK(wire::read_attributes(sender.sent.back().attributes).key == key); // in another form
    REQUIRE_FALSE(post("/send", "[" + event(R"("subject":"a")") + "]", kBatch));
    CHECK(wire::read_attributes(sender.sent.back().attributes).key == key);
}

TEST_CASE_METHOD(Events, "an event without what each has is refused", "[cloud_events]") {
    const std::string all = R"({"specversion":"1.0","id":"7","source":"/s","type":"tick"})";
    REQUIRE_FALSE(post("/send/a", all, kStructured));
    for (const std::string name : {"specversion", "id", "source", "type"}) {
        std::string body = all;
        body.replace(body.find('"' + name + '"') + 1, name.size(), "other");
        const std::string sentence =
            ": the attribute \"" + name + "\" of a CloudEvent is missing, or is no text\n";
        CHECK_THAT(refusal(400, "/send/a", body, kStructured), EndsWith(sentence));
        body = all;
        const std::size_t value = body.find("\":\"", body.find('"' + name + '"')) + 2;
        body.replace(value, body.find('"', value + 1) - value + 1, "7");
        CHECK_THAT(refusal(400, "/send/a", body, kStructured), EndsWith(sentence));
        std::string headers = kBinary;
        headers.replace(headers.find("ce-" + name) + 3, name.size(), "other");
        CHECK_THAT(refusal(400, "/send/a", "x", headers), EndsWith(sentence));
    }
    CHECK_THAT(refusal(400, "/send/a",
                       R"({"specversion":"0.3","id":"7","source":"/s","type":"tick"})",
                       kStructured),
               Contains("version 1.0"));
}

TEST_CASE_METHOD(Events, "a type is the name of an event", "[cloud_events]") {
    const auto with_type = [](const std::string& type) {
        return R"({"specversion":"1.0","id":"7","source":"/s","type":")" + type + "\"}";
    };
    REQUIRE_FALSE(post("/send/a", with_type(std::string(128, 't')), kStructured));
    CHECK_THAT(refusal(400, "/send/a", with_type(std::string(129, 't')), kStructured),
               Contains("1 to 128 bytes"));
    CHECK_THAT(refusal(400, "/send/a", with_type("a\\nb"), kStructured),
               Contains("control characters"));
}

TEST_CASE_METHOD(Events, "data that is no text is refused", "[cloud_events]") {
    const auto refuse = [this](int status, const std::string& members) {
        return refusal(status, "/send/a", event(members), kStructured);
    };
    CHECK_THAT(refuse(415, R"("data_base64":"/w==")"), Contains("not UTF-8"));
    CHECK_THAT(refuse(400, R"("data_base64":"*")"), Contains("base64"));
    CHECK_THAT(refuse(400, R"("data_base64":5)"), Contains("base64"));
    CHECK_THAT(refuse(400, R"("data":"x","data_base64":"eA==")"), Contains("instead of"));
    refuse(413, "\"data\":\"" + std::string(wire::kPayloadBytesMax + 1, 'x') + "\"");
}

TEST_CASE_METHOD(Events, "what is no JSON object is no event", "[cloud_events]") {
    for (const std::string body : {"", "x", "5", "[]", "{\"id\":}", "{} {}", "\"{}\""}) {
        CHECK_THAT(refusal(400, "/send/a", body, kStructured),
                   EndsWith(": the body is no JSON object\n"));
    }
    CHECK_THAT(refusal(400, "/send/a", "{\"data\":\"\xFF\"}", kStructured),
               Contains("no JSON object"));
}

TEST_CASE_METHOD(Events, "forms that are neither JSON nor headers are refused", "[cloud_events]") {
    for (const std::string type : {"application/cloudevents+xml", "application/cloudevents"}) {
        CHECK_THAT(refusal(415, "/send/a", "x", "Content-Type: " + type + "\r\n"),
                   Contains("no other form"));
    }
    REQUIRE_FALSE(post("/send/a", "x", "Content-Type: application/cloud\r\n"));
}

TEST_CASE_METHOD(Events, "a batch is answered with a line for each event", "[cloud_events]") {
    REQUIRE_FALSE(post("/send",
                       " [ " + event(R"("subject":"a","data":"1")") + " , 5, " +
                           event(R"("data":"2")") + "," +
                           event(R"("subject":"b","data":{"x":[1, 2]})") + " ] ",
                       kBatch));
    REQUIRE(sender.sent.size() == 2);
    CHECK(sender.sent[0].text == "1");
    CHECK(sender.sent[1].text == R"({"x":[1,2]})");
    publisher.on_known(1, {.nodes = 1});
    publisher.on_known(2, {.nodes = 0});
    CHECK(text_of(1) == "{\"line\":1,\"id\":\"a\",\"nodes\":1}\n"
                        "{\"line\":2,\"error\":\"this is no JSON object\"}\n"
                        "{\"line\":3,\"error\":\"the \\\"subject\\\" of a CloudEvent is the id, "
                        "unless the path of the request has one\"}\n"
                        "{\"line\":4,\"id\":\"b\",\"nodes\":0}\n");
    REQUIRE_FALSE(post("/send", "[]", kBatch));
    CHECK(text_of(2).empty());
    CHECK(status_of(2) == 200);
}

TEST_CASE_METHOD(Events, "what is no batch is refused", "[cloud_events]") {
    CHECK_THAT(refusal(400, "/send", event(R"("subject":"a")"), kBatch), Contains("no list"));
    CHECK_THAT(refusal(400, "/send", "[1,", kBatch), Contains("no list"));
    CHECK_THAT(refusal(400, "/send/a", "[]", kBatch), Contains("goes to /send"));
    std::string many = "[0";
    for (std::size_t i = 0; i < publish::kMessagesMax; ++i) {
        many += ",0";
    }
    CHECK_THAT(refusal(413, "/send", many + "]", kBatch), Contains("1000 messages"));
}

TEST_CASE_METHOD(Events, "deep data is no danger", "[cloud_events]") {
    const std::string deep = std::string(30'000, '[') + std::string(30'000, ']');
    CHECK(message_of("\"data\":" + deep) == deep);
    CHECK_THAT(refusal(400, "/send/a", event("\"id\":" + deep), kStructured),
               Contains("\"id\" of a CloudEvent"));
    REQUIRE_FALSE(post("/send", deep, kBatch));
    CHECK_THAT(text_of(tickets), Contains("\"error\":\"this is no JSON object\""));
}

} // namespace zcomet::webnode::route::cloud_events_test
