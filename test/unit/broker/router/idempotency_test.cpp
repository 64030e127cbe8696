// Goal: a message that its client sends again under the same key, by any sender, is shown once, and
// its sender is told what became of the first one.
#include "test/unit/broker/router/router_harness.hpp"
#include "topology/wire/attributes.hpp"

#include <random>

namespace zcomet::broker::router::idempotency_test {
namespace {

using wire::Confirm;
using wire::Outcome;
constexpr auto kOther = Outcome::Refusal::kOtherMessage;
constexpr auto kUnderWay = Outcome::Refusal::kUnderWay;

RouterOptions with_history() {
    RouterOptions options;
    options.history = history::Rules({{"chat.*", 100, 60s}});
    options.unix_ms = 1'700'000'000'000;
    return options;
}

struct Fixture : RouterHarness {
    Fixture() : RouterHarness(with_history()) {
        join_live_node("n", 1, "node");
        say("n", login(1, {"a", "chat.1"}));
        static_cast<void>(take("n"));
        join_sender("s", 2);
        join_sender("t", 3);
    }

    struct Keyed {
        std::string id;
        std::string text;
        std::string key;
        std::string event{};
    };
    /// A SEND of one message; 16 times the letter `key`.
    static std::string keyed(std::uint64_t number, const Keyed& message,
                             Confirm confirm = Confirm::kReceipt) {
        const std::string key(message.key.empty() ? 0 : wire::kKeyBytes,
                              message.key.empty() ? ' ' : message.key[0]);
        const std::string attributes = wire::encode({.event = message.event, .key = key});
        wire::MessageFrameWriter frame(wire::MessageFrameWriter::Form::kSend);
        frame.add({message.id, message.text, {}, attributes});
        return frame.finish_send(confirm, number);
    }
    Outcome receipt(const std::string& connection, std::uint64_t number, const Keyed& message) {
        return ask<wire::Receipt>(connection, keyed(number, message)).outcome(0);
    }
    /// The one outcome that the connection was told of since the last call; nothing: none.
    std::optional<Outcome> acknowledged(const std::string& connection) {
        std::optional<Outcome> outcome;
        for (const std::string& frame : take(connection)) {
            const auto decoded = wire::decode(frame, wire::Role::kSender);
            const auto& body = std::get<wire::Frame>(decoded);
            if (const auto* told = std::get_if<wire::Acknowledged>(&body)) {
                CHECK_FALSE(outcome);
                outcome = told->outcome(0);
            }
        }
        return outcome;
    }
    std::vector<std::string> shown() {
        pass(1ms);
        return take_messages();
    }
    /// The node has applied all batches up to this one.
    void apply(std::uint64_t batch) {
        now += 600ms; // so that the heartbeat is answered, and nobody dies
        say("n", heartbeat(batch, 1, {"a", "chat.1"}));
    }
};

using Shown = std::vector<std::string>;

} // namespace

TEST_CASE_METHOD(Fixture, "a repeat by another sender goes nowhere, and has the first answer",
                 "[idempotency]") {
    const Outcome first = receipt("s", 1, {"a", "x", "k"});
    CHECK(first == Outcome{.nodes = 1});
    CHECK(shown() == Shown{"1 a x"});
    say("n", logout(2, {"a"}));
    CHECK(receipt("t", 1, {"a", "x", "k"}) == first); // although nobody holds the id now
    CHECK(receipt("s", 2, {"a", "x", "k"}) == first);
    CHECK(shown().empty());
    CHECK(counter(table::BrokerCounter::kMessagesIn) == 3);
    CHECK(counter(table::BrokerCounter::kMessagesKnown) == 2);
    pass(1ms);
    CHECK(counter(table::BrokerCounter::kKeys) == 1);
    CHECK(query("ledger").find("\"known\":2,\"remainder\":0") != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "the answer to a repeat has the position of the first", "[idempotency]") {
    const Outcome first = receipt("s", 1, {"chat.9", "x", "k"});
    CHECK(first.nodes == 0U);
    CHECK(first.position != 0);
    CHECK(receipt("t", 1, {"chat.9", "x", "k"}) == first);
    CHECK(counter(table::BrokerCounter::kHistoryKept) == 1);
}

TEST_CASE_METHOD(Fixture, "another message with the same key is refused", "[idempotency]") {
    CHECK(receipt("s", 1, {"a", "x", "k", "tick"}).nodes == 1U);
    CHECK(receipt("t", 1, {"a", "y", "k", "tick"}).refusal == kOther);
    CHECK(receipt("t", 2, {"a", "x", "k", "tock"}).refusal == kOther);
    CHECK(receipt("t", 3, {"chat.1", "x", "k", "tick"}).refusal == kOther);
    CHECK(shown().size() == 1);
    CHECK(counter(table::BrokerCounter::kKeysMisused) == 3);
    CHECK(receipt("t", 4, {"a", "y", "l", "tick"}).nodes == 1U);
    CHECK(receipt("t", 5, {"a", "x", "", "tick"}).nodes == 1U); // without a key
    CHECK(shown().size() == 2);
}

TEST_CASE_METHOD(Fixture, "nodes do not get the key", "[idempotency]") {
    const auto attributes_of = [&] {
        pass(1ms);
        std::string attributes = "none";
        for (const Published& one : std::exchange(published, {})) {
            decoded<wire::Batch>(one.frame).messages.for_each(
                [&](const wire::Message& message) { attributes = message.attributes; });
        }
        return attributes;
    };
    CHECK(receipt("s", 1, {"a", "x", "k"}).nodes == 1U);
    CHECK(attributes_of().empty());
    CHECK(receipt("s", 2, {"a", "x", "l", "tick"}).nodes == 1U);
    CHECK(attributes_of() == wire::encode({.event = "tick"}));
}

TEST_CASE_METHOD(Fixture, "while the first is under way, its repeats have no answer",
                 "[idempotency]") {
    say("s", keyed(1, {"a", "x", "k"}, Confirm::kAcknowledgement));
    CHECK(shown() == Shown{"1 a x"});
    CHECK(receipt("t", 1, {"a", "x", "k"}).refusal == kUnderWay);
    say("t", keyed(2, {"a", "x", "k"}, Confirm::kAcknowledgement));
    CHECK(acknowledged("t")->refusal == kUnderWay);
    CHECK(receipt("t", 3, {"a", "y", "k"}).refusal == kOther);
    apply(1);
    CHECK(acknowledged("s") == Outcome{.nodes = 1});
    CHECK(receipt("t", 4, {"a", "x", "k"}) == Outcome{.nodes = 1});
    say("t", keyed(5, {"a", "x", "k"}, Confirm::kAcknowledgement));
    CHECK(acknowledged("t") == Outcome{.nodes = 1});
    CHECK(shown().empty());
}

TEST_CASE_METHOD(Fixture, "that nodes held the id does not mean that the message has arrived",
                 "[idempotency]") {
    const Outcome first = receipt("s", 1, {"chat.1", "x", "k"});
    say("t", keyed(1, {"chat.1", "x", "k"}, Confirm::kAcknowledgement));
    const auto told = acknowledged("t");
    CHECK(told == Outcome{.nodes = std::nullopt, .epoch = first.epoch, .position = first.position});
}

TEST_CASE_METHOD(Fixture, "what became of a message is remembered although its sender is gone",
                 "[idempotency]") {
    say("s", keyed(1, {"a", "x", "k"}, Confirm::kAcknowledgement));
    CHECK(shown() == Shown{"1 a x"});
    say("s", wire::encode(wire::Goodbye{}));
    CHECK(receipt("t", 1, {"a", "x", "k"}).refusal == kUnderWay);
    apply(1);
    CHECK(receipt("t", 2, {"a", "x", "k"}) == Outcome{.nodes = 1});
}

TEST_CASE_METHOD(Fixture, "a message whose node is gone has arrived nowhere", "[idempotency]") {
    say("s", keyed(1, {"a", "x", "k"}, Confirm::kAcknowledgement));
    say("n", wire::encode(wire::Goodbye{}));
    CHECK(acknowledged("s") == Outcome{.nodes = 0});
    CHECK(receipt("t", 1, {"a", "x", "k"}) == Outcome{.nodes = 0});
}

TEST_CASE_METHOD(Fixture, "a sender that has no answer repeats its message as without a key",
                 "[idempotency]") {
    say("s", keyed(1, {"a", "x", "k"}, Confirm::kAcknowledgement));
    CHECK(shown() == Shown{"1 a x"});
    say("s", keyed(1, {"a", "x", "k"}, Confirm::kAcknowledgement)); // its answer is awaited
    CHECK_FALSE(acknowledged("s"));
    SECTION("the broker has forgotten the sender") {
        say("s", wire::encode(wire::Goodbye{}));
        join_sender("u", 2, 1);
        say("u", keyed(1, {"a", "x", "k"}, Confirm::kAcknowledgement));
        CHECK(shown() == Shown{"1 a x"}); // the node knows it by its origin
        apply(2);
        CHECK(acknowledged("u") == Outcome{.nodes = 1});
    }
    SECTION("the answer was lost") {
        apply(1);
        CHECK(acknowledged("s") == Outcome{.nodes = 1});
        say("s", keyed(1, {"a", "x", "k"}, Confirm::kAcknowledgement));
        CHECK(acknowledged("s") == Outcome{.nodes = 1});
        CHECK(shown().empty());
    }
    CHECK(receipt("t", 1, {"a", "x", "k"}) == Outcome{.nodes = 1});
    CHECK(query("ledger").find("\"known\":1,\"remainder\":0") != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "a second sender that repeats its copy is not taken for the first",
                 "[idempotency]") {
    const auto copy = keyed(1, {"a", "x", "k"}, Confirm::kAcknowledgement);
    say("s", copy);
    CHECK(shown() == Shown{"1 a x"});
    std::string second = "t";
    SECTION("the answer was lost") {
        say("t", copy);
        CHECK(acknowledged("t")->refusal == kUnderWay);
    }
    SECTION("the copy was lost with its connection") {
        join_sender("u", 4, 1); // it has sent a message before
        second = "u";
    }
    say(second, copy);
    CHECK(acknowledged(second)->refusal == kUnderWay);
    CHECK(shown().empty());
    apply(1);
    CHECK(acknowledged("s") == Outcome{.nodes = 1});
    say(second, copy);
    CHECK(acknowledged(second) == Outcome{.nodes = 1});
    CHECK(shown().empty());
}

TEST_CASE_METHOD(Fixture, "keys are remembered for ten minutes", "[idempotency]") {
    CHECK(receipt("s", 1, {"a", "x", "k"}).nodes == 1U);
    const auto live_for = [&](Duration time) {
        for (const Time end = now + time; now < end;) {
            pass(1s);
            apply(1);
            for (const char* sender : {"s", "t"}) {
                say(sender, wire::encode(wire::Heartbeat{}));
            }
        }
    };
    live_for(table::MessageKeys::kAge - 5s);
    CHECK(receipt("t", 1, {"a", "x", "k"}).nodes == 1U);
    CHECK(counter(table::BrokerCounter::kMessagesKnown) == 1);
    live_for(10s);
    CHECK(counter(table::BrokerCounter::kKeys) == 0);
    CHECK(receipt("t", 2, {"a", "x", "k"}).nodes == 1U);
    CHECK(counter(table::BrokerCounter::kMessagesKnown) == 1);
}

TEST_CASE_METHOD(Fixture, "whatever clients repeat, each key is shown once, with one answer",
                 "[idempotency][property]") {
    constexpr unsigned kSeed = 20081024;
    std::mt19937 random(kSeed);
    INFO("seed " << kSeed);
    struct Key {
        std::string id;
        std::optional<Outcome> first;
    };
    std::map<char, Key> keys;
    std::map<std::string, std::uint64_t> numbers{{"s", 0}, {"t", 0}};
    std::map<std::string, std::map<std::uint64_t, char>> asked;
    std::multiset<std::string> all_shown;
    std::uint64_t batch = 0;
    const auto hear = [&](const std::string& sender) {
        for (const std::string& frame : take(sender)) {
            const auto decoded = wire::decode(frame, wire::Role::kSender);
            const auto& body = std::get<wire::Frame>(decoded);
            const auto* receipt = std::get_if<wire::Receipt>(&body);
            const auto* told = std::get_if<wire::Acknowledged>(&body);
            if (receipt == nullptr && told == nullptr) {
                continue;
            }
            const std::uint64_t number = receipt != nullptr ? receipt->first : told->first;
            const Outcome outcome = receipt != nullptr ? receipt->outcome(0) : told->outcome(0);
            Key& key = keys[asked[sender].at(number)];
            asked[sender].erase(number);
            REQUIRE(outcome.refusal != kOther);
            if (outcome.refusal == kUnderWay) {
                continue;
            }
            if (outcome.nodes) {
                REQUIRE((!key.first || key.first->nodes == outcome.nodes));
                key.first = outcome;
            }
        }
    };
    const auto look = [&] {
        pass(1ms);
        for (const Published& one : std::exchange(published, {})) {
            const auto applied = decoded<wire::Batch>(one.frame);
            batch = std::max(batch, applied.number);
            applied.messages.for_each([&](const wire::Message& message) {
                all_shown.insert(std::string(message.payload));
            });
        }
    };
    for (int step = 0; step < 3000; ++step) {
        const std::string sender = random() % 2 == 0 ? "s" : "t";
        const char name = static_cast<char>('A' + random() % 26);
        Key& key = keys[name];
        key.id = name % 2 == 0 ? "a" : "chat.1";
        const Confirm confirm = random() % 2 == 0 ? Confirm::kReceipt : Confirm::kAcknowledgement;
        asked[sender][++numbers[sender]] = name;
        say(sender,
            keyed(numbers[sender], {key.id, std::string(1, name), std::string(1, name)}, confirm));
        if (random() % 8 == 0) {
            look();
            if (random() % 3 == 0) {
                apply(batch);
            }
        }
        hear("s");
        hear("t");
    }
    look();
    apply(batch);
    hear("s");
    hear("t");
    CHECK(all_shown.size() == keys.size());
    for (const auto& [name, key] : keys) {
        CHECK(all_shown.count(std::string(1, name)) == 1);
        CHECK(key.first);
    }
}

} // namespace zcomet::broker::router::idempotency_test
