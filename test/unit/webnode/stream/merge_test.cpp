// Goal: a stream with several ids gets the messages of all of them once and in the order in which
// they came, however many streams its ids have.
#include "test/unit/webnode/request/loop_fixture.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace merge_test {

using namespace zcomet;
using namespace zcomet::webnode;
using zcomet::webnode::request::Browser;
using zcomet::webnode::request::LoopFixture;

namespace {

using Texts = std::vector<std::string>;

constexpr std::size_t kCrowd = 300; // more than messages are written to at once

/// A JSON lines stream.
Browser open(LoopFixture& loop, const std::vector<std::string>& ids) {
    std::string target = "/lines?";
    for (const std::string& id : ids) {
        target += "id=" + id + "&";
    }
    Browser browser = loop.connect("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
    REQUIRE(browser.received().starts_with("HTTP/1.1 200 OK\r\n"));
    return browser;
}

/// The messages that came since the last call.
Texts read(const Browser& browser) {
    constexpr std::string_view kBefore = "\"data\":\"";
    Texts texts;
    const std::string received = browser.received();
    for (std::size_t at = received.find(kBefore); at != std::string::npos;
         at = received.find(kBefore, at)) {
        at += kBefore.size();
        texts.push_back(received.substr(at, received.find('"', at) - at));
    }
    return texts;
}

} // namespace

TEST_CASE("a stream gets the messages of all its ids, in one write", "[merge]") {
    LoopFixture loop;
    const Browser both = open(loop, {"a", "b"});
    const Browser only_b = open(loop, {"b"});
    CHECK(loop.logins == Texts{"a", "b"});
    loop.deliver({{"b", "1"}, {"a", "2"}, {"b", "3"}, {"c", "4"}, {"a", "5"}});
    CHECK(read(both) == Texts{"1", "2", "3", "5"});
    CHECK(read(only_b) == Texts{"1", "3"});
    CHECK(loop.count(slot::WorkerCounter::kChunksGiven) == 6);
    CHECK(loop.count(slot::WorkerCounter::kMessagesGiven) == 4);
    CHECK(loop.count(slot::WorkerCounter::kMessagesUnclaimed) == 1);
}

TEST_CASE("the ids of a stream log out with it", "[merge]") {
    LoopFixture loop;
    const Browser only_b = open(loop, {"b"});
    { const Browser both = open(loop, {"a", "b"}); }
    loop.turn();
    CHECK(loop.logouts == Texts{"a"});
    loop.deliver({{"a", "1"}, {"b", "2"}});
    CHECK(read(only_b) == Texts{"2"});
}

TEST_CASE("an earlier message to a crowd comes before a later one to a few", "[merge]") {
    LoopFixture loop;
    const Browser last = open(loop, {"all", "few"}); // the first to open is served last
    std::vector<Browser> crowd;
    crowd.reserve(kCrowd);
    for (std::size_t i = 0; i < kCrowd; ++i) {
        crowd.push_back(open(loop, {"all"}));
    }
    loop.deliver({{"all", "1"}});
    CHECK(loop.delivery.unfinished());
    CHECK(read(last).empty());
    loop.deliver({{"few", "2"}, {"all", "3"}, {"few", "4"}});
    CHECK(read(last) == Texts{"1", "2", "3", "4"});
    loop.finish_deliveries();
    CHECK(read(last).empty());
    for (const Browser& browser : crowd) {
        CHECK(read(browser) == Texts{"1", "3"});
    }
}

TEST_CASE("a stream does not get what came before it opened", "[merge]") {
    LoopFixture loop;
    std::vector<Browser> crowd;
    crowd.reserve(kCrowd);
    for (std::size_t i = 0; i < kCrowd; ++i) {
        crowd.push_back(open(loop, {"all", "few"}));
    }
    loop.deliver({{"all", "1"}});
    loop.deliver({{"all", "2"}});
    const Browser late = open(loop, {"few", "all"});
    loop.deliver({{"few", "3"}});
    loop.finish_deliveries();
    CHECK(read(late) == Texts{"3"});
    for (const Browser& browser : crowd) {
        CHECK(read(browser) == Texts{"1", "2", "3"});
    }
}

TEST_CASE("what is given up counts what streams have not had", "[merge]") {
    LoopFixture loop;
    std::vector<Browser> crowd;
    crowd.reserve(kCrowd);
    const Browser served = open(loop, {"all", "few"});
    for (std::size_t i = 0; i < kCrowd; ++i) {
        crowd.push_back(open(loop, {"all"}));
    }
    loop.deliver({{"all", "1"}});
    const std::uint64_t given = loop.count(slot::WorkerCounter::kChunksGiven);
    loop.deliver({{"few", "2"}});
    CHECK(read(served) == Texts{"1", "2"});
    CHECK(loop.delivery.abandon() == kCrowd - given);
}

TEST_CASE("property: each stream gets all once and in order", "[merge]") {
    const auto seed = GENERATE(1U, 2U, 3U, 4U, 5U, 6U);
    CAPTURE(seed);
    std::mt19937 random(seed);
    LoopFixture loop;
    const std::vector<std::string> names{"a", "b", "c", "d", "all"};
    struct Stream {
        std::set<std::string> ids;
        Browser browser;
        Texts expected{};
        Texts got{};
    };
    std::vector<Stream> streams;
    streams.reserve(kCrowd);
    for (std::size_t i = 0; i < kCrowd; ++i) {
        std::set<std::string> ids;
        if (random() % 8 != 0) {
            ids.insert("all");
        }
        for (auto more = random() % 3 + (ids.empty() ? 1 : 0); more > 0; --more) {
            ids.insert(names[random() % names.size()]);
        }
        streams.push_back({ids, open(loop, {ids.begin(), ids.end()})});
    }
    int message = 0;
    for (int step = 0; step < 60; ++step) {
        std::vector<std::pair<std::string, std::string>> batch;
        for (auto count = random() % 5; count > 0; --count) {
            batch.emplace_back(names[random() % names.size()], std::to_string(++message));
        }
        for (const auto& [id, text] : batch) {
            for (Stream& stream : streams) {
                if (stream.ids.contains(id)) {
                    stream.expected.push_back(text);
                }
            }
        }
        wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kBatch);
        for (const auto& [id, text] : batch) {
            writer.add({id, text});
        }
        if (!batch.empty()) {
            const std::string frame = writer.finish_batch(1, 1);
            const auto decoded = wire::decode(frame);
            loop.delivery.deliver(std::get<wire::Batch>(std::get<wire::Frame>(decoded)).messages);
        }
        if (random() % 3 == 0) {
            loop.delivery.work();
        }
        if (random() % 20 == 0 && !streams.empty()) {
            streams.erase(streams.begin() + static_cast<std::ptrdiff_t>(random() % streams.size()));
            loop.turn();
        }
        for (Stream& stream : streams) {
            const Texts news = read(stream.browser);
            stream.got.insert(stream.got.end(), news.begin(), news.end());
        }
    }
    loop.finish_deliveries();
    for (Stream& stream : streams) {
        const Texts news = read(stream.browser);
        stream.got.insert(stream.got.end(), news.begin(), news.end());
        CHECK(stream.got == stream.expected);
    }
}

} // namespace merge_test
