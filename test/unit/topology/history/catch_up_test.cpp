// Goal: whatever becomes of feed, broker and streams, a stream gets each message of an id with a
// history once and in order, or is told of a gap.
#include "topology/history/catch_up.hpp"
#include "topology/wire/attributes.hpp"
#include "topology/wire/owned_ids.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace catch_up_test {

using namespace zcomet;
using namespace zcomet::history;

namespace {

constexpr std::uint64_t kEpoch = 7;
constexpr StreamKey kStream = 1;
const wire::OwnedIds kIds("id");

/// What a broker keeps: positions are the places of messages, from 1.
struct Broker {
    std::uint64_t epoch = kEpoch;
    std::uint64_t position = 0;
    std::uint64_t evicted_through = 0;
    std::uint64_t feed = 0; // batches for the node, one for each message
    std::size_t most = 3;   // messages in an answer
    bool knows_login = true;

    std::string answer(const wire::History& history) const {
        wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kKept);
        wire::Kept kept{.token = history.token, .reach = wire::Reach::kWhole};
        if (!knows_login) {
            kept.reach = wire::Reach::kNotLoggedIn;
            return writer.finish_kept(kept);
        }
        kept.epoch = epoch;
        kept.since = evicted_through;
        kept.through = position;
        kept.feed = feed;
        std::uint64_t after = history.after;
        if (history.epoch == 0) {
            kept.reach = wire::Reach::kNoCursor;
        } else if (history.epoch != epoch) {
            kept.reach = wire::Reach::kOtherEpoch;
            after = 0;
        } else if (after < evicted_through) {
            kept.reach = wire::Reach::kEvicted;
        }
        after = std::max(after, evicted_through);
        for (std::uint64_t p = after; p < position; ++p) {
            if (writer.count() == most) {
                kept.has_more = true;
                break;
            }
            const std::string attributes = wire::encode(wire::Attributes{.position = p + 1});
            writer.add({"id", "m" + std::to_string(p + 1), {}, attributes});
        }
        return writer.finish_kept(kept);
    }
};

struct Fixture : CatchUpHost {
    CatchUp catch_up{*this};
    Time now = Time{} + 1h;
    std::vector<wire::History> asked;
    std::map<StreamKey, std::vector<std::string>> got;
    std::set<StreamKey> catching_up;
    Cursor reached;

    void ask(const wire::History& history) override { asked.push_back(history); }
    void show(StreamKey stream, const StreamMessage& message) override {
        got[stream].emplace_back(message.payload);
    }
    void tell_position(StreamKey stream, const Cursor& cursor) override {
        got[stream].push_back("at " + std::to_string(cursor.position));
    }
    void tell_gap(StreamKey stream, GapReason reason, const Cursor& goes_on) override {
        got[stream].push_back(std::string(name_of(reason)) + " " +
                              std::to_string(goes_on.position));
    }
    void caught_up(StreamKey stream, const Cursor& through) override {
        catching_up.erase(stream);
        reached = through;
    }
    [[nodiscard]] bool was_shown(const wire::Origin& /*origin*/) const override { return false; }
    [[nodiscard]] bool has_under_way(StreamKey /*stream*/) const override { return is_under_way; }

