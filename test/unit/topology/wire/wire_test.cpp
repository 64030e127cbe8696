// The codec against docs/PROTOCOL.md: its worked example byte for byte, every frame there and back,
// and every way in which bytes can fail to be a frame.
#include "test/unit/topology/wire/hex.hpp"
#include "topology/wire/attributes.hpp"
#include "topology/wire/frames.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <vector>

namespace wire_test {

using namespace zcomet;
using namespace zcomet::wire;
using test::from_hex;

namespace {

template <typename T> T decoded(std::string_view bytes, wire::Role role = wire::Role::kNode) {
    const auto result = wire::decode(bytes, role);
    if (const auto* refusal = std::get_if<wire::Refusal>(&result)) {
        FAIL(refusal->text);
    }
    return std::get<T>(std::get<wire::Frame>(result));
}

wire::Refusal refused(std::string_view bytes) {
    const auto result = wire::decode(bytes);
    REQUIRE(std::holds_alternative<wire::Refusal>(result));
    return std::get<wire::Refusal>(result);
}

std::vector<std::string> ids_of(const wire::IdList& list) {
    std::vector<std::string> ids;
    list.for_each([&](std::string_view id) { ids.emplace_back(id); });
    return ids;
}

/// A question for the history of "123" or, with `ids`, of "123" and "456".
std::string history(bool wants_newest, std::uint32_t ids = 1) {
    const std::string names = "\x03"
                              "123\x03"
                              "456";
    return wire::encode(wire::History{
        .token = 5,
        .is_for_feed = !wants_newest,
        .epoch = 6,
        .after = 7,
        .count_max = 8,
        .ids = wire::IdList(std::string_view(names).substr(0, std::size_t{4} * ids), ids),
        .wants_newest = wants_newest});
}

/// One valid frame of every kind.
std::vector<std::string> one_of_each() {
    wire::IdFrameWriter ids;
    wire::MessageFrameWriter send(wire::MessageFrameWriter::Form::kSend);
    wire::MessageFrameWriter batch(wire::MessageFrameWriter::Form::kBatch);
    wire::MessageFrameWriter from_afar(wire::MessageFrameWriter::Form::kBatch);
    wire::MessageFrameWriter send_event(wire::MessageFrameWriter::Form::kSend);
    wire::MessageFrameWriter event(wire::MessageFrameWriter::Form::kBatch);
    wire::MessageFrameWriter kept(wire::MessageFrameWriter::Form::kKept);
    wire::OutcomesWriter outcomes;
    const auto with_ids = [&]() -> wire::IdFrameWriter& {
        ids.add("123");
        ids.add("a@b");
        return ids;
    };
    const auto with_outcome = [&]() -> wire::OutcomesWriter& {
        outcomes.add({.nodes = 2, .epoch = 5, .position = 6});
        return outcomes;
    };
    send.add({"123", "hi"});
    batch.add({"123", "hi"});
    from_afar.add({"123", "hi", {7, 9}});
    const std::string attributes = wire::encode(wire::Attributes{.event = "e"});
    send_event.add({"123", "hi", {}, attributes});
    event.add({"123", "hi", {7, 9}, attributes});
    const std::string position = wire::encode(wire::Attributes{.position = 7});
    kept.add({"123", "hi", {}, position});
    return {wire::encode(wire::Hello{7, wire::Role::kNode, "n"}),
            wire::encode(wire::Hello{7, wire::Role::kSender, "s", 9}),
            wire::encode(wire::Goodbye{}),
            wire::encode(wire::Heartbeat{1, 2, 3, 4, {5, 6, 7, 8, 9, 10, 11, 12}, 13}),
            with_ids().finish_login(1),
            with_ids().finish_logout(2),
            with_ids().finish_list(3, true, false),
            wire::encode(wire::Resend{1, 2, 3}),
            send.finish_send(wire::Confirm::kReceipt, 9),
            send_event.finish_send(wire::Confirm::kAcknowledgement, 9),
            wire::encode(wire::Ping{5}),
            wire::encode(wire::Query{5, "who", "123"}),
            history(true),
            batch.finish_batch(1, 2),
            from_afar.finish_batch(1, 3),
            event.finish_batch(1, 4),
            wire::encode_empty_batch(1, 2),
            wire::encode_shed_batch(1, 2, 4, 30),
            wire::encode(wire::Welcome{
                1, "b", 1000, 3000, {}, wire::NodeWelcome{"tcp://127.0.0.1:5556", 8, 2, 3}}),
            wire::encode(wire::Credit{4}),
            with_outcome().finish_receipt(9),
            with_outcome().finish_acknowledged(9),
            wire::encode(wire::Pong{5}),
            wire::encode(wire::Answer{5, "[]"}),
            kept.finish_kept({.token = 5, .epoch = 6, .through = 7}),
            wire::encode(wire::ErrorFrame{wire::ErrorCode::kBadId, 0x10, "why"})};
}

} // namespace

TEST_CASE("the codec writes the worked example of the protocol", "[wire]") {
    CHECK(wire::encode(wire::Hello{0x0102030405060708, wire::Role::kNode, "n"}) ==
          from_hex("5a 43 01 01  01 02 03 04 05 06 07 08  01  01 6e"
                   "00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00"));

    wire::IdFrameWriter ids;
    ids.add("123");
    CHECK(ids.finish_login(1) ==
          from_hex("5a 43 01 10  00 00 00 00 00 00 00 01  00 00 00 01  03 31 32 33"));

    wire::MessageFrameWriter send(wire::MessageFrameWriter::Form::kSend);
    send.add({"123", "hi"});
    CHECK(send.finish_send(wire::Confirm::kNothing, 1) ==
          from_hex("5a 43 01 30  00  00 00 00 00 00 00 00 01"
                   "00 00 00 01  03 31 32 33  00 00 00 02 68 69"));

    CHECK(wire::encode_topic(0x0102030405060708) == from_hex("01 02 03 04 05 06 07 08"));
    wire::MessageFrameWriter batch(wire::MessageFrameWriter::Form::kBatch);
    batch.add({"123", "hi"});
    CHECK(batch.finish_batch(0x1112131415161718, 1) ==
          from_hex("5a 43 01 50  11 12 13 14 15 16 17 18  00 00 00 00 00 00 00 01  00"
                   "00 00 00 01  03 31 32 33  00 00 00 02 68 69"));
}

TEST_CASE("decoding an encoded frame gives the same frame", "[wire]") {
    const std::string hello_bytes =
        wire::encode(wire::Hello{7, wire::Role::kSender, "s", 9, {10, 11}});
    const auto hello = decoded<wire::Hello>(hello_bytes);
    CHECK(hello.incarnation == 7);
    CHECK(hello.role == wire::Role::kSender);
    CHECK(hello.name == "s");
    CHECK(hello.sent == 9);
    CHECK(hello.list == wire::ListMark{10, 11});

    wire::IdFrameWriter ids;
    ids.add("a");
    ids.add("b");
    const std::string list_bytes = ids.finish_list(3, false, true);
    const auto list = decoded<wire::List>(list_bytes);
    CHECK(list.change == 3);
    CHECK_FALSE(list.first);
    CHECK(list.last);
    CHECK(ids_of(list.ids) == std::vector<std::string>{"a", "b"});
    CHECK(ids.count() == 0);

    const std::string welcome_bytes = wire::encode(
        wire::Welcome{1, "b", 1000, 3000, {5, 6}, wire::SenderWelcome{262144, 17, 3000}});
    const auto welcome = decoded<wire::Welcome>(welcome_bytes, wire::Role::kSender);
    CHECK(welcome.list == wire::ListMark{5, 6});
    CHECK(std::get<wire::SenderWelcome>(welcome.part).window_bytes == 262144);
    CHECK(std::get<wire::SenderWelcome>(welcome.part).credited == 17);
    CHECK(std::get<wire::SenderWelcome>(welcome.part).settles_in_ms == 3000);

    const auto shed = decoded<wire::Batch>(wire::encode_shed_batch(1, 2, 4, 30));
    CHECK(shed.shed);
    CHECK(shed.shed_from == 2);
    CHECK(shed.number == 4);
    CHECK(shed.shed_count == 30);
}

TEST_CASE("a frame that is cut anywhere, or goes on too long, is malformed", "[wire]") {
    for (const std::string& frame : one_of_each()) {
        INFO("kind " << static_cast<int>(static_cast<unsigned char>(frame[3])));
        REQUIRE(std::holds_alternative<wire::Frame>(wire::decode(frame)));
        for (std::size_t length = 0; length < frame.size(); ++length) {
            // A copy of just that length, so that a sanitizer sees reads past its end.
            const std::string cut(frame, 0, length);
            CHECK(refused(cut).code == wire::ErrorCode::kMalformed);
        }
        CHECK(refused(frame + "x").code == wire::ErrorCode::kMalformed);
    }
}

TEST_CASE("random damage to a frame is refused or read, never worse", "[wire][property]") {
    constexpr unsigned kSeed = 20081022;
    std::mt19937 random(kSeed);
    INFO("seed " << kSeed);
    const std::vector<std::string> frames = one_of_each();
    for (int round = 0; round < 20'000; ++round) {
        std::string frame = frames[random() % frames.size()];
        for (auto edits = 1 + random() % 4; edits > 0; --edits) {
            frame[random() % frame.size()] = static_cast<char>(random());
        }
        const auto result = wire::decode(frame);
        if (const auto* whole = std::get_if<wire::Frame>(&result)) {
            if (const auto* batch = std::get_if<wire::Batch>(whole)) {
                std::size_t bytes = 0;
                batch->messages.for_each(
                    [&](const wire::Message& m) { bytes += m.id.size() + m.payload.size(); });
                CHECK(bytes <= frame.size());
            }
        }
    }
}

TEST_CASE("each wrong field is refused by its code and names its kind", "[wire]") {
    CHECK(refused("").code == wire::ErrorCode::kMalformed);
    CHECK(refused("GET / HTTP/1.1").code == wire::ErrorCode::kMalformed);

    const wire::Refusal version = refused(from_hex("5a 43 09 01"));
    CHECK(version.code == wire::ErrorCode::kVersion);
    CHECK(version.kind == 1);
    CHECK(version.text == "protocol version 9 is not spoken here, only version 1");
    CHECK(refused(from_hex("5a 43 01 77")).code == wire::ErrorCode::kUnknownKind);

    const std::string no_list(16, '\0');
    const std::string zero_incarnation =
        from_hex("5a 43 01 01 00 00 00 00 00 00 00 00 01 01 6e") + no_list;
    CHECK(refused(zero_incarnation).text == "the incarnation is 0");
    CHECK(refused(from_hex("5a 43 01 01 00 00 00 00 00 00 00 01 03 01 6e") + no_list).kind == 1);
    CHECK(refused(from_hex("5a 43 01 01 00 00 00 00 00 00 00 01 01 00") + no_list).kind == 1);
    CHECK(refused(from_hex("5a 43 01 01 00 00 00 00 00 00 00 01 01 01 20") + no_list).kind == 1);

    const wire::Refusal bad_id =
        refused(from_hex("5a 43 01 10  00 00 00 00 00 00 00 01  00 00 00 01  03 31 20 33"));
    CHECK(bad_id.code == wire::ErrorCode::kBadId);
    CHECK(bad_id.kind == 0x10);

    // A count far beyond the bytes costs nothing: the frame is refused at the first missing id.
    CHECK(refused(from_hex("5a 43 01 10  00 00 00 00 00 00 00 01  ff ff ff ff  01 31")).code ==
          wire::ErrorCode::kMalformed);
    CHECK(refused(from_hex("5a 43 01 20  00 00 00 00 00 00 00 07  00 00 00 00 00 00 00 05  00 00 "
                           "00 00 00 00 00 04"))
              .code == wire::ErrorCode::kMalformed);

    wire::MessageFrameWriter send(wire::MessageFrameWriter::Form::kSend);
    CHECK(refused(send.finish_send(wire::Confirm::kNothing, 1)).text ==
          "a send needs a number and a count of 1 or more");
    CHECK(refused(std::string("ZC\x01\x02", 4) + std::string(wire::kFrameBytesMax, 'x')).code ==
          wire::ErrorCode::kMalformed);
}

TEST_CASE("the outcomes of messages, kept or not, known or not", "[wire]") {
    wire::OutcomesWriter writer;
    using Refusal = wire::Outcome::Refusal;
    const std::vector<wire::Outcome> plain{{.nodes = 0},
                                           {.nodes = 70000},
                                           {.refusal = Refusal::kOtherMessage},
                                           {.refusal = Refusal::kUnderWay},
                                           {}};
    for (const wire::Outcome& outcome : plain) {
        writer.add(outcome);
    }
    const std::string plain_bytes = writer.finish_receipt(12);
    const auto receipt = decoded<wire::Receipt>(plain_bytes);
    CHECK(receipt.first == 12);
    REQUIRE(receipt.count == plain.size());
    for (std::uint32_t i = 0; i < plain.size(); ++i) {
        CHECK(receipt.outcome(i) == plain[i]);
    }
    CHECK(plain_bytes.substr(plain_bytes.size() - 12) ==
          from_hex("ff ff ff fe  ff ff ff fd  ff ff ff ff"));

    const std::vector<wire::Outcome> kept{
        {.nodes = 1}, {.nodes = 0, .epoch = 5, .position = 256}, {.nodes = 2}};
    for (const wire::Outcome& outcome : kept) {
        writer.add(outcome);
    }
    const std::string kept_bytes = writer.finish_acknowledged(9);
    CHECK(kept_bytes.size() == plain_bytes.size() - 8 + 4 * sizeof(std::uint64_t));
    const auto acknowledged = decoded<wire::Acknowledged>(kept_bytes);
    REQUIRE(acknowledged.count == 3);
    for (std::uint32_t i = 0; i < 3; ++i) {
        CHECK(acknowledged.outcome(i) == kept[i]);
    }
    writer.add({.nodes = 1});
    CHECK(writer.finish_receipt(1).size() == plain_bytes.size() - 16); // nothing is left over

    std::string unknown_bit = plain_bytes;
    unknown_bit[wire::kHeaderBytes] = 2;
    CHECK(refused(unknown_bit).code == wire::ErrorCode::kMalformed);
    const std::string no_positions =
        kept_bytes.substr(0, kept_bytes.size() - 24) + std::string(24, '\0');
    CHECK(refused(no_positions).code == wire::ErrorCode::kMalformed);
    std::string no_epoch = kept_bytes;
    no_epoch.replace(kept_bytes.size() - 32, 8, 8, '\0');
    CHECK(refused(no_epoch).code == wire::ErrorCode::kMalformed);
}

TEST_CASE("a question for a history, of the newest messages or of all", "[wire]") {
    for (const bool wants_newest : {false, true}) {
        const std::string bytes = history(wants_newest);
        const auto asked = decoded<wire::History>(bytes);
        CHECK(asked.token == 5);
        CHECK(asked.is_for_feed != wants_newest);
        CHECK(asked.wants_newest == wants_newest);
        CHECK(asked.epoch == 6);
        CHECK(asked.after == 7);
        CHECK(asked.count_max == 8);
        CHECK(ids_of(asked.ids) == std::vector<std::string>{"123"});
    }
    const std::string two = history(false, 2);
    CHECK(ids_of(decoded<wire::History>(two).ids) == std::vector<std::string>{"123", "456"});
    CHECK(refused(history(true, 2)).text == "the newest messages are of one id");
    std::string unknown_bit = history(false);
    unknown_bit[wire::kHeaderBytes + 8] = 4;
    CHECK(refused(unknown_bit).code == wire::ErrorCode::kMalformed);
}

TEST_CASE("a heartbeat carries the node's ledger, and a later release may add to it", "[wire]") {
    const wire::NodeLedger ledger{5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
    std::string bytes = wire::encode(wire::Heartbeat{1, 2, 3, 4, ledger, 5});
    CHECK(decoded<wire::Heartbeat>(bytes).feed_incarnation == 5);
    CHECK(decoded<wire::Heartbeat>(bytes).feed == 1);
    CHECK(decoded<wire::Heartbeat>(bytes).digest == 4);
    CHECK(decoded<wire::Heartbeat>(bytes).ledger == ledger);
    constexpr std::size_t kCountAt = wire::kHeaderBytes + 5 * sizeof(std::uint64_t);
    REQUIRE(bytes[kCountAt] == 12);
    bytes[kCountAt] = 13;
    bytes.append(8, 'x');
    CHECK(decoded<wire::Heartbeat>(bytes).ledger == ledger);
    bytes[kCountAt] = 0;
    bytes.resize(kCountAt + 1);
    CHECK(decoded<wire::Heartbeat>(bytes).ledger == wire::NodeLedger{});
}

TEST_CASE("messages of acknowledged sends have their origin", "[wire]") {
    wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kBatch);
    writer.add({"a", "one", {7, 100}});
    writer.add({"b", "two", {8, 1}});
    CHECK(writer.parts().origins);
    const std::string bytes = writer.finish_batch(1, 2);
    CHECK_FALSE(writer.parts().origins);
    const auto batch = decoded<wire::Batch>(bytes);
    CHECK_FALSE(batch.shed);
    std::vector<wire::Origin> origins;
    std::string texts;
    batch.messages.for_each([&](const wire::Message& message) {
        origins.push_back(message.origin);
        texts += std::string(message.id) + std::string(message.payload);
    });
    CHECK(origins == std::vector<wire::Origin>{{7, 100}, {8, 1}});
    CHECK(texts == "aonebtwo");
    // 0 is not a valid origin.
    std::string nameless = bytes;
    nameless.replace(wire::kHeaderBytes + 8 + 8 + 1 + 4, 8, 8, '\0');
    CHECK(refused(nameless).code == wire::ErrorCode::kMalformed);
}

TEST_CASE("messages have their attributes, and those without have none", "[wire]") {
    const std::string attributes =
        wire::encode(wire::Attributes{.event = "tick", .position = 77, .is_private = true});
    wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kBatch);
    writer.add({"a", "one", {7, 1}, attributes});
    CHECK(writer.parts().attributes);
    CHECK_FALSE(writer.takes({"b", "two"}));
    REQUIRE(writer.takes({"b", "two", {7, 2}}));
    writer.add({"b", "two", {7, 2}});
    const std::string bytes = writer.finish_batch(1, 2);
    CHECK_FALSE(writer.parts().attributes);
    std::vector<std::string> heard;
    decoded<wire::Batch>(bytes).messages.for_each([&](const wire::Message& message) {
        heard.emplace_back(message.attributes);
        CHECK(message.origin.sender == 7);
    });
    CHECK(heard == std::vector<std::string>{attributes, ""});
    const wire::Attributes read = wire::read_attributes(heard[0]);
    CHECK(read.event == "tick");
    CHECK(read.position == 77);
    CHECK(read.is_private);
    CHECK(read.content_type.empty());
    CHECK(read.trace_id.empty());
}

