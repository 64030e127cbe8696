// Goal: a stream that does not read loses what its policy says, in whole messages, and the counters
// say exactly what happened to each message.
// Method: browsers that first do not read and then read everything, so that the bytes given to the
// kernel can be counted; random operations at the end.
#include "test/unit/webnode/request/loop_fixture.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <random>

namespace slow_stream_test {

using namespace zcomet;
using namespace zcomet::webnode;
using zcomet::webnode::request::Browser;
using zcomet::webnode::request::LoopFixture;
using namespace zcomet::webnode::connection;

namespace {

/// The numbers N of the whole messages that a stream received, and the bytes after them.
struct Read {
    std::vector<int> numbers;
    std::string rest;
};

Read read_chunks(std::string_view text) {
    constexpr std::string_view kHead = "Recvd msg #";
    Read read;
    for (;;) {
        const std::size_t line_end = text.find("\r\n");
        std::size_t size = 0;
        if (line_end == std::string_view::npos ||
            std::from_chars(text.data(), text.data() + line_end, size, 16).ec != std::errc{} ||
            text.size() < line_end + 2 + size + 2) {
            read.rest = text;
            return read;
        }
        const std::string_view body = text.substr(line_end + 2, size);
        REQUIRE(body.starts_with(kHead));
        REQUIRE(text.substr(line_end + 2 + size, 2) == "\r\n");
        int number = 0;
        std::from_chars(body.data() + kHead.size(), body.data() + body.size(), number);
        read.numbers.push_back(number);
        text.remove_prefix(line_end + 2 + size + 2);
    }
}

/// What a stream has received once the browser has read everything.
Read read_to_the_end(LoopFixture& loop, const Browser& browser) {
    std::string text;
    for (std::string more = browser.received(); !more.empty(); more = browser.received()) {
        text += more;
        loop.turn();
    }
    return read_chunks(text);
}

const std::string kText(1000, 'x');
constexpr std::uint64_t kMessageBytes = 1030; // about

/// Sends messages to a stream that does not read, until some were dropped.
/// @return how many it sent.
int overflow(LoopFixture& loop) {
    int messages = 0;
    for (; loop.count(slot::WorkerCounter::kChunksDropped) < 20; ++messages) {
        loop.deliver({{"7", kText}});
    }
    return messages;
}

void check_identity(const LoopFixture& loop) {
    REQUIRE(loop.count(slot::WorkerCounter::kChunksGiven) ==
            loop.count(slot::WorkerCounter::kChunksWritten) +
                loop.count(slot::WorkerCounter::kChunksDropped) +
                loop.count(slot::WorkerCounter::kChunksPending));
}

} // namespace

TEST_CASE("drop-oldest keeps the newest messages that its bound has room for", "[slow_stream]") {
    LoopFixture loop(SlowPolicy::kDropOldest);
    const Browser slow = loop.open_stream("7");
    const int messages = overflow(loop);
    CHECK(loop.connections.pending_bytes() <= LoopFixture::kOutboxBytesMax);
    CHECK(loop.connections.pending_bytes() > LoopFixture::kOutboxBytesMax - 2 * kMessageBytes);
    CHECK(loop.count(slot::WorkerCounter::kStreamsSlow) == 1);
    CHECK(loop.count(slot::WorkerCounter::kSlowCloses) == 0);
    check_identity(loop);
    const Read read = read_to_the_end(loop, slow);
    CHECK(read.rest.empty());
    CHECK(read.numbers.size() + loop.count(slot::WorkerCounter::kChunksDropped) ==
          static_cast<std::size_t>(messages));
    CHECK(read.numbers.size() == loop.count(slot::WorkerCounter::kChunksWritten));
    // One gap, between the messages that the socket took and the newest one.
    CHECK(read.numbers.front() == 1);
    CHECK(read.numbers.back() == messages);
    CHECK(std::is_sorted(read.numbers.begin(), read.numbers.end()));
    int gaps = 0;
    for (std::size_t i = 1; i < read.numbers.size(); ++i) {
        gaps += read.numbers[i] == read.numbers[i - 1] + 1 ? 0 : 1;
    }
    CHECK(gaps == 1);
}

TEST_CASE("a stream that has caught up and falls behind again is slow again", "[slow_stream]") {
    LoopFixture loop(SlowPolicy::kDropOldest);
    const Browser slow = loop.open_stream("7");
    overflow(loop);
    static_cast<void>(read_to_the_end(loop, slow));
    CHECK(loop.count(slot::WorkerCounter::kChunksPending) == 0);
    const std::uint64_t dropped = loop.count(slot::WorkerCounter::kChunksDropped);
    loop.deliver({{"7", "now"}});
    CHECK(read_chunks(slow.received()).numbers.size() == 1);
    CHECK(loop.count(slot::WorkerCounter::kStreamsSlow) == 1);
    while (loop.count(slot::WorkerCounter::kChunksDropped) == dropped) {
        loop.deliver({{"7", kText}});
    }
    CHECK(loop.count(slot::WorkerCounter::kStreamsSlow) == 2);
}

TEST_CASE("drop-oldest keeps a message that is larger than its bound", "[slow_stream]") {
    LoopFixture loop(SlowPolicy::kDropOldest);
    const Browser slow = loop.open_stream("7");
    const int messages = overflow(loop);
    loop.deliver({{"7", std::string(2 * LoopFixture::kOutboxBytesMax, 'y')}});
    CHECK(loop.count(slot::WorkerCounter::kChunksPending) <= 2); // this one, and one that had begun
    const Read read = read_to_the_end(loop, slow);
    CHECK(read.numbers.back() == messages + 1);
    CHECK(read.rest.empty());
}

TEST_CASE("latest-only keeps one message after the one that has begun", "[slow_stream]") {
    LoopFixture loop(SlowPolicy::kLatestOnly);
    const Browser slow = loop.open_stream("7");
    const int messages = overflow(loop);
    CHECK(loop.count(slot::WorkerCounter::kChunksPending) >= 1);
    CHECK(loop.count(slot::WorkerCounter::kChunksPending) <= 2);
    CHECK(loop.connections.pending_bytes() <= 2 * kMessageBytes);
    check_identity(loop);
    const Read read = read_to_the_end(loop, slow);
    CHECK(read.rest.empty());
    CHECK(read.numbers.back() == messages);
    CHECK(read.numbers.size() == loop.count(slot::WorkerCounter::kChunksWritten));
}

TEST_CASE("latest-only keeps the last message of a batch that the socket does not take",
          "[slow_stream]") {
    LoopFixture loop(SlowPolicy::kLatestOnly);
    const Browser slow = loop.open_stream("7");
    overflow(loop);
    loop.deliver({{"7", "one"}, {"7", "two"}, {"7", "three"}});
    CHECK(loop.count(slot::WorkerCounter::kChunksPending) <= 2);
    const int given = static_cast<int>(loop.count(slot::WorkerCounter::kChunksGiven));
    const Read read = read_to_the_end(loop, slow);
    CHECK(read.numbers.back() == given);
    check_identity(loop);
}

TEST_CASE("a slow stream costs the others of its id nothing", "[slow_stream]") {
    const SlowPolicy policy =
        GENERATE(SlowPolicy::kClose, SlowPolicy::kDropOldest, SlowPolicy::kLatestOnly);
    LoopFixture loop(policy);
    const Browser slow = loop.open_stream("7");
    const Browser quick = loop.open_stream("7");
    int received = 0;
    for (int i = 0; i < 400; ++i) {
        loop.deliver({{"7", kText}});
        received += static_cast<int>(read_chunks(quick.received()).numbers.size());
    }
    CHECK(received == 400);
    CHECK(loop.presence.streams().stream_count() == (policy == SlowPolicy::kClose ? 1 : 2));
    CHECK(loop.count(slot::WorkerCounter::kStreamsSlow) == 1);
    check_identity(loop);
}

TEST_CASE("a connection that does not read other answers is closed under any policy",
          "[slow_stream]") {
    LoopFixture loop(SlowPolicy::kLatestOnly);
    const Browser browser = loop.connect();
    const std::string page = "GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n";
    for (int i = 0; i < 10'000 && loop.count(slot::WorkerCounter::kSlowCloses) == 0; ++i) {
        browser.send(page);
        loop.turn();
    }
    CHECK(loop.count(slot::WorkerCounter::kSlowCloses) == 1);
    CHECK(loop.count(slot::WorkerCounter::kStreamsSlow) == 0);
    CHECK(loop.count(slot::WorkerCounter::kChunksDropped) == 0);
}

TEST_CASE("messages that wait for a stream that is closed are dropped", "[slow_stream]") {
    LoopFixture loop(SlowPolicy::kDropOldest);
    Browser slow = loop.open_stream("7");
    while (loop.count(slot::WorkerCounter::kChunksPending) < 3) {
        loop.deliver({{"7", kText}});
    }
    slow.leave();
    loop.turn();
    CHECK(loop.count(slot::WorkerCounter::kChunksDropped) == 3);
    CHECK(loop.count(slot::WorkerCounter::kChunksPending) == 0);
    check_identity(loop);
}

TEST_CASE("messages to a crowd that are given up count as dropped", "[slow_stream]") {
    constexpr std::size_t kCrowd = 300;
    LoopFixture loop;
    std::vector<Browser> crowd;
    crowd.reserve(kCrowd);
    for (std::size_t i = 0; i < kCrowd; ++i) {
        crowd.push_back(loop.open_stream("crowd"));
    }
    loop.deliver({{"crowd", "one"}});
    loop.deliver({{"crowd", "two"}, {"crowd", "three"}});
    const std::uint64_t written = loop.count(slot::WorkerCounter::kChunksWritten);
    REQUIRE(loop.delivery.unfinished());
    CHECK(loop.delivery.abandon() == 3 * kCrowd - written);
    CHECK_FALSE(loop.delivery.unfinished());
    CHECK(loop.count(slot::WorkerCounter::kChunksGiven) == 3 * kCrowd);
    check_identity(loop);
    CHECK(loop.delivery.abandon() == 0);
}

TEST_CASE("messages that waited in a dead process count as dropped", "[slow_stream]") {
    slot::WorkerSlot slot;
    slot.counters.set(slot::WorkerCounter::kChunksGiven, 10);
    slot.counters.set(slot::WorkerCounter::kChunksWritten, 4);
    slot.counters.set(slot::WorkerCounter::kChunksDropped, 1);
    slot.counters.set(slot::WorkerCounter::kChunksPending, 5);
    slot.reset_gauges();
    slot.reset_gauges();
    CHECK(slot.counters.get(slot::WorkerCounter::kChunksDropped) == 6);
    CHECK(slot.counters.get(slot::WorkerCounter::kChunksPending) == 0);
}

TEST_CASE("random writes, reads and closes: each message is counted once",
          "[slow_stream][property]") {
    const SlowPolicy policy =
        GENERATE(SlowPolicy::kClose, SlowPolicy::kDropOldest, SlowPolicy::kLatestOnly);
    const unsigned seed = std::random_device{}();
    CAPTURE(seed, connection::name_of(policy));
    std::mt19937 random(seed);
    const auto pick = [&random](std::size_t bound) { return random() % bound; };
    LoopFixture loop(policy);
    struct Stream {
        std::string id;
        Browser browser;
        std::string received;
    };
    std::vector<Stream> streams;
    std::uint64_t given = 0;
    for (int step = 0; step < 3000; ++step) {
        const std::size_t what = pick(20);
        if (what == 0 && streams.size() < 60) {
            const std::string id = std::to_string(pick(5));
            streams.push_back({id, loop.open_stream(id), {}});
        } else if (what == 1 && !streams.empty()) {
            // For the loop, its browser has left, but it can still read what the kernel has.
            streams[pick(streams.size())].browser.end_half();
            loop.turn();
        } else if (what < 8 && !streams.empty()) {
            Stream& stream = streams[pick(streams.size())];
            stream.received += stream.browser.received();
            if (pick(2) == 0) {
                loop.turn();
            }
        } else {
            wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kBatch);
            for (std::size_t i = pick(4); i < 4; ++i) {
                const std::string id = std::to_string(pick(5));
                const std::string text(pick(9000), 'x');
                writer.add({id, text});
            }
            const std::string frame = writer.finish_batch(1, 1);
            const auto decoded = wire::decode(frame);
            loop.delivery.deliver(std::get<wire::Batch>(std::get<wire::Frame>(decoded)).messages);
        }
        check_identity(loop);
        REQUIRE(loop.count(slot::WorkerCounter::kChunksGiven) >= given);
        given = loop.count(slot::WorkerCounter::kChunksGiven);
    }
    std::uint64_t whole = 0;
    loop.turn(); // some have read, and can take more
    for (Stream& stream : streams) {
        for (std::string more = stream.browser.received(); !more.empty();
             more = stream.browser.received()) {
            stream.received += more;
            loop.turn();
        }
        const Read read = read_chunks(stream.received);
        CHECK(std::is_sorted(read.numbers.begin(), read.numbers.end()));
        CHECK(std::adjacent_find(read.numbers.begin(), read.numbers.end()) == read.numbers.end());
        // Only a closed stream may end within a message.
        CHECK((read.rest.empty() || stream.browser.ended()));
        whole += read.numbers.size();
    }
    CHECK(loop.count(slot::WorkerCounter::kChunksPending) == 0);
    CHECK(loop.connections.pending_bytes() == 0);
    CHECK(loop.count(slot::WorkerCounter::kChunksWritten) == whole);
    CHECK(loop.count(slot::WorkerCounter::kStreamsSlow) > 0);
    check_identity(loop);
}