    bool is_under_way = false;
    void begin(StreamKey stream, const Beginning& beginning) {
        catching_up.insert(stream);
        catch_up.begin(stream, beginning);
    }
    void resume(std::uint64_t position, StreamKey stream = kStream, std::uint64_t epoch = kEpoch) {
        begin(stream, {.ids = kIds.list(), .cursor = {epoch, position}});
    }
    void live(std::uint64_t position, StreamKey stream = kStream) {
        const std::string text = "m" + std::to_string(position);
        if (catching_up.contains(stream)) {
            catch_up.hold(stream, {"id", text, {}, {kEpoch, position}});
        } else {
            got[stream].push_back(text);
        }
    }
    void turn() { catch_up.turn(now); }
    /// Answers all questions that were sent.
    void answer(const Broker& broker) {
        for (const wire::History& history : std::exchange(asked, {})) {
            const std::string frame = broker.answer(history);
            const auto decoded = wire::decode(frame);
            catch_up.on_kept(std::get<wire::Kept>(std::get<wire::Frame>(decoded)), now);
        }
        turn();
    }
    std::vector<std::string> take(StreamKey stream = kStream) {
        return std::exchange(got[stream], {});
    }
};

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE_METHOD(Fixture, "a stream gets what it missed, then what comes", "[catch_up]") {
    Broker broker{.position = 5, .feed = 5};
    catch_up.on_applied(5);
    resume(2);
    turn();
    CHECK(asked.empty()); // no feed is live
    catch_up.on_live();
    turn();
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].after == 2);
    CHECK(asked[0].is_for_feed);
    live(6);
    CHECK(take().empty());
    answer(broker);
    CHECK(take() == Texts{"m3", "m4", "m5", "m6"});
    CHECK(catching_up.empty());
    CHECK(catch_up.held_bytes() == 0);
}

TEST_CASE_METHOD(Fixture, "a stream has caught up once nothing is under way to it", "[catch_up]") {
    catch_up.on_live();
    catch_up.on_applied(5);
    resume(2);
    turn();
    is_under_way = true;
    answer({.position = 5, .feed = 5});
    CHECK(take() == Texts{"m3", "m4", "m5"});
    CHECK(catching_up.contains(kStream));
    CHECK(catch_up.due() <= now);
    live(4);
    live(5);
    live(6);
    CHECK(take() == Texts{"m6"});
    is_under_way = false;
    turn();
    CHECK(catching_up.empty());
    CHECK(catch_up.due() == kNever);
}

TEST_CASE_METHOD(Fixture, "a stream of several ids asks once, for all of them", "[catch_up]") {
    wire::OwnedIds ids("a");
    ids.add("b");
    catch_up.on_live();
    begin(kStream, {.ids = ids.list(), .cursor = {kEpoch, 1}});
    turn();
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].ids.count() == 2);
    wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kKept);
    for (const auto& [id, position] : {std::pair<const char*, std::uint64_t>{"b", 5}, {"a", 6}}) {
        const std::string attributes = wire::encode(wire::Attributes{.position = position});
        writer.add({id, id, {}, attributes});
    }
    const std::string frame = writer.finish_kept({.token = asked[0].token,
                                                  .reach = wire::Reach::kEvicted,
                                                  .epoch = kEpoch,
                                                  .since = 4,
                                                  .through = 6});
    const auto decoded = wire::decode(frame);
    catch_up.on_kept(std::get<wire::Kept>(std::get<wire::Frame>(decoded)), now);
    turn();
    CHECK(take() == Texts{"evicted 4", "b", "a"});
    CHECK(catching_up.empty());
}

TEST_CASE_METHOD(Fixture, "what both have is shown once", "[catch_up]") {
    Broker broker{.position = 5, .feed = 9};
    catch_up.on_live();
    resume(2);
    turn();
    live(4); // older than the answer
    live(5);
    answer(broker);
    CHECK(take() == Texts{"m3", "m4", "m5"});
    CHECK(catching_up.size() == 1); // the feed is behind the answer
    catch_up.on_applied(8);
    live(5);
    live(6);
    CHECK(take() == Texts{"m6"});
    catch_up.on_applied(9);
    CHECK(catching_up.empty());
}

TEST_CASE_METHOD(Fixture, "a long history comes in several answers", "[catch_up]") {
    const Broker broker{.position = 10};
    catch_up.on_live();
    resume(0);
    for (int i = 0; i < 4; ++i) {
        turn();
        answer(broker);
    }
    CHECK(take().size() == 10);
    CHECK(catching_up.empty());
}

