// Goal: clients of Mercure subscribe and publish here, and are told of their mistakes as its
// specification says.
#include "test/unit/webnode/publish/publishing.hpp"
#include "topology/wire/attributes.hpp"
#include "topology/wire/id.hpp"
#include "webnode/route/mercure.hpp"
#include "webnode/route/topic.hpp"
#include "webnode/stream/stream_table.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace zcomet::webnode::route {
namespace {

using Ids = std::vector<std::string>;
using Catch::Matchers::Contains;

const std::string kMercure = "/.well-known/mercure";
const std::string kForm = "Content-Type: application/x-www-form-urlencoded\r\n";
const std::string kBook = "https://example.com/books/1";

struct Opened {
    http::Answer answer;
    request::Outcome outcome;
};

Opened subscribe(const std::string& query, const std::string& headers = "") {
    request::Routes routes(route::routes(), 1);
    Opened opened;
    opened.answer =
        routes.handle("GET " + kMercure + query + " HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n", {},
                      opened.outcome);
    return opened;
}

Ids ids_of(const Opened& opened) {
    Ids ids;
    opened.outcome.ids.list().for_each([&ids](std::string_view id) { ids.emplace_back(id); });
    return ids;
}

struct Hub : publish::Publishing {
    std::optional<http::Answer> publish_form(const std::string& form) {
        return post(kMercure, form, kForm);
    }
    int status_of_form(const std::string& form) {
        const auto answer = publish_form(form);
        REQUIRE(answer);
        CHECK(sender.sent.empty());
        return answer->status;
    }
};

} // namespace

TEST_CASE("a subscriber names its topics in each release's way", "[mercure]") {
    for (const char* const name : {"topic", "match", "match_exact", "matchExact"}) {
        CAPTURE(name);
        const Opened opened =
            subscribe("?" + std::string(name) + "=https%3A%2F%2Fexample.com%2Fbooks%2F1&" + name +
                      "=chat&x=1&" + name + "=chat");
        REQUIRE(opened.outcome.format != nullptr);
        CHECK(opened.outcome.format->name() == "events");
        CHECK(ids_of(opened) == Ids{id_of_topic(kBook), "chat"});
        CHECK_THAT(opened.answer.bytes, Contains("\r\nContent-Type: text/event-stream\r\n"));
        CHECK_THAT(opened.answer.bytes, !Contains("Last-Event-ID"));
    }
}

TEST_CASE("a subscription to what no update has is refused", "[mercure]") {
    std::string many = "?";
    for (std::size_t n = 0; n <= stream::kIdsOfStreamMax; ++n) {
        many += "match=" + std::to_string(n) + "&";
    }
    for (const std::string& bad :
         {std::string(), std::string("?"), std::string("?topic="), std::string("?match=*"),
          std::string("?topic=*"), std::string("?topic=https://a/%7Bid%7D"),
          std::string("?matchURLPattern=a"), std::string("?MATCH=a"), std::string("?matches=a"),
          std::string("?match=a&match_urlpattern=b"), std::string("?match=a%0Ab"),
          std::string("?match=%ff"), std::string("?match=a%C2%85"),
          std::string("?match=/.well-known/mercure/subscriptions"),
          "?match=" + std::string(kTopicBytesMax + 1, 'a'), many}) {
        CAPTURE(bad);
        const Opened opened = subscribe(bad);
        CHECK(opened.answer.status == 400);
        CHECK_THAT(opened.answer.bytes, Contains("Bearer error=\"invalid_request\""));
        CHECK(opened.outcome.format == nullptr);
    }
    CHECK(subscribe("?match=a%7Bid%7D").answer.status == 200); // no template in this release
    CHECK(subscribe("?match=" + std::string(kTopicBytesMax, 'a')).answer.status == 200);
}

TEST_CASE("a subscriber goes on where it was, or from the beginning", "[mercure]") {
    const Opened by_header = subscribe("?match=a&lastEventID=2-2", "Last-Event-ID: 1-1\r\n");
    CHECK(by_header.outcome.beginning.cursor == history::Cursor{1, 1});
    CHECK_THAT(by_header.answer.bytes, Contains("\r\nLast-Event-ID: earliest\r\n"));
    CHECK_THAT(by_header.answer.bytes, Contains("\r\nMercure-Last-Event-ID: earliest\r\n"));
    for (const char* const name : {"lastEventID", "last_event_id"}) {
        const Opened opened = subscribe("?match=a&" + std::string(name) + "=2-2");
        CHECK(opened.outcome.beginning.cursor == history::Cursor{2, 2});
        CHECK_THAT(opened.answer.bytes, Contains("\r\nLast-Event-ID: earliest\r\n"));
        const Opened earliest = subscribe("?match=a&" + std::string(name) + "=earliest");
        CHECK(earliest.outcome.beginning.from_earliest);
        CHECK_FALSE(earliest.outcome.beginning.has_bad_cursor);
    }
    CHECK(subscribe("?match=a&lastEventID=urn:uuid:1").outcome.beginning.has_bad_cursor);
}

TEST_CASE_METHOD(Hub, "an update is published, and its id told once the broker has it",
                 "[mercure]") {
    REQUIRE_FALSE(publish_form("topic=https%3A%2F%2Fexample.com%2Fbooks%2F1&data=one+%C3%BC%0Atwo&"
                               "type=changed&retry=10&unknown=x"));
    REQUIRE(sender.sent.size() == 1);
    CHECK(sender.sent[0].id == id_of_topic(kBook));
    CHECK(sender.sent[0].text == "one \xC3\xBC\ntwo");
    CHECK(sender.sent[0].attributes == wire::encode({.event = "changed"}));
    CHECK(status_of(1) == 0);
    publisher.on_known(1, {.nodes = 0});
    CHECK(status_of(1) == 200);
    CHECK(replies[1].type == http::kPlainText);
    const std::string id = text_of(1);
    CHECK(id.size() == std::string("urn:uuid:").size() + 36);
    CHECK(id.starts_with("urn:uuid:"));
    CHECK(id[23] == '4'); // the version
    CHECK(std::string("89ab").find(id[28]) != std::string::npos);
}

