// The two ends of a feed: each against its contract, and both together over a channel that loses
// batches.
#include "topology/feed/feed_reader.hpp"
#include "topology/feed/feed_writer.hpp"

#include <catch2/catch.hpp>

#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace feed_test {

using namespace zcomet;
using namespace zcomet::feed;

namespace {

constexpr std::uint64_t kIncarnation = 42;
constexpr FeedLimits kSmall{.window_bytes = 4096, .bound_bytes = 4096 + wire::kFrameBytesMax};
const Time kStart = Time{} + 1h;

std::vector<SharedFrame> flushed(FeedWriter& writer, Time now) {
    std::vector<SharedFrame> frames;
    writer.flush(now, [&](const SharedFrame& frame) { frames.push_back(frame); });
    return frames;
}

wire::Batch batch_of(const SharedFrame& frame) {
    const auto decoded = wire::decode(*frame);
    REQUIRE(std::holds_alternative<wire::Frame>(decoded));
    return std::get<wire::Batch>(std::get<wire::Frame>(decoded));
}

FeedWriter subscribed_writer(const FeedLimits& limits = kSmall) {
    FeedWriter writer(kIncarnation, limits);
    writer.subscribed();
    flushed(writer, kStart - 1s);
    return writer;
}

} // namespace

TEST_CASE("nothing is published before the node has subscribed", "[feed]") {
    FeedWriter writer(kIncarnation, kSmall);
    writer.append({"1", "early"});
    CHECK(writer.due() == kNever);
    CHECK(flushed(writer, kStart).empty());

    writer.subscribed();
    CHECK(writer.due() <= kStart);
    const auto frames = flushed(writer, kStart);
    REQUIRE(frames.size() == 1);
    CHECK(batch_of(frames[0]).number == 1);
    CHECK(batch_of(frames[0]).messages.count() == 1);
}

TEST_CASE("a subscription is answered by an empty batch", "[feed]") {
    FeedWriter writer(kIncarnation, kSmall);
    writer.subscribed();
    const auto frames = flushed(writer, kStart);
    REQUIRE(frames.size() == 1);
    CHECK(batch_of(frames[0]).number == 0);
    CHECK(batch_of(frames[0]).messages.count() == 0);
    CHECK(flushed(writer, kStart).empty());
}

TEST_CASE("a batch has as many messages as a frame may have, however small they are", "[feed]") {
    FeedWriter writer = subscribed_writer();
    for (std::uint32_t i = 0; i <= wire::kFrameMessagesMax; ++i) {
        CHECK(writer.append({"1", ""}) == (i < wire::kFrameMessagesMax ? 1 : 2));
    }
    const auto frames = flushed(writer, kStart);
    REQUIRE(!frames.empty());
    CHECK(batch_of(frames[0]).messages.count() == wire::kFrameMessagesMax);
}

TEST_CASE("a batch that is kept takes little more memory than its bytes", "[feed]") {
    const std::string payload(1000, 'x');
    for (int messages = 1; messages <= 60; ++messages) {
        FeedWriter writer =
            subscribed_writer({.window_bytes = 1U << 20U, .bound_bytes = 1U << 22U});
        for (int i = 0; i < messages; ++i) {
            writer.append({"1", payload});
        }
        const auto frames = flushed(writer, kStart);
        REQUIRE(!frames.empty());
        CHECK(frames[0]->capacity() <= frames[0]->size() + 4096);
    }
}

TEST_CASE("a lone message goes at once, a busy feed gathers", "[feed]") {
    FeedWriter writer = subscribed_writer();
    writer.append({"1", "a"});
    CHECK(writer.due() <= kStart);
    CHECK(flushed(writer, kStart).size() == 1);

    writer.append({"1", "b"});
    writer.append({"2", "c"});
    CHECK(writer.due() == kStart + kFeedGatherWindow);
    CHECK(flushed(writer, kStart + kFeedGatherWindow - 1ns).empty());
    const auto frames = flushed(writer, kStart + kFeedGatherWindow);
    REQUIRE(frames.size() == 1);
    CHECK(batch_of(frames[0]).messages.count() == 2);
    CHECK(writer.due() == kNever);
}

