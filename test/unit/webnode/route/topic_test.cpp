#include "topology/wire/id.hpp"
#include "webnode/route/topic.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace zcomet::webnode::route::topic_test {

TEST_CASE("a topic that is an id stands for itself", "[topic]") {
    for (const auto& id : std::vector<std::string>{"a", "chat.1", "~x", std::string(64, 'x')}) {
        CHECK(id_of_topic(id) == id);
    }
}

// The ids as other programs compute them:
// printf %s TOPIC | openssl dgst -sha256 -binary | basenc --base64url | tr -d =
TEST_CASE("any other topic has an id of its own", "[topic]") {
    CHECK(id_of_topic("a/b") == "~wUzdwDP2S53qgOpnXPKAoBXmclFgkKViZ4EVPcaP6hE");
    CHECK(id_of_topic("https://example.org/Gr\xC3\xBC\xC3\x9F"
                      "e?a=1#b") == "~J3-TMwEUBTm6JBNQJIwf58GURbnPt_I2Kmfq2-BGQuI");
    CHECK(id_of_topic(std::string(65, 'x')) == "~lTfF_fEgSC99WNJentWD9SwCtOME6oFNsWM61WWu1-k");
    for (const std::string topic : {"a/b", "a b", "$SYS"}) {
        CHECK(id_of_topic(topic).size() == 44);
        CHECK(wire::valid_id(id_of_topic(topic)));
    }
}

} // namespace zcomet::webnode::route::topic_test
