// Messages on their way to streams: which stream gets which, in what order, and what happens to
// browsers that do not read.
#include "test/unit/webnode/request/loop_fixture.hpp"

#include <map>
#include <random>

namespace delivery_test {

using namespace zcomet;
using namespace zcomet::webnode;
using zcomet::webnode::request::Browser;
using zcomet::webnode::request::LoopFixture;
using namespace zcomet::webnode::stream;

namespace {

constexpr int kSendsAtOnce = 128; // as in webnode/stream/delivery.cpp
constexpr std::size_t kCrowd = 3 * kSendsAtOnce + 10;

std::string chunk(int number, const std::string& text) {
    const std::string body = "Recvd msg #" + std::to_string(number) + ": '" + text + "'<br/>\n";
    std::array<char, 16> size{};
    const int digits = std::snprintf(size.data(), size.size(), "%zx", body.size());
    return std::string(size.data(), static_cast<std::size_t>(digits)) + "\r\n" + body + "\r\n";
}

/// Delivers large messages to id "7" until the stream's socket is full.
/// @return how many were written or kept.
int fill(LoopFixture& loop) {
    const std::string text(2000, 'x');
    int messages = 0;
    while (loop.count(slot::WorkerCounter::kSlowCloses) == 0 &&
           loop.connections.pending_bytes() == 0) {
        loop.deliver({{"7", text}});
        ++messages;
    }
    return messages;
}

} // namespace

TEST_CASE("a message shows in every stream of its id, and in no other", "[delivery]") {
    LoopFixture loop;
    const Browser first = loop.open_stream("7");
    const Browser second = loop.open_stream("7");
    const Browser other = loop.open_stream("8");
    loop.deliver({{"7", "a<b"}});
    CHECK(first.received() == chunk(1, "a&lt;b"));
    CHECK(second.received() == chunk(1, "a&lt;b"));
    CHECK(other.received().empty());
}

TEST_CASE("each stream numbers its own messages", "[delivery]") {
    LoopFixture loop;
    const Browser early = loop.open_stream("7");
    loop.deliver({{"7", "one"}});
    const Browser late = loop.open_stream("7");
    loop.deliver({{"7", "two"}});
    CHECK(early.received() == chunk(1, "one") + chunk(2, "two"));
    CHECK(late.received() == chunk(1, "two"));
}

TEST_CASE("a batch keeps the order of each id", "[delivery]") {
    LoopFixture loop;
    const Browser seven = loop.open_stream("7");
    const Browser eight = loop.open_stream("8");
    loop.deliver({{"8", "x"}, {"7", "1"}, {"8", "y"}, {"7", "2"}, {"none", "?"}, {"7", "3"}});
    CHECK(seven.received() == chunk(1, "1") + chunk(2, "2") + chunk(3, "3"));
    CHECK(eight.received() == chunk(1, "x") + chunk(2, "y"));
    CHECK(loop.count(slot::WorkerCounter::kMessagesReceived) == 6);
    CHECK(loop.count(slot::WorkerCounter::kMessagesUnclaimed) == 1);
    CHECK(loop.count(slot::WorkerCounter::kChunksWritten) == 5);
}

TEST_CASE("HTTP/1.0 gets the messages bare", "[delivery]") {
    LoopFixture loop;
    const Browser browser = loop.connect("GET /test/7 HTTP/1.0\r\n\r\n");
    CHECK(browser.received().find("chunked") == std::string::npos);
    loop.deliver({{"7", "hello"}});
    CHECK(browser.received() == "Recvd msg #1: 'hello'<br/>\n");
}

TEST_CASE("messages that a full socket does not take come later, in order", "[delivery]") {
    LoopFixture loop;
    const Browser slow = loop.open_stream("7");
    const int messages = fill(loop);
    REQUIRE(loop.connections.pending_bytes() > 0);
    loop.deliver({{"7", "the last"}});
    std::string text;
    for (std::string more = slow.received(); !more.empty(); more = slow.received()) {
        text += more;
        loop.turn();
    }
    std::string expected;
    for (int i = 1; i <= messages; ++i) {
        expected += chunk(i, std::string(2000, 'x'));
    }
    CHECK(text == expected + chunk(messages + 1, "the last"));
    CHECK(loop.connections.pending_bytes() == 0);
    CHECK(loop.count(slot::WorkerCounter::kBytesWritten) >= text.size());
    loop.deliver({{"7", "after"}}); // directly again
    CHECK(slow.received() == chunk(messages + 2, "after"));
}

TEST_CASE("a stream that does not read is closed at its bound, and the others go on",
          "[delivery]") {
    LoopFixture loop;
    const Browser slow = loop.open_stream("7");
    const Browser other = loop.open_stream("8");
    fill(loop);
    for (int i = 0; i < 5 && loop.count(slot::WorkerCounter::kSlowCloses) == 0; ++i) {
        loop.deliver({{"7", std::string(2000, 'x')}});
    }
    CHECK(loop.count(slot::WorkerCounter::kSlowCloses) == 1);
    CHECK(loop.count(slot::WorkerCounter::kStreamsSlow) == 1);
    // The message above the bound and the waiting ones, two or three of which fit within the bound.
    CHECK(loop.count(slot::WorkerCounter::kChunksDropped) >= 3);
    CHECK(loop.count(slot::WorkerCounter::kChunksDropped) <= 4);
    CHECK(loop.connections.pending_bytes() == 0);
    CHECK(loop.logouts == std::vector<std::string>{"7"});
    loop.turn();
    loop.deliver({{"7", "void"}, {"8", "hello"}});
    CHECK(other.received() == chunk(1, "hello"));
}

TEST_CASE("a batch larger than every buffer does not make a browser slow", "[delivery]") {
    LoopFixture loop;
    const Browser browser = loop.open_stream("7");
    const std::string text(2000, 'x');
    constexpr int kMessages = static_cast<int>(2 * LoopFixture::kSocketBytes / 2000);
    wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kBatch);
    std::string expected;
    for (int i = 1; i <= kMessages; ++i) {
        writer.add({"7", text});
        expected += chunk(i, text);
    }
    const std::string frame = writer.finish_batch(1, 1);
    const auto decoded = wire::decode(frame);
    loop.delivery.deliver(std::get<wire::Batch>(std::get<wire::Frame>(decoded)).messages);
    REQUIRE(loop.connections.pending_bytes() > LoopFixture::kOutboxBytesMax);
    std::string received = browser.received();
    loop.deliver({{"7", "next"}}); // before epoll can say that there is room again
    while (loop.connections.pending_bytes() > 0) {
        loop.turn();
        received += browser.received();
    }
    CHECK(received + browser.received() == expected + chunk(kMessages + 1, "next"));
    CHECK(loop.count(slot::WorkerCounter::kSlowCloses) == 0);
}