TEST_CASE("no more than the window is under way without acknowledgement", "[feed]") {
    FeedWriter writer = subscribed_writer();
    const std::string payload(1000, 'x');
    Time now = kStart;
    std::size_t published = 0;
    for (int i = 0; i < 20; ++i, now += 1ms) {
        writer.append({"1", payload});
        published += flushed(writer, now).size();
    }
    CHECK(published == 4); // the fourth fills 4096 bytes
    CHECK(writer.published() == 4);
    CHECK(writer.due() == kNever);
    CHECK(flushed(writer, now).empty());

    writer.acknowledge(4, now);
    const auto frames = flushed(writer, now);
    REQUIRE(frames.size() == 1); // the waiting messages went together
    CHECK(batch_of(frames[0]).messages.count() == 16);
    writer.acknowledge(5, now);
    CHECK(writer.kept_bytes() == 0);
}

TEST_CASE("acknowledging a batch that was never published changes nothing", "[feed]") {
    FeedWriter writer = subscribed_writer();
    writer.append({"1", "a"});
    flushed(writer, kStart);
    const std::size_t kept = writer.kept_bytes();
    writer.acknowledge(2, kStart);
    writer.resend(2);
    CHECK(writer.kept_bytes() == kept);
    CHECK(flushed(writer, kStart + 1s).empty());
}

TEST_CASE("a batch that the node asks for is published again, with its number", "[feed]") {
    FeedWriter writer = subscribed_writer();
    for (int i = 0; i < 3; ++i) {
        const std::string text = std::to_string(i);
        writer.append({"1", text});
        flushed(writer, kStart + i * 1ms);
    }
    writer.acknowledge(1, kStart);
    writer.resend(2);
    const auto frames = flushed(writer, kStart + 10ms);
    REQUIRE(frames.size() == 2);
    CHECK(batch_of(frames[0]).number == 2);
    CHECK(batch_of(frames[1]).number == 3);
    CHECK(writer.resent_batches() == 2);
}

TEST_CASE("each heartbeat publishes something: the last number, if there is nothing else",
          "[feed]") {
    FeedWriter writer = subscribed_writer();
    writer.append({"1", "a"});
    writer.heartbeat();
    auto frames = flushed(writer, kStart);
    REQUIRE(frames.size() == 1);
    CHECK(batch_of(frames[0]).messages.count() == 1);
    CHECK(flushed(writer, kStart).empty());
    writer.heartbeat();
    frames = flushed(writer, kStart + 1s);
    REQUIRE(frames.size() == 1);
    CHECK(batch_of(frames[0]).number == 1);
    CHECK(batch_of(frames[0]).messages.count() == 0);
    CHECK(flushed(writer, kStart + 1s).empty());
}