namespace {

/// A worker whose streams have five seconds to read, and 100 messages meanwhile.
struct PatientFixture {
    static constexpr std::size_t kBurstMax = 100'000;
    LoopFixture loop{{.slow = {.bytes_max = LoopFixture::kOutboxBytesMax,
                               .patience = 5s,
                               .burst_bytes_max = kBurstMax,
                               .sum_bytes_max = 1'000'000}}};

    /// Gives messages to a stream until `bytes` are kept for all.
    void keep(const std::string& id, std::size_t bytes) {
        for (int i = 0; i < 10'000 && loop.connections.pending_bytes() < bytes; ++i) {
            loop.deliver({{id, kText}});
        }
        REQUIRE(loop.connections.pending_bytes() >= bytes);
    }
    [[nodiscard]] std::uint64_t closed() const {
        return loop.count(slot::WorkerCounter::kSlowCloses);
    }
};

} // namespace

TEST_CASE("a browser that pauses during a burst gets it all", "[slow_stream][patience]") {
    PatientFixture patient;
    const Browser browser = patient.loop.open_stream("7");
    patient.keep("7", PatientFixture::kBurstMax - 5000);
    patient.loop.pass(4900ms);
    CHECK(patient.closed() == 0);
    const Read read = read_to_the_end(patient.loop, browser);
    CHECK(read.rest.empty());
    CHECK(read.numbers.size() == patient.loop.count(slot::WorkerCounter::kChunksGiven));
    CHECK(patient.loop.connections.pending_bytes() == 0);
    patient.loop.pass(1h); // the time is over, but there is nothing to read
    CHECK(patient.closed() == 0);
    check_identity(patient.loop);
}