TEST_CASE_METHOD(Fixture, "a stream is told where it stands, once", "[catch_up]") {
    const Broker broker{.position = 5};
    catch_up.on_live();
    SECTION("at its own cursor, if that can be vouched for") {
        begin(kStream, {.ids = kIds.list(), .cursor = {kEpoch, 4}, .wants_position = true});
        turn();
        answer(broker);
        CHECK(take() == Texts{"at 4", "m5"});
    }
    SECTION("where the history is, if it has no cursor") {
        begin(kStream, {.ids = kIds.list(), .wants_position = true});
        turn();
        answer(broker);
        CHECK(take() == Texts{"at 5"});
    }
    SECTION("or of a gap, if its cursor is none") {
        begin(kStream, {.ids = kIds.list(), .has_bad_cursor = true, .wants_position = true});
        turn();
        answer(broker);
        CHECK(take() == Texts{"cursor 5"});
    }
}

TEST_CASE_METHOD(Fixture, "a stream without a cursor may have all that is kept", "[catch_up]") {
    Broker broker{.position = 6, .evicted_through = 1, .feed = 6};
    catch_up.on_live();
    catch_up.on_applied(6);
    begin(kStream, {.ids = kIds.list(), .from_earliest = true, .wants_position = true});
    begin(2, {.ids = kIds.list(), .wants_position = true});
    turn();
    REQUIRE(asked.size() == 2); // not the same question
    CHECK(asked[0].epoch == 0);
    CHECK(asked[0].after == 0);
    answer(broker);
    answer(broker); // of the rest
    // Whoever leaves before the first message goes on from there.
    CHECK(take() == Texts{"at 1", "m2", "m3", "m4", "m5", "m6"});
    CHECK(take(2).front() == "at 6");
    CHECK(catching_up.empty());
}

TEST_CASE_METHOD(Fixture, "all that is kept is asked for again when the feed breaks",
                 "[catch_up]") {
    catch_up.on_live();
    begin(kStream, {.ids = kIds.list(), .from_earliest = true});
    turn();
    live(5);
    catch_up.on_feed_broken();
    turn();
    REQUIRE(asked.size() == 2);
    CHECK(asked[1].epoch == 0);
    CHECK(asked[1].after == 0);
}

TEST_CASE_METHOD(Fixture, "what cannot be vouched for is a gap, and then what there is",
                 "[catch_up]") {
    const Broker broker{.position = 5, .evicted_through = 3};
    catch_up.on_live();
    SECTION("because it was evicted") {
        resume(2);
    }
    SECTION("because it was another epoch") {
        resume(4, kStream, kEpoch + 1);
    }
    turn();
    answer(broker);
    const Texts told = take();
    REQUIRE(told.size() == 3);
    CHECK((told[0] == "evicted 3" || told[0] == "epoch 3"));
    CHECK(told[1] == "m4");
    CHECK(told[2] == "m5");
}

TEST_CASE_METHOD(Fixture, "a cursor within the history is no gap", "[catch_up]") {
    const Broker broker{.position = 5, .evicted_through = 3};
    catch_up.on_live();
    resume(3);
    turn();
    answer(broker);
    CHECK(take() == Texts{"m4", "m5"});
}

TEST_CASE_METHOD(Fixture, "while the broker does not know the login, it is asked again",
                 "[catch_up]") {
    Broker broker{.position = 3, .knows_login = false};
    catch_up.on_live();
    resume(2);
    turn();
    answer(broker);
    CHECK(take().empty());
    broker.knows_login = true;
    now = catch_up.due();
    turn();
    answer(broker);
    CHECK(take() == Texts{"m3"});
}

TEST_CASE_METHOD(Fixture, "a lost broker is asked again, and an old answer means nothing",
                 "[catch_up]") {
    const Broker broker{.position = 3};
    catch_up.on_live();
    resume(2);
    turn();
    const auto before = asked;
    catch_up.on_lost();
    catch_up.on_live();
    asked = before;
    answer(broker);
    CHECK(take().empty());
    asked.clear();
    catch_up.on_lost();
    catch_up.on_live();
    turn();
    answer(broker);
    CHECK(take() == Texts{"m3"});
}