TEST_CASE("above its bound a feed sheds the oldest unpublished batches and says so", "[feed]") {
    FeedWriter writer = subscribed_writer();
    const std::string payload(50'000, 'x');
    Time now = kStart;
    std::uint64_t appended = 0;
    while (writer.shed_messages() == 0) {
        writer.append({"1", payload});
        ++appended;
        flushed(writer, now += 1ms);
        REQUIRE(appended < 1000);
    }
    CHECK(writer.kept_bytes() <= kSmall.bound_bytes + wire::kFrameBytesTarget + payload.size());

    FeedReader reader;
    CHECK(reader.welcome(kIncarnation));
    std::uint64_t received = 0;
    std::uint64_t lost = 0;
    // The node begins to read only now.
    writer.resend(1);
    for (int round = 0; round < 200; ++round) {
        now += 1ms;
        for (const SharedFrame& frame : flushed(writer, now)) {
            const wire::Batch batch = batch_of(frame);
            const auto outcome = reader.on_batch(batch, now);
            CHECK(outcome.verdict != FeedReader::Verdict::kGap);
            received += outcome.verdict == FeedReader::Verdict::kApply ? batch.messages.count() : 0;
            lost += outcome.lost_messages;
        }
        writer.acknowledge(reader.applied(), now);
    }
    CHECK(lost == writer.shed_messages());
    CHECK(received + lost == appended);
}

namespace {

/// A writer whose node takes nothing: batch 1 is published and fills the window.
FeedWriter stalled_writer() {
    FeedWriter writer = subscribed_writer();
    writer.append({"1", std::string(kSmall.window_bytes, 'x')});
    flushed(writer, kStart);
    return writer;
}

/// Appends messages of 50,000 bytes until this many more were shed.
std::uint64_t shed_more(FeedWriter& writer, std::uint64_t messages, Time now) {
    const std::string payload(50'000, 'x');
    const std::uint64_t enough = writer.shed_messages() + messages;
    while (writer.shed_messages() < enough) {
        writer.append({"1", payload});
        flushed(writer, now);
    }
    return writer.shed_messages();
}

} // namespace

TEST_CASE("a feed's memory does not grow with the number of shed messages", "[feed]") {
    FeedWriter writer = stalled_writer();
    // Batches are as small as can be if those with and without origin take turns.
    std::size_t bytes = 0;
    for (std::uint64_t number = 1; number <= 200'000; ++number) {
        writer.append({"1", "", {number % 2 == 0 ? 0U : 7U, number}});
        bytes = number == 100'000 ? writer.memory_bytes() : bytes;
    }
    CHECK(writer.shed_messages() > 100'000);
    CHECK(writer.memory_bytes() <= bytes + 1000);
    CHECK(writer.was_shed(2));
    CHECK(writer.was_shed(writer.shed_through()));
    CHECK_FALSE(writer.was_shed(1));
    CHECK_FALSE(writer.was_shed(writer.shed_through() + 1));

    FeedReader reader;
    CHECK(reader.welcome(kIncarnation));
    writer.resend(1);
    std::uint64_t received = 0;
    std::uint64_t lost = 0;
    Time now = kStart;
    for (int round = 0; round < 1000 && received + lost < 200'001; ++round) {
        for (const SharedFrame& frame : flushed(writer, now += 1ms)) {
            const auto outcome = reader.on_batch(batch_of(frame), now);
            received += outcome.verdict == FeedReader::Verdict::kApply
                            ? batch_of(frame).messages.count()
                            : 0;
            lost += outcome.lost_messages;
        }
        writer.acknowledge(reader.applied(), now);
    }
    CHECK(lost == writer.shed_messages());
    CHECK(received + lost == 200'001);
    CHECK(writer.kept_bytes() == 0);
}

TEST_CASE("messages shed after a notice get a notice of their own", "[feed]") {
    FeedWriter writer = stalled_writer();
    const std::uint64_t first_run = shed_more(writer, 10, kStart);
    const std::uint64_t first_end = writer.shed_through();
    writer.acknowledge(1, kStart);
    const auto told = flushed(writer, kStart + 1ms); // the window is full again then
    REQUIRE(told.size() >= 2);
    CHECK(batch_of(told[0]).shed);
    CHECK(batch_of(told[0]).number == first_end);
    const std::uint64_t both_runs = shed_more(writer, 10, kStart + 1ms);

    // The node had asked for the notice about the first run, which came meanwhile.
    writer.resend(2);
    FeedReader reader;
    CHECK(reader.welcome(kIncarnation));
    std::uint64_t lost = 0;
    const auto take_in = [&](const std::vector<SharedFrame>& frames) {
        for (const SharedFrame& frame : frames) {
            lost += reader.on_batch(batch_of(frame), kStart).lost_messages;
        }
        writer.acknowledge(reader.applied(), kStart);
    };
    wire::Batch first;
    first.incarnation = kIncarnation;
    first.number = 1;
    first.messages = wire::MessageList({}, 1);
    static_cast<void>(reader.on_batch(first, kStart));
    take_in(told);
    CHECK(lost == first_run);
    for (int round = 0; round < 100; ++round) {
        take_in(flushed(writer, kStart + 1s + round * 1ms));
    }
    CHECK(lost == both_runs);
}

TEST_CASE("a reader applies each number once, in order", "[feed]") {
    FeedReader reader;
    CHECK(reader.welcome(kIncarnation));
    CHECK_FALSE(reader.live());
    const auto batch = [](std::uint64_t number, bool empty = false) {
        static const std::string one = [] {
            wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kBatch);
            writer.add({"1", "x"});
            return writer.finish_batch(kIncarnation, 1);
        }();
        wire::Batch made = std::get<wire::Batch>(std::get<wire::Frame>(wire::decode(one)));
        made.number = number;
        made.messages = empty ? wire::MessageList{} : made.messages;
        return made;
    };
    using Verdict = FeedReader::Verdict;

    CHECK(reader.on_batch(batch(0, true), kStart).verdict == Verdict::kNothing);
    CHECK(reader.live());
    CHECK(reader.on_batch(batch(1), kStart).verdict == Verdict::kApply);
    CHECK(reader.on_batch(batch(1), kStart).verdict == Verdict::kRepeat);

    const auto gap = reader.on_batch(batch(4), kStart);
    CHECK(gap.verdict == Verdict::kGap);
    REQUIRE(gap.resend);
    CHECK(gap.resend->from == 2);
    CHECK(gap.resend->through == 3);
    CHECK(reader.applied() == 1);
    CHECK_FALSE(reader.on_batch(batch(5), kStart + 1ms).resend); // asked a moment ago
    CHECK(reader.on_batch(batch(6), kStart + 1s).resend);        // the answer must have been lost

    const auto tail = reader.on_batch(batch(7, true), kStart + 2s);
    CHECK(tail.verdict == Verdict::kGap);
    CHECK(reader.on_batch(batch(2), kStart + 2s).verdict == Verdict::kApply);

    wire::Batch foreign = batch(3);
    foreign.incarnation = 1;
    CHECK(reader.on_batch(foreign, kStart).verdict == Verdict::kForeign);
    CHECK(reader.applied() == 2);

    CHECK_FALSE(reader.welcome(kIncarnation));
    CHECK(reader.applied() == 2);
    CHECK(reader.welcome(kIncarnation + 1));
    CHECK(reader.applied() == 0);
    CHECK_FALSE(reader.live());
}

TEST_CASE("over a channel that loses batches every message arrives once, in order",
          "[feed][property]") {
    const unsigned seed = GENERATE(range(1U, 21U));
    CAPTURE(seed);
    std::mt19937 random(seed);
    FeedWriter writer = subscribed_writer();
    FeedReader reader;
    CHECK(reader.welcome(kIncarnation));
    Time now = kStart;
    int sent = 0;
    std::vector<int> received;
    const auto step = [&](bool lossy) {
        now += std::chrono::microseconds(random() % 200'000);
        writer.heartbeat();
        for (const SharedFrame& frame : flushed(writer, now)) {
            if (lossy && random() % 4 == 0) {
                continue;
            }
            const wire::Batch batch = batch_of(frame);
            const auto outcome = reader.on_batch(batch, now);
            if (outcome.verdict == FeedReader::Verdict::kApply) {
                batch.messages.for_each([&](const wire::Message& message) {
                    received.push_back(std::stoi(std::string(message.payload)));
                });
            }
            if (outcome.resend && !(lossy && random() % 4 == 0)) {
                writer.acknowledge(outcome.resend->from - 1, now);
                writer.resend(outcome.resend->from);
            }
        }
        if (random() % 3 == 0) {
            writer.acknowledge(reader.applied(), now);
        }
    };
    for (int round = 0; round < 300; ++round) {
        for (auto n = random() % 20; n > 0; --n) {
            const std::string text = std::to_string(sent++);
            writer.append({"1", text});
        }
        step(true);
    }
    for (int round = 0; round < 100; ++round) {
        step(false);
    }
    std::vector<int> expected(static_cast<std::size_t>(sent));
    std::iota(expected.begin(), expected.end(), 0);
    CHECK(received == expected);
    writer.acknowledge(reader.applied(), now);
    CHECK(writer.kept_bytes() == 0);
}

TEST_CASE("the sum of feeds is what they take, and a feed sheds what its owner asks for",
          "[feed]") {
    FeedSum sum;
    {
        FeedWriter a(kIncarnation, kSmall, &sum);
        FeedWriter b(kIncarnation + 1, kSmall, &sum);
        const auto is_right = [&] {
            return sum.bytes == a.memory_bytes() + b.memory_bytes() &&
                   sum.messages == a.kept_messages() + b.kept_messages();
        };
        const std::string payload(50'000, 'x');
        for (int i = 0; i < 8; ++i) {
            a.append({"1", payload});
            b.append({"1", "short"});
            CHECK(is_right());
        }
        a.subscribed();
        flushed(a, kStart);
        CHECK(is_right());
        const std::size_t published = a.published_kept_bytes();
        CHECK(published > 0);
        CHECK(a.unpublished_bytes() > 0);
        a.shed_to(0); // what was published stays
        CHECK(a.unpublished_bytes() == 0);
        CHECK(a.published_kept_bytes() == published);
        CHECK(a.shed_messages() > 0);
        CHECK(is_right());
        a.acknowledge(a.published(), kStart);
        CHECK(a.published_kept_bytes() == 0);
        CHECK(is_right());
        const FeedWriter moved = std::move(b);
        CHECK(sum.bytes == a.memory_bytes() + moved.memory_bytes());
        CHECK(sum.messages == 8);
    }
    CHECK(sum.bytes == 0);
}

} // namespace feed_test