TEST_CASE("a frame without attributes takes none later", "[wire]") {
    const std::string attributes = wire::encode(wire::Attributes{.event = "tick"});
    wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kSend);
    writer.add({"a", "one"});
    CHECK_FALSE(writer.takes({"b", "two", {}, attributes}));
    const std::string plain = writer.finish_send(wire::Confirm::kNothing, 1);
    writer.add({"b", "two", {}, attributes});
    CHECK(writer.size_bytes() ==
          wire::kSendHeaderBytes + wire::message_bytes(1, 3, attributes.size()));
    CHECK(writer.finish_send(wire::Confirm::kNothing, 1).size() == plain.size() + 7);
}

TEST_CASE("a SEND or BATCH has so many messages, and no more", "[wire]") {
    const bool is_send = GENERATE(true, false);
    wire::MessageFrameWriter writer(is_send ? wire::MessageFrameWriter::Form::kSend
                                            : wire::MessageFrameWriter::Form::kBatch);
    const auto frame_of = [&](std::uint32_t count) {
        for (std::uint32_t i = 0; i < count; ++i) {
            CHECK_FALSE(writer.full());
            writer.add({"1", ""});
        }
        return is_send ? writer.finish_send(wire::Confirm::kNothing, 1) : writer.finish_batch(1, 1);
    };
    const std::string longest = frame_of(wire::kFrameMessagesMax);
    CHECK(std::holds_alternative<wire::Frame>(wire::decode(longest)));
    // A writer that does not ask full() goes too far.
    for (std::uint32_t i = 0; i <= wire::kFrameMessagesMax; ++i) {
        writer.add({"1", ""});
    }
    const std::string too_long =
        is_send ? writer.finish_send(wire::Confirm::kNothing, 1) : writer.finish_batch(1, 1);
    CHECK(refused(too_long).code == wire::ErrorCode::kMalformed);
}