TEST_CASE_METHOD(Fixture, "streams with the same cursor share a question", "[catch_up]") {
    const Broker broker{.position = 3};
    catch_up.on_live();
    for (StreamKey stream = 1; stream <= 5; ++stream) {
        resume(2, stream);
    }
    turn();
    CHECK(asked.size() == 1);
    resume(2, 6); // too late: what comes before it might be missing
    turn();
    CHECK(asked.size() == 2);
    answer(broker);
    for (StreamKey stream = 1; stream <= 6; ++stream) {
        CHECK(take(stream) == Texts{"m3"});
    }
}

TEST_CASE_METHOD(Fixture, "only so many questions are under way", "[catch_up]") {
    const Broker broker{.position = 1000};
    catch_up.on_live();
    for (StreamKey stream = 1; stream <= 2 * CatchUp::kAsksMax; ++stream) {
        resume(stream, stream);
    }
    turn();
    CHECK(asked.size() == CatchUp::kAsksMax);
    CHECK(catch_up.due() == now + CatchUp::kAnswerMax);
    answer(broker);
    CHECK(asked.size() == CatchUp::kAsksMax);
}

TEST_CASE_METHOD(Fixture, "answers that wait to be shown count like questions", "[catch_up]") {
    const Broker broker{.position = 1000, .most = 1000};
    catch_up.on_live();
    for (StreamKey stream = 1; stream <= 2 * CatchUp::kAsksMax; ++stream) {
        resume(stream, stream);
    }
    turn();
    CHECK(asked.size() == CatchUp::kAsksMax);
    answer(broker); // the first is shown in part
    CHECK(asked.empty());
    for (int i = 0; i < 4; ++i) {
        turn();
    }
    CHECK(asked.size() == 1);
}

TEST_CASE_METHOD(Fixture, "a long answer is shown in parts", "[catch_up]") {
    Broker broker{.position = 1000, .most = 1000};
    catch_up.on_live();
    resume(0);
    turn();
    answer(broker);
    CHECK(got[kStream].size() == CatchUp::kShownPerTurn);
    live(1001);
    CHECK(catch_up.due() <= now);
    SECTION("which follow each other") {
        for (int i = 0; i < 4; ++i) {
            turn();
        }
    }
    SECTION("and of which no more are shown to a stream that closes") {
        catch_up.end(kStream);
        catching_up.clear();
        turn();
        CHECK(take().size() == CatchUp::kShownPerTurn);
        CHECK(catch_up.due() == kNever);
        return;
    }
    SECTION("and another answer has those that are missing") {
        if (GENERATE(true, false)) {
            catch_up.on_lost();
            catch_up.on_live();
        } else {
            catch_up.on_feed_broken();
        }
        turn();
        REQUIRE(asked.size() == 1);
        CHECK(asked[0].after == CatchUp::kShownPerTurn);
        broker.position = 1001;
        answer(broker);
        for (int i = 0; i < 4; ++i) {
            turn();
        }
    }
    const Texts all = take();
    REQUIRE(all.size() == 1001);
    for (std::size_t i = 0; i < all.size(); ++i) {
        REQUIRE(all[i] == "m" + std::to_string(i + 1));
    }
    CHECK(catching_up.empty());
}