TEST_CASE("a stream whose browser is gone is closed by the write, within its id's list",
          "[delivery]") {
    LoopFixture loop;
    Browser gone = loop.open_stream("7");
    const Browser stays = loop.open_stream("7");
    Browser gone_too = loop.open_stream("7");
    gone.leave();
    gone_too.leave();
    loop.deliver({{"7", "hello"}}); // before the loop hears that they left
    CHECK(stays.received() == chunk(1, "hello"));
    CHECK(loop.count(slot::WorkerCounter::kChunksWritten) == 1);
    CHECK(loop.count(slot::WorkerCounter::kChunksDropped) == 2);
    CHECK(loop.presence.streams().stream_count() == 1);
    CHECK(loop.logouts.empty());
}

TEST_CASE("a message to very many streams lets messages to others through", "[delivery]") {
    LoopFixture loop;
    std::vector<Browser> crowd;
    crowd.reserve(kCrowd);
    for (std::size_t i = 0; i < kCrowd; ++i) {
        crowd.push_back(loop.open_stream("crowd"));
    }
    const Browser other = loop.open_stream("8");
    loop.deliver({{"crowd", "one"}, {"8", "hello"}});
    CHECK(other.received() == chunk(1, "hello"));
    CHECK(loop.delivery.unfinished());
    loop.deliver({{"crowd", "two"}, {"8", "again"}, {"crowd", "three"}});
    CHECK(other.received() == chunk(2, "again"));
    const Browser late = loop.open_stream("crowd");
    loop.finish_deliveries();
    for (const Browser& browser : crowd) {
        REQUIRE(browser.received() == chunk(1, "one") + chunk(2, "two") + chunk(3, "three"));
    }
    // It opened when the first message was under way, and the others were not.
    CHECK(late.received() == chunk(1, "two") + chunk(2, "three"));
    CHECK(loop.count(slot::WorkerCounter::kChunksWritten) == 3 * kCrowd + 4);
}