TEST_CASE("a browser that has not read for its time is slow", "[slow_stream][patience]") {
    PatientFixture patient;
    const Browser browser = patient.loop.open_stream("7");
    patient.keep("7", 20'000);
    patient.loop.pass(4900ms);
    CHECK(patient.closed() == 0);
    patient.loop.pass(200ms);
    CHECK(patient.closed() == 1);
    CHECK(patient.loop.logouts == std::vector<std::string>{"7"});
    check_identity(patient.loop);
}

TEST_CASE("a browser with less than the bound kept is never slow", "[slow_stream][patience]") {
    PatientFixture patient;
    const Browser browser = patient.loop.open_stream("7");
    patient.keep("7", LoopFixture::kOutboxBytesMax / 2);
    patient.loop.pass(1h);
    CHECK(patient.closed() == 0);
    CHECK(patient.loop.presence.streams().stream_count() == 1);
}

TEST_CASE("a browser that reads a little now and then keeps its stream",
          "[slow_stream][patience]") {
    PatientFixture patient;
    const Browser browser = patient.loop.open_stream("7");
    patient.keep("7", 60'000);
    for (int i = 0; i < 5; ++i) {
        patient.loop.now += 4s; // the worker does not even see room
        REQUIRE(browser.received(3000).size() == 3000);
        patient.loop.connections.sweep(patient.loop.now);
        patient.loop.now += 1100ms;
        patient.loop.connections.sweep(patient.loop.now);
        REQUIRE(patient.closed() == 0);
    }
    patient.loop.pass(5100ms);
    patient.loop.pass(5100ms);
    CHECK(patient.closed() == 1);
}

TEST_CASE("a burst has a bound of its own", "[slow_stream][patience]") {
    PatientFixture patient;
    const Browser browser = patient.loop.open_stream("7");
    std::size_t most = 0;
    for (int i = 0; i < 1000 && patient.closed() == 0; ++i) {
        patient.loop.deliver({{"7", kText}});
        most = std::max(most, patient.loop.connections.pending_bytes());
    }
    CHECK(patient.closed() == 1);
    CHECK(most > PatientFixture::kBurstMax);
    CHECK(most <= PatientFixture::kBurstMax + kMessageBytes);
    check_identity(patient.loop);
}

TEST_CASE("while much is kept for all streams, none has time", "[slow_stream][patience]") {
    PatientFixture patient;
    std::vector<Browser> browsers;
    std::size_t most = 0;
    browsers.reserve(30);
    for (int i = 0; i < 30; ++i) {
        browsers.push_back(patient.loop.open_stream("7"));
    }
    for (int i = 0; i < 1000; ++i) {
        patient.loop.deliver({{"7", kText}});
        patient.loop.finish_deliveries();
        most = std::max(most, patient.loop.connections.pending_bytes());
    }
    CHECK(most > 500'000 - 30 * kMessageBytes); // seen between two messages
    CHECK(most < 500'000 + 30 * kMessageBytes);
    CHECK(patient.closed() == 30);
    check_identity(patient.loop);
}

TEST_CASE("what is kept for all streams has a bound, whatever the policy",
          "[slow_stream][patience]") {
    const SlowPolicy policy =
        GENERATE(SlowPolicy::kClose, SlowPolicy::kDropOldest, SlowPolicy::kLatestOnly);
    CAPTURE(policy);
    constexpr std::size_t kSum = 20'000;
    LoopFixture loop{{.slow = {.bytes_max = LoopFixture::kOutboxBytesMax,
                               .policy = policy,
                               .patience = 5s,
                               .sum_bytes_max = kSum}}};
    std::vector<Browser> browsers;
    browsers.reserve(100);
    for (int i = 0; i < 100; ++i) {
        browsers.push_back(loop.open_stream("7"));
    }
    std::size_t most = 0;
    for (int i = 0; i < 300; ++i) {
        loop.deliver({{"7", kText}});
        loop.finish_deliveries();
        most = std::max(most, loop.connections.pending_bytes());
    }
    CHECK(most >= kSum);
    CHECK(most <= kSum + kMessageBytes);
    CHECK(loop.count(slot::WorkerCounter::kSlowCloses) > 0);
    // A stream that reads has lost nothing by it.
    const Browser reader = loop.open_stream("8");
    loop.deliver({{"8", "hello"}});
    CHECK(read_to_the_end(loop, reader).numbers == std::vector<int>{1});
    check_identity(loop);
}

} // namespace slow_stream_test