TEST_CASE_METHOD(Fixture, "very many streams have caught up in some turns", "[catch_up]") {
    constexpr StreamKey kMany = 2 * CatchUp::kLooksPerTurn + 10;
    const Broker broker{.position = 1, .feed = 5};
    catch_up.on_live();
    for (StreamKey stream = 1; stream <= kMany; ++stream) {
        resume(1, stream);
    }
    turn();
    CHECK(asked.size() == 1);
    answer(broker);
    while (catch_up.due() <= now) {
        turn();
    }
    CHECK(catching_up.size() == kMany);
    SECTION("when the feed has passed the answer") {
        catch_up.on_applied(5);
        CHECK(catching_up.size() == kMany - CatchUp::kLooksPerTurn);
        live(2, kMany); // comes to a stream that still has to finish
        CHECK(take(kMany) == Texts{"m2"});
        CHECK(catch_up.due() <= now);
        turn();
        CHECK(catching_up.size() == kMany - 2 * CatchUp::kLooksPerTurn);
        turn();
    }
    SECTION("when nothing is under way to them any more") {
        is_under_way = true;
        catch_up.on_applied(5);
        for (int i = 0; i < 10; ++i) {
            turn();
        }
        CHECK(catching_up.size() == kMany);
        is_under_way = false;
        turn();
        CHECK(catching_up.size() == kMany - CatchUp::kLooksPerTurn);
        turn();
        turn();
    }
    CHECK(catching_up.empty());
    CHECK(catch_up.size() == 0);
    CHECK(catch_up.due() == kNever);
}

TEST_CASE_METHOD(Fixture, "very many streams begin anew in some turns", "[catch_up]") {
    constexpr StreamKey kMany = 2 * CatchUp::kLooksPerTurn + 10;
    const Broker broker{.position = 5, .feed = 3};
    catch_up.on_live();
    for (StreamKey stream = 1; stream <= kMany; ++stream) {
        resume(4, stream);
    }
    turn();
    answer(broker);
    while (catch_up.due() <= now) {
        turn();
    }
    for (StreamKey stream = 1; stream <= kMany; ++stream) {
        REQUIRE(take(stream) == Texts{"m5"}); // it follows
    }
    catch_up.on_lost();
    catch_up.on_feed_broken();
    live(6, kMany); // of the next feed, before a turn has come to the stream
    CHECK(take(kMany).empty());
    catch_up.on_applied(3);
    CHECK(catching_up.size() == kMany);
    for (int i = 0; i < 3; ++i) {
        CHECK(catch_up.due() <= now);
        turn();
    }
    CHECK(catch_up.due() == kNever); // until the broker is back
    catch_up.on_live();
    turn();
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].after == 5);
    answer({.position = 6, .feed = 3});
    while (catch_up.due() <= now) {
        turn();
    }
    for (StreamKey stream = 1; stream <= kMany; ++stream) {
        REQUIRE(take(stream) == Texts{"m6"});
    }
    CHECK(catching_up.empty());
}

TEST_CASE_METHOD(Fixture, "very many streams that have closed hold up no turn", "[catch_up]") {
    constexpr StreamKey kMany = 2 * CatchUp::kLooksPerTurn + 10;
    for (StreamKey stream = 1; stream <= kMany; ++stream) {
        resume(4, stream);
        catch_up.end(stream);
    }
    resume(3, kMany + 1);
    catch_up.on_live();
    turn();
    turn();
    CHECK(asked.empty());
    CHECK(catch_up.due() <= now);
    turn();
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].after == 3);
}

TEST_CASE_METHOD(Fixture, "a stream that closes is forgotten", "[catch_up]") {
    const Broker broker{.position = 5};
    catch_up.on_live();
    resume(2);
    turn();
    live(6);
    catch_up.end(kStream);
    CHECK(catch_up.held_bytes() == 0);
    answer(broker);
    CHECK(take().empty());
    CHECK(catch_up.size() == 0);
}

