// Goal: a sender's tag is found again in the chunk that a stream shows.
#include "tools/logs/message_tag.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace message_tag_test {

using namespace zcomet;
using namespace zcomet::tools;
using namespace zcomet::tools::logs;

TEST_CASE("a tag is found in the message, after any text", "[message_tag]") {
    std::string message = "text by=nobody/7 by= more";
    append_tag(message, {"5f3a9c1e", 18'446'744'073'709'551'615U});
    CHECK(message == "text by=nobody/7 by= more by=5f3a9c1e/18446744073709551615");
    CHECK(find_tag(message) == MessageTag{"5f3a9c1e", 18'446'744'073'709'551'615U});
    CHECK(find_tag("Recvd msg #3: 'x by=a.b/12 ts=99'<br/>\n") == MessageTag{"a.b", 12});
    CHECK(find_tag(" by=a/1'<br/>\n") == MessageTag{"a", 1});
    CHECK(message.size() == std::string("text by=nobody/7 by= more").size() + tag_bytes_max(8));
}

TEST_CASE("text that is not a tag is not taken for one", "[message_tag]") {
    for (const char* const text : {"", "text", " by=", " by=/1", " by=a", " by=a/", " by=a/x",
                                   " by=a b/1", "by=a/1", " by=a/18446744073709551616"}) {
        INFO(text);
        CHECK_FALSE(find_tag(text));
    }
}

TEST_CASE("a chunk says its number", "[message_tag]") {
    CHECK(number_on_stream("Recvd msg #1: 'x'<br/>\n") == 1U);
    CHECK(number_on_stream("Recvd msg #4294967295: ''<br/>\n") == 4'294'967'295U);
    for (const char* const text : {"", "Recvd msg #", "Recvd msg #x: '", "Recvd msg #1",
                                   "Recvd msg #4294967296: '", "recvd msg #1: 'x'"}) {
        INFO(text);
        CHECK_FALSE(number_on_stream(text));
    }
}

} // namespace message_tag_test