TEST_CASE_METHOD(Hub, "an update that is kept has its cursor as its id", "[mercure]") {
    REQUIRE_FALSE(publish_form("topic=a&topic=b&topic=a&data=x&id=mine"));
    REQUIRE(sender.sent.size() == 2);
    CHECK(sender.sent[1].id == "b");
    publisher.on_known(2, {.nodes = 1, .epoch = 7, .position = 40});
    publisher.on_known(1, {.nodes = 1, .epoch = 7, .position = 39});
    CHECK(text_of(1) == history::text_of({7, 40}));
    REQUIRE_FALSE(publish_form("topic=a&data=x&id=mine"));
    publisher.on_known(3, {.nodes = 1});
    CHECK(text_of(2) == "mine");
    CHECK_FALSE(publish_form("topic=a")); // without data
    CHECK(sender.sent.back().text.empty());
}

TEST_CASE_METHOD(Hub, "a private update goes to an id that no request names", "[mercure]") {
    for (const char* const field : {"private", "private=on", "private="}) {
        REQUIRE_FALSE(publish_form("topic=a&topic=https://b&data=x&" + std::string(field)));
        REQUIRE(sender.sent.size() >= 2);
        CHECK(sender.sent[0].id == "~:a");
        CHECK(sender.sent[1].id == "~:" + id_of_topic("https://b"));
        CHECK(wire::read_attributes(sender.sent[0].attributes).is_private);
        sender.sent.clear();
    }
    for (const char* const target :
         {"/test/~:a", "/events/~:a", "/lines?id=a&id=~:a", "/poll/~:a"}) {
        request::Routes of_browsers(route::routes(), 1);
        request::Outcome outcome;
        const auto answer = of_browsers.handle(
            "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n", {}, outcome);
        CHECK(answer.status == 403);
        CHECK(outcome.ids.count() == 0);
    }
    CHECK(ids_of(subscribe("?match=~:a")) == Ids{id_of_topic("~:a")});
}

TEST_CASE_METHOD(Hub, "a form with a mistake publishes nothing", "[mercure]") {
    std::string many;
    for (std::size_t n = 0; n <= stream::kIdsOfStreamMax; ++n) {
        many += "topic=" + std::to_string(n) + "&";
    }
    for (const std::string& bad :
         {std::string(),
          std::string("data=x"),
          std::string("topic=&data=x"),
          std::string("topic=*&data=x"),
          std::string("topic=a%00&data=x"),
          std::string("topic=/.well-known/mercure"),
          std::string("topic=a&topic=*"),
          std::string("topic=https://h:1/.well-known/mercure/subscriptions/a&data=x"),
          std::string("topic=//h/.well-known/mercure?a&data=x"),
          std::string("topic=a&data=%ff"),
          std::string("topic=a&type=mercure"),
          std::string("topic=a&type=a%0Ab"),
          std::string("topic=a&id=%231"),
          std::string("topic=a&id=earliest"),
          std::string("topic=a&id=a%0D"),
          std::string("topic=a&id=%ff"),
          "topic=a&id=" + std::string(256, 'a'),
          std::string("topic=a&retry=1s"),
          std::string("topic=a&retry=-1"),
          std::string("topic=a&data=%4"),
          many}) {
        CAPTURE(bad);
        CHECK(status_of_form(bad) == 400);
    }
    CHECK(post(kMercure, "topic=a&data=x")->status == 400); // the type is not said
    CHECK(post(kMercure, "topic=a", "Content-Type: application/json\r\n")->status == 400);
    CHECK(sender.sent.empty());
    CHECK_FALSE(publish_form("topic=/.well-known/mercurean&data=x"));
    CHECK_FALSE(publish_form("topic=a&data=x&id=&type=&retry="));
}

TEST_CASE_METHOD(Hub, "an update has a bound, which counts for each topic", "[mercure]") {
    CHECK(status_of_form("topic=a&data=" + std::string(65'537, 'x')) == 413);
    CHECK(status_of_form("topic=a&topic=b&topic=c&data=" + std::string(65'536, 'x')) == 413);
    CHECK_FALSE(publish_form("topic=a&data=" + std::string(65'536, 'x')));
    std::string escaped;
    for (int n = 0; n < 65'536; ++n) {
        escaped += "%41";
    }
    CHECK_FALSE(publish_form("topic=a&data=" + escaped));
    CHECK_FALSE(publish_form("topic=a&topic=b&data=" + std::string(65'000, 'x')));
}

TEST_CASE("ids of topics and of their private updates are apart", "[topic]") {
    CHECK(private_id_of_topic("a") == "~:a");
    CHECK(private_id_of_topic("a/b") == "~:" + id_of_topic("a/b"));
    for (const std::string& topic :
         {std::string("a"), std::string("~:a"), std::string("~:~:a"), std::string("~a"),
          std::string(62, 'x'), std::string(63, 'x'), std::string(64, 'x'), std::string(65, 'x')}) {
        CAPTURE(topic);
        CHECK(wire::valid_id(private_id_of_topic(topic)));
        CHECK(private_id_of_topic(topic).starts_with("~:"));
        CHECK_FALSE(id_of_topic(topic).starts_with("~:"));
    }
}

} // namespace zcomet::webnode::route