TEST_CASE_METHOD(Fixture, "too many live messages go, and come from the history", "[catch_up]") {
    Broker broker{.position = 3, .most = 100};
    catch_up.on_live();
    resume(2);
    turn();
    const auto first = broker; // answers before the flood
    for (int i = 0; i < 2000; ++i) {
        live(++broker.position);
    }
    CHECK(catch_up.held_bytes() <= CatchUp::kHeldBytesMax);
    CHECK(catch_up.held_drops() > 0);
    answer(first);
    for (int i = 0; i < 40 && !catching_up.empty(); ++i) {
        turn();
        answer(broker);
    }
    const Texts all = take();
    REQUIRE(all.size() == 2001);
    CHECK(all.back() == "m2003");
}

TEST_CASE_METHOD(Fixture, "a node that was cut off gives its streams what came meanwhile",
                 "[catch_up]") {
    const Broker broker{.position = 6, .feed = 1};
    catch_up.on_live();
    catch_up.on_feed_broken();
    begin(kStream, {.ids = kIds.list(), .cursor = {kEpoch, 3}, .is_cut_off = true});
    live(3); // on its way to very many streams when the feed ended
    turn();
    live(6);
    answer(broker);
    CHECK(take() == Texts{"m3", "m4", "m5", "m6"});
    live(2); // as late as this, rather than never
    CHECK(take() == Texts{"m2"});
}

TEST_CASE_METHOD(Fixture, "a stream that follows goes on when its feed breaks", "[catch_up]") {
    Broker broker{.position = 5, .feed = 100};
    catch_up.on_live();
    resume(4);
    turn();
    answer(broker);
    live(6);
    CHECK(take() == Texts{"m5", "m6"});
    catch_up.on_feed_broken();
    live(4); // of the feed before, on its way to very many streams
    CHECK(take().empty());
    broker.position = 8;
    broker.feed = 0;
    turn();
    answer(broker);
    CHECK(take() == Texts{"m7", "m8"});
    CHECK(catching_up.empty());
}

TEST_CASE_METHOD(Fixture, "an id without a history has a gap", "[catch_up]") {
    catch_up.on_live();
    begin(kStream,
          {.ids = kIds.list(), .cursor = {kEpoch, 3}, .is_cut_off = GENERATE(true, false)});
    turn();
    REQUIRE(asked.size() == 1);
    wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kKept);
    live(9);
    const std::string frame =
        writer.finish_kept({.token = asked[0].token, .reach = wire::Reach::kNoHistory});
    const auto decoded = wire::decode(frame);
    catch_up.on_kept(std::get<wire::Kept>(std::get<wire::Frame>(decoded)), now);
    turn();
    const Texts told = take();
    REQUIRE(told.size() == 2);
    CHECK((told[0] == "cut-off 0" || told[0] == "cursor 0"));
    CHECK(told[1] == "m9");
    CHECK(catching_up.empty());
}

// Found by the simulation: questions and answers are lost with their connection, or not taken by
// the broker's socket, while the feed goes on.
TEST_CASE_METHOD(Fixture, "a question without an answer is asked again", "[catch_up]") {
    const Broker broker{.position = 3};
    catch_up.on_live();
    resume(2);
    turn();
    const auto lost = std::exchange(asked, {});
    turn();
    CHECK(asked.empty());
    now = catch_up.due();
    turn();
    REQUIRE(asked.size() == 1);
    const auto again = std::exchange(asked, lost);
    answer(broker); // late
    CHECK(take().empty());
    asked = again;
    answer(broker);
    CHECK(take() == Texts{"m3"});
    CHECK(catch_up.due() == kNever);
}

// Found by the simulation: the messages came after the position of the new epoch.
TEST_CASE_METHOD(Fixture, "held messages end with their feed", "[catch_up]") {
    Broker broker{.position = 5};
    catch_up.on_live();
    SECTION("a stream that has no cursor yet was there before the first of them") {
        begin(kStream, {.ids = kIds.list(), .wants_position = true});
        turn();
        live(4);
        live(5);
        catch_up.on_feed_broken();
        asked.clear();
        turn();
        SECTION("which the history has") {
            answer(broker);
            CHECK(take() == Texts{"at 3", "m4", "m5"});
        }
        SECTION("or which are gone with their broker") {
            broker.epoch = kEpoch + 1;
            broker.position = 2;
            answer(broker);
            CHECK(take() == Texts{"cut-off 0", "m1", "m2"});
        }
    }
    SECTION("a stream with a cursor goes on from there") {
        resume(3);
        turn();
        live(4);
        live(5);
        catch_up.on_feed_broken();
        asked.clear();
        turn();
        broker.epoch = kEpoch + 1;
        broker.position = 0;
        answer(broker);
        CHECK(take() == Texts{"epoch 0"});
    }
    CHECK(catch_up.held_bytes() == 0);
}