TEST_CASE("streams of a crowd may leave while a message is under way", "[delivery]") {
    LoopFixture loop;
    std::vector<Browser> crowd;
    crowd.reserve(kCrowd);
    for (std::size_t i = 0; i < kCrowd; ++i) {
        crowd.push_back(loop.open_stream("crowd"));
    }
    loop.deliver({{"crowd", "one"}});
    loop.deliver({{"crowd", "two"}});
    crowd.clear();
    loop.turn();
    REQUIRE(loop.logouts == std::vector<std::string>{"crowd"});
    // Another id gets the index, and then the name comes back: neither gets the rest.
    const Browser other = loop.open_stream("8");
    loop.finish_deliveries();
    CHECK_FALSE(loop.delivery.unfinished());
    CHECK(other.received().empty());
    CHECK(loop.count(slot::WorkerCounter::kMessagesUnclaimed) == 1);
}

TEST_CASE("crowds take turns, and too many messages for them hold the feed back", "[delivery]") {
    LoopFixture loop;
    std::vector<Browser> crowds;
    crowds.reserve(2 * kCrowd);
    for (std::size_t i = 0; i < 2 * kCrowd; ++i) {
        crowds.push_back(loop.open_stream(i % 2 == 0 ? "even" : "odd"));
    }
    loop.deliver({{"even", "x"}, {"odd", "x"}});
    const std::uint64_t before = loop.count(slot::WorkerCounter::kChunksWritten);
    loop.delivery.work();
    loop.delivery.work();
    CHECK(loop.count(slot::WorkerCounter::kChunksWritten) > before);
    for (std::size_t i = 0; i < 2; ++i) {
        const auto served =
            std::count_if(crowds.begin(), crowds.end(), [&](const Browser& browser) {
                const bool is_of_crowd =
                    (&browser - crowds.data()) % 2 == static_cast<std::ptrdiff_t>(i);
                return is_of_crowd && !browser.received().empty();
            });
        CHECK(served == std::ptrdiff_t{2} * kSendsAtOnce);
    }
    CHECK(loop.delivery.can_take());
    for (int i = 0; i < 5; ++i) {
        loop.deliver({{"even", std::string(60'000, 'x')}});
    }
    CHECK_FALSE(loop.delivery.can_take());
    loop.finish_deliveries();
    CHECK(loop.delivery.can_take());
}

TEST_CASE("a large message goes to fewer streams at once", "[delivery]") {
    LoopFixture loop;
    std::vector<Browser> crowd;
    crowd.reserve(100);
    for (int i = 0; i < 100; ++i) {
        crowd.push_back(loop.open_stream("crowd"));
    }
    const std::string large(60'000, 'x');
    loop.deliver({{"crowd", large}});
    const auto given = [&loop] { return loop.count(slot::WorkerCounter::kChunksGiven); };
    constexpr std::size_t kBytesAtOnce = 1U << 20U;
    CHECK(given() >= kBytesAtOnce / large.size() - 2);
    CHECK(given() <= kBytesAtOnce / large.size() + 2);
    for (std::size_t turn = 2; turn < 5; ++turn) {
        loop.delivery.work();
        CHECK(given() <= turn * (kBytesAtOnce / large.size() + 2));
    }
    loop.finish_deliveries();
    CHECK(given() == crowd.size());
}

TEST_CASE("random batches reach random streams as a simple model says", "[delivery][property]") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto pick = [&random](int bound) {
        return static_cast<int>(random() % static_cast<unsigned>(bound));
    };
    LoopFixture loop;
    struct Stream {
        Browser browser;
        int messages = 0;
        std::string expected;
    };
    std::multimap<std::string, Stream> streams;
    for (int step = 0; step < 300; ++step) {
        const std::string id = std::to_string(pick(5));
        if (pick(4) == 0) {
            streams.emplace(id, Stream{loop.open_stream(id), 0, {}});
        } else if (pick(6) == 0 && streams.contains(id)) {
            streams.erase(streams.find(id));
            loop.turn();
        }
        std::vector<std::pair<std::string, std::string>> batch;
        wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kBatch);
        for (int i = pick(6); i >= 0; --i) {
            batch.emplace_back(std::to_string(pick(6)), std::to_string(random()));
            writer.add({batch.back().first, batch.back().second});
        }
        const std::string frame = writer.finish_batch(1, 1);
        const auto decoded = wire::decode(frame);
        loop.delivery.deliver(std::get<wire::Batch>(std::get<wire::Frame>(decoded)).messages);
        loop.finish_deliveries();
        for (auto& [stream_id, stream] : streams) {
            for (const auto& [message_id, text] : batch) {
                if (message_id == stream_id) {
                    stream.expected += chunk(++stream.messages, text);
                }
            }
            CHECK(stream.browser.received() == std::exchange(stream.expected, {}));
        }
    }
}

} // namespace delivery_test
