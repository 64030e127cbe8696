#include "topology/link/zap_request.hpp"

#include <catch2/catch.hpp>

namespace zap_request_test {

using namespace zcomet::link;

namespace {

using Frames = std::vector<std::string>;

const std::string kKey(32, 'k');

Frames request() {
    return {"", "1.0", "7", "peers", "192.0.2.1", "identity", "CURVE", kKey};
}

} // namespace

TEST_CASE("a request about a key is read", "[zap]") {
    const Frames frames = request();
    const auto read = read_zap_request(frames);
    REQUIRE(read.has_value());
    CHECK(read->number == "7");
    CHECK(read->domain == "peers");
    CHECK(read->address == "192.0.2.1");
    CHECK(read->key == kKey);
}

TEST_CASE("anything else is no request", "[zap]") {
    for (std::size_t size = 0; size < request().size(); ++size) {
        Frames frames = request();
        frames.resize(size);
        CHECK_FALSE(read_zap_request(frames).has_value());
    }
    const auto [at, text] = GENERATE(table<std::size_t, std::string>({
        {0, "x"},
        {1, "2.0"},
        {2, std::string(256, '7')},
        {6, "NULL"},
        {6, "PLAIN"},
        {7, ""},
        {7, std::string(31, 'k')},
        {7, std::string(33, 'k')},
    }));
    Frames frames = request();
    frames[at] = text;
    CHECK_FALSE(read_zap_request(frames).has_value());
    frames = request();
    frames.emplace_back("one more");
    CHECK_FALSE(read_zap_request(frames).has_value());
}

TEST_CASE("an answer has the form of ZAP 1.0", "[zap]") {
    const Frames frames = request();
    const auto read = read_zap_request(frames);
    REQUIRE(read.has_value());
    CHECK(zap_answer(*read, "12") == Frames{"", "1.0", "7", "200", "OK", "12", ""});
    CHECK(zap_answer(*read, std::nullopt) == Frames{"", "1.0", "7", "400", "No such key", "", ""});
}

} // namespace zap_request_test