// Found by the simulation.
TEST_CASE_METHOD(Fixture, "between two answers messages go, and brokers begin", "[catch_up]") {
    Broker broker{.position = 9};
    catch_up.on_live();
    resume(0);
    turn();
    answer(broker);
    CHECK(take() == Texts{"m1", "m2", "m3"});
    SECTION("the history is no longer whole") {
        broker.evicted_through = 7;
        answer(broker);
        CHECK(take() == Texts{"evicted 7", "m8", "m9"});
    }
    SECTION("or is another one") {
        catch_up.on_feed_broken();
        asked.clear();
        turn();
        broker.epoch = kEpoch + 1;
        broker.position = 1;
        answer(broker);
        CHECK(take() == Texts{"cut-off 0", "m1"});
    }
}

// Found by the simulation: the node went on from what its feed had had, and showed messages again.
TEST_CASE_METHOD(Fixture, "the node has had what a stream caught up with", "[catch_up]") {
    const Broker broker{.position = 5, .feed = 1};
    catch_up.on_live();
    resume(2);
    turn();
    answer(broker);
    CHECK(reached == Cursor{});
    live(6);
    catch_up.on_applied(1);
    CHECK(reached == Cursor{kEpoch, 6});
}

TEST_CASE("property: each message once and in order, or a gap", "[catch_up]") {
    const auto seed = GENERATE(range(1, 60));
    std::minstd_rand random(static_cast<unsigned>(seed));
    const auto one_in = [&random](unsigned n) { return random() % n == 0; };
    Fixture node;
    Broker broker{.most = 2};
    std::deque<std::uint64_t> feed; // positions under way to the node
    std::uint64_t applied = 0;
    node.catch_up.on_live();
    node.resume(0);
    for (int step = 0; step < 3000; ++step) {
        if (one_in(3)) {
            ++broker.feed;
            feed.push_back(++broker.position);
        }
        if (one_in(3) && !feed.empty()) {
            node.live(feed.front());
            feed.pop_front();
            node.catch_up.on_applied(++applied);
        }
        if (one_in(4)) {
            node.turn();
        }
        if (one_in(7)) {
            broker.knows_login = !one_in(5);
            node.answer(broker);
            node.now += CatchUp::kAsksMax * 2ms;
        }
        if (one_in(400)) { // the feed ends, with what is under way on it
            const std::uint64_t last = broker.position - feed.size();
            feed.clear();
            broker.feed = 0;
            applied = 0;
            node.catch_up.on_feed_broken();
            if (node.catching_up.empty()) {
                node.begin(kStream,
                           {.ids = kIds.list(), .cursor = {kEpoch, last}, .is_cut_off = true});
            }
        }
    }
    for (; !feed.empty(); feed.pop_front()) {
        node.live(feed.front());
        node.catch_up.on_applied(++applied);
    }
    broker.knows_login = true;
    for (int i = 0; i < 5000 && !node.catching_up.empty(); ++i) {
        node.now += 1s;
        node.turn();
        node.answer(broker);
    }
    const Texts all = node.take();
    REQUIRE(all.size() == broker.position);
    for (std::size_t i = 0; i < all.size(); ++i) {
        REQUIRE(all[i] == "m" + std::to_string(i + 1));
    }
}

} // namespace catch_up_test