TEST_CASE("an ERROR frame of a later version can still be read", "[wire]") {
    std::string bytes = wire::encode(wire::ErrorFrame{wire::ErrorCode::kVersion, 1, "why"});
    bytes[2] = 2;
    CHECK(decoded<wire::ErrorFrame>(bytes).text == "why");
    CHECK(wire::name_of(wire::ErrorCode::kVersion) == "version");
    CHECK(wire::name_of(static_cast<wire::ErrorCode>(999)) == "unknown");
}

TEST_CASE("some messages of a list are a list", "[wire]") {
    MessageFrameWriter writer(MessageFrameWriter::Form::kBatch);
    writer.add({"a", "1", {9, 1}});
    writer.add({"b", "", {9, 2}});
    writer.add({"c", "3", {9, 3}});
    const std::string frame = writer.finish_batch(1, 1);
    const auto batch = std::get<Batch>(std::get<Frame>(decode(frame)));
    const std::vector<bool> wanted{true, false, true};
    const MessageList some = batch.messages.only(wanted);
    CHECK(some.count() == 2);
    CHECK(some.has_origins());
    std::string ids;
    some.for_each([&](const Message& message) { ids += message.id; });
    CHECK(ids == "ac");
    CHECK(batch.messages.only({false, false, false}).count() == 0);
}

} // namespace wire_test
