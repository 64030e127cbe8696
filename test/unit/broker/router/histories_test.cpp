// What a broker keeps, what positions it gives, and how it answers HISTORY.
#include "test/unit/broker/router/router_harness.hpp"
#include "topology/wire/attributes.hpp"
#include "topology/wire/owned_ids.hpp"

namespace zcomet::broker::router::histories_test {
namespace {

RouterOptions with_history() {
    RouterOptions options;
    options.history = history::Rules({{"chat.*", 3, 60s}});
    options.unix_ms = 1'700'000'000'000;
    return options;
}

struct Fixture : RouterHarness {
    explicit Fixture(RouterOptions options = with_history()) : RouterHarness(std::move(options)) {
        join_live_node("n", 1, "node");
        join_sender("s", 2);
        say("n", login(1, {"chat.1", "other"}));
        static_cast<void>(take("n"));
    }

    struct Answer {
        wire::Reach reach{};
        bool has_more = false;
        std::uint64_t epoch = 0;
        std::uint64_t since = 0;
        std::uint64_t through = 0;
        std::uint64_t feed = 0;
        std::vector<std::string> texts;
        std::vector<std::uint64_t> positions;
    };
    Answer ask_history(const std::string& id, std::uint64_t epoch, std::uint64_t after,
                       std::uint32_t most = 100, const std::string& connection = "n",
                       bool is_for_feed = true, bool wants_newest = false) {
        return ask_history(wire::OwnedIds(id), epoch, after, most, connection, is_for_feed,
                           wants_newest);
    }
    Answer ask_history(const wire::OwnedIds& ids, std::uint64_t epoch, std::uint64_t after,
                       std::uint32_t most = 100, const std::string& connection = "n",
                       bool is_for_feed = true, bool wants_newest = false) {
        const auto kept =
            ask<wire::Kept>(connection, wire::encode(wire::History{.token = 77,
                                                                   .is_for_feed = is_for_feed,
                                                                   .epoch = epoch,
                                                                   .after = after,
                                                                   .count_max = most,
                                                                   .ids = ids.list(),
                                                                   .wants_newest = wants_newest}));
        CHECK(kept.token == 77);
        Answer answer{kept.reach,   kept.has_more, kept.epoch, kept.since,
                      kept.through, kept.feed,     {},         {}};
        kept.messages.for_each([&](const wire::Message& message) {
            answer.texts.emplace_back(message.payload);
            answer.positions.push_back(wire::read_attributes(message.attributes).position);
        });
        return answer;
    }
    /// The positions of the messages that were published since the last call.
    std::vector<std::uint64_t> take_positions() {
        std::vector<std::uint64_t> positions;
        for (const Published& one : std::exchange(published, {})) {
            decoded<wire::Batch>(one.frame).messages.for_each([&](const wire::Message& message) {
                positions.push_back(message.attributes.empty()
                                        ? 0
                                        : wire::read_attributes(message.attributes).position);
            });
        }
        return positions;
    }
};

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE_METHOD(Fixture, "messages to ids with a history have positions, and are kept",
                 "[histories]") {
    say("s", send(1, {{"chat.1", "a"}, {"other", "b"}, {"chat.1", "c"}}));
    pass(1ms);
    const auto positions = take_positions();
    REQUIRE(positions.size() == 3);
    CHECK(positions[0] != 0);
    CHECK(positions[1] == 0);
    CHECK(positions[2] > positions[0]);
    const Answer answer = ask_history("chat.1", kBrokerIncarnation, 0);
    CHECK(answer.reach == wire::Reach::kWhole);
    CHECK(answer.epoch == kBrokerIncarnation);
    CHECK(answer.texts == Texts{"a", "c"});
    CHECK(answer.positions == std::vector<std::uint64_t>{positions[0], positions[2]});
    CHECK(answer.through == positions[2]);
    CHECK(counter(table::BrokerCounter::kHistoryKept) == 2);
}

TEST_CASE_METHOD(Fixture, "an answer names the batch that has its messages", "[histories]") {
    say("s", send(1, {{"chat.1", "a"}}));
    CHECK(ask_history("chat.1", kBrokerIncarnation, 0).feed == 1); // still open
    pass(1ms);
    CHECK(ask_history("chat.1", kBrokerIncarnation, 0).feed == 1);
    say("s", send(2, {{"chat.1", "b"}}));
    CHECK(ask_history("chat.1", kBrokerIncarnation, 0).feed == 2);
}

TEST_CASE_METHOD(Fixture, "messages that nobody holds are kept", "[histories]") {
    say("s", send(1, {{"chat.9", "a"}}));
    say("n", login(2, {"chat.9"}));
    CHECK(ask_history("chat.9", kBrokerIncarnation, 0).texts == Texts{"a"});
}

TEST_CASE_METHOD(Fixture, "a history that does not reach back says so", "[histories]") {
    say("s", send(1, {{"chat.1", "a"}, {"chat.1", "b"}, {"chat.1", "c"}, {"chat.1", "d"}}));
    pass(1ms);
    const auto positions = take_positions();
    const Answer whole = ask_history("chat.1", kBrokerIncarnation, positions[0]);
    CHECK(whole.reach == wire::Reach::kWhole);
    CHECK(whole.texts == Texts{"b", "c", "d"});
    const Answer evicted = ask_history("chat.1", kBrokerIncarnation, positions[0] - 1);
    CHECK(evicted.reach == wire::Reach::kEvicted);
    CHECK(evicted.since == positions[0]);
    CHECK(evicted.texts == Texts{"b", "c", "d"});
    const Answer other = ask_history("chat.1", 5, positions[3]);
    CHECK(other.reach == wire::Reach::kOtherEpoch);
    CHECK(other.texts == Texts{"b", "c", "d"});
    const Answer none = ask_history("chat.1", 0, UINT64_MAX);
    CHECK(none.reach == wire::Reach::kNoCursor);
    CHECK(none.texts.empty());
    CHECK(none.through == positions[3]);
    CHECK(ask_history("other", kBrokerIncarnation, 0).reach == wire::Reach::kNoHistory);
}

TEST_CASE_METHOD(Fixture, "of several ids all go on from one position", "[histories]") {
    say("n", login(2, {"chat.2"}));
    say("s", send(1, {{"chat.1", "a"}, {"chat.2", "b"}, {"other", "c"}, {"chat.1", "d"}}));
    pass(1ms);
    const auto positions = take_positions();
    wire::OwnedIds ids("chat.1");
    ids.add("other");
    ids.add("chat.2");
    CHECK(ask_history(ids, kBrokerIncarnation, positions[0]).texts == Texts{"b", "d"});
    say("s", send(5, {{"chat.1", "e"}, {"chat.1", "f"}}));
    const Answer evicted = ask_history(ids, kBrokerIncarnation, 0);
    CHECK(evicted.reach == wire::Reach::kEvicted);
    CHECK(evicted.since == positions[0]);
    CHECK(evicted.texts == Texts{"b", "d", "e", "f"});
    say("s", send(7, {{"chat.1", "g"}}));
    const Answer more = ask_history(ids, kBrokerIncarnation, 0);
    CHECK(more.since == positions[3]);
    CHECK(more.texts == Texts{"e", "f", "g"}); // not "b", which is older than the end of the gap
}

TEST_CASE_METHOD(Fixture, "an answer has no more than was asked for", "[histories]") {
    say("s", send(1, {{"chat.1", "a"}, {"chat.1", "b"}, {"chat.1", "c"}}));
    const Answer first = ask_history("chat.1", kBrokerIncarnation, 0, 2);
    CHECK(first.texts == Texts{"a", "b"});
    CHECK(first.has_more);
    const Answer rest = ask_history("chat.1", kBrokerIncarnation, first.positions[1], 2);
    CHECK(rest.texts == Texts{"c"});
    CHECK_FALSE(rest.has_more);
}

TEST_CASE_METHOD(Fixture, "the newest messages, where there are more than were asked for",
                 "[histories]") {
    say("s", send(1, {{"chat.1", "a"}, {"chat.1", "b"}, {"chat.1", "c"}}));
    pass(1ms);
    const auto positions = take_positions();
    const auto newest = [this](std::uint32_t most, std::uint64_t epoch = 0,
                               std::uint64_t after = 0) {
        return ask_history("chat.1", epoch, after, most, "s", false, true);
    };
    const Answer two = newest(2);
    CHECK(two.texts == Texts{"b", "c"});
    CHECK(two.since == positions[0]);
    CHECK(two.reach == wire::Reach::kNoCursor);
    CHECK_FALSE(two.has_more);
    CHECK(newest(3).texts == Texts{"a", "b", "c"});
    CHECK(newest(3).since == 0);
    CHECK(newest(1, kBrokerIncarnation, positions[0]).texts == Texts{"c"});
    CHECK(newest(1, kBrokerIncarnation, positions[0]).reach == wire::Reach::kEvicted);
    CHECK(newest(3, kBrokerIncarnation, positions[0]).texts == Texts{"b", "c"});
    CHECK(newest(3, kBrokerIncarnation, positions[0]).reach == wire::Reach::kWhole);
}

TEST_CASE_METHOD(Fixture, "a node that the broker does not know to hold the id asks again",
                 "[histories]") {
    CHECK(ask_history("chat.2", kBrokerIncarnation, 0).reach == wire::Reach::kNotLoggedIn);
    say("n", login(2, {"chat.2"}));
    CHECK(ask_history("chat.2", kBrokerIncarnation, 0).reach == wire::Reach::kWhole);
    // Whoever does not go on with a feed may ask for any id.
    CHECK(ask_history("chat.3", kBrokerIncarnation, 0, 100, "s", false).reach ==
          wire::Reach::kWhole);
}

TEST_CASE_METHOD(Fixture, "a message that is sent again is not kept again", "[histories]") {
    say("s", send(1, {{"chat.1", "a"}}, wire::Confirm::kAcknowledgement));
    pass(1ms);
    CHECK(take_positions().size() == 1);
    say("n", heartbeat(1, 1, {"chat.1", "other"}));
    static_cast<void>(take("s"));
    say("s", send(1, {{"chat.1", "a"}}, wire::Confirm::kAcknowledgement));
    pass(1ms);
    CHECK(take_positions().empty());
    CHECK(ask_history("chat.1", kBrokerIncarnation, 0).texts == Texts{"a"});
    const auto answers = take("s");
    REQUIRE_FALSE(answers.empty());
    CHECK(decoded<wire::Acknowledged>(answers.back(), wire::Role::kSender).outcome(0) ==
          wire::Outcome{});
}

TEST_CASE_METHOD(Fixture, "a sender that passed for dead repeats its messages: they are kept once",
                 "[histories]") {
    say("s", send(1, {{"chat.1", "a"}, {"chat.1", "b"}}, wire::Confirm::kAcknowledgement));
    for (int i = 0; i < 8; ++i) {
        pass(500ms);
        say("n", heartbeat(0, 1, {"chat.1", "other"}));
    }
    CHECK(counter(table::BrokerCounter::kSendersDied) == 1);
    CHECK(take_positions().size() == 2);
    join_sender("t", 2, 3); // it has sent a third one, which has not come
    say("t", send(1, {{"chat.1", "a"}, {"chat.1", "b"}}, wire::Confirm::kAcknowledgement));
    say("t", send(3, {{"chat.1", "c"}}, wire::Confirm::kAcknowledgement));
    pass(1ms);
    CHECK(take_positions().size() == 1);
    CHECK(ask_history("chat.1", kBrokerIncarnation, 0).texts == Texts{"a", "b", "c"});
    const auto told = take("t");
    REQUIRE(told.size() == 1); // of the first frame: it has gone nowhere
    CHECK(decoded<wire::Acknowledged>(told[0], wire::Role::kSender).outcome(0) == wire::Outcome{});
    CHECK(query("ledger").find("\"messages\":{\"taken_in\":3,\"rerouted\":0") != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "a message that was lost on its way is kept when it comes again",
                 "[histories]") {
    say("s", send(1, {{"chat.1", "a"}}, wire::Confirm::kAcknowledgement));
    say("s", wire::encode(wire::Heartbeat{0, 2, 0})); // the second was lost with a connection
    say("s", send(3, {{"chat.1", "c"}}, wire::Confirm::kAcknowledgement));
    say("s", send(2, {{"chat.1", "b"}}, wire::Confirm::kAcknowledgement));
    say("s", send(2, {{"chat.1", "b"}}, wire::Confirm::kReceipt));
    CHECK(ask_history("chat.1", kBrokerIncarnation, 0).texts == Texts{"a", "c", "b"});
    pass(1ms);
    CHECK(take_positions().size() == 3);
    CHECK(counter(table::BrokerCounter::kMessagesRerouted) == 1);
}

TEST_CASE_METHOD(Fixture, "a process that takes the incarnation of a departed sender begins anew",
                 "[histories]") {
    say("s", send(1, {{"chat.1", "a"}, {"chat.1", "b"}}, wire::Confirm::kAcknowledgement));
    say("s", wire::encode(wire::Goodbye{}));
    join_sender("t", 2, 1); // says that it has sent less
    say("t", send(2, {{"chat.1", "x"}}, wire::Confirm::kAcknowledgement));
    CHECK(ask_history("chat.1", kBrokerIncarnation, 0).texts == Texts{"a", "b", "x"});
}

TEST_CASE_METHOD(Fixture, "a sender is told where its messages are kept", "[histories]") {
    const Messages messages{{"other", "a"}, {"chat.1", "b"}, {"chat.9", "c"}};
    const auto receipt = ask<wire::Receipt>("s", send(1, messages, wire::Confirm::kReceipt));
    pass(1ms);
    const std::uint64_t position = take_positions().at(1);
    CHECK(receipt.outcome(0) == wire::Outcome{.nodes = 1});
    CHECK(receipt.outcome(1) ==
          wire::Outcome{.nodes = 1, .epoch = kBrokerIncarnation, .position = position});
    CHECK(receipt.outcome(2).nodes == 0U); // kept, although nobody holds the id
    CHECK(receipt.outcome(2).position > position);

    say("s", send(4, messages, wire::Confirm::kAcknowledgement));
    pass(1ms);
    const std::uint64_t second = take_positions().at(1);
    static_cast<void>(take("s"));
    // Messages with and without positions are in batches of their own.
    say("n", heartbeat(4, 1, {"chat.1", "other"}));
    const auto answers = take("s");
    REQUIRE(answers.size() == 1);
    const auto told = decoded<wire::Acknowledged>(answers[0]);
    CHECK(told.outcome(0) == wire::Outcome{.nodes = 1});
    CHECK(told.outcome(1) ==
          wire::Outcome{.nodes = 1, .epoch = kBrokerIncarnation, .position = second});
    CHECK(told.outcome(2).nodes == 0U);
    CHECK(told.outcome(2).position > second);
}

TEST_CASE_METHOD(Fixture, "a node is told which ids have a history", "[histories]") {
    say("s", send(1, {{"chat.1", "a"}}));
    const wire::NodeWelcome welcome = join_node("m", 5, "other");
    CHECK(welcome.history.epoch == kBrokerIncarnation);
    CHECK(welcome.history.patterns == "chat.*");
    CHECK(welcome.history.position == ask_history("chat.1", kBrokerIncarnation, 0).through);
}

TEST_CASE_METHOD(Fixture, "old messages go", "[histories]") {
    say("s", send(1, {{"chat.1", "a"}}));
    pass(59s);
    say("n", heartbeat(1, 1, {"chat.1", "other"}));
    CHECK(counter(table::BrokerCounter::kHistoryMessages) == 1);
    for (int i = 0; i < 5; ++i) {
        pass(1s);
    }
    CHECK(counter(table::BrokerCounter::kHistoryMessages) == 0);
}

TEST_CASE("without --history there is none", "[histories]") {
    Fixture f{RouterOptions{}};
    f.say("s", f.send(1, {{"chat.1", "a"}}));
    CHECK(f.ask_history("chat.1", kBrokerIncarnation, 0).reach == wire::Reach::kNoHistory);
    CHECK(f.join_node("m", 5, "other").history.epoch == 0);
}

} // namespace zcomet::broker::router::histories_test
