#include "topology/base/check.hpp"
#include "topology/wire/attributes.hpp"
#include "topology/wire/flags.hpp"
#include "topology/wire/frames.hpp"
#include "topology/wire/id.hpp"
#include "topology/wire/numbers.hpp"

#include <array>
#include <utility>

namespace zcomet::wire {

namespace {

constexpr std::size_t kBatchHeaderBytes = kHeaderBytes + 8 + 8 + 1 + 4;
constexpr std::size_t kKeptHeaderBytes = kHeaderBytes + 8 + 1 + 1 + 8 + 8 + 8 + 8 + 4;

void put_u8(std::string& out, std::uint8_t value) {
    append(out, value);
}
void put_u16(std::string& out, std::uint16_t value) {
    append(out, value);
}
void put_u32(std::string& out, std::uint32_t value) {
    append(out, value);
}
void put_u64(std::string& out, std::uint64_t value) {
    append(out, value);
}
void put_str8(std::string& out, std::string_view text) {
    ZCOMET_ASSERT(text.size() <= 255);
    put_u8(out, static_cast<std::uint8_t>(text.size()));
    out.append(text);
}

std::string header(Kind kind) {
    std::string out;
    out.reserve(64);
    out.append("ZC");
    put_u8(out, kProtocolVersion);
    put_u8(out, static_cast<std::uint8_t>(kind));
    return out;
}

std::uint8_t flags_of(Confirm confirm) {
    switch (confirm) {
    case Confirm::kNothing:
        return 0;
    case Confirm::kReceipt:
        return kFlagReceipt;
    case Confirm::kAcknowledgement:
        return kFlagAcknowledge;
    }
    return 0;
}

std::size_t header_bytes(MessageFrameWriter::Form form) {
    switch (form) {
    case MessageFrameWriter::Form::kSend:
        return kSendHeaderBytes;
    case MessageFrameWriter::Form::kBatch:
        return kBatchHeaderBytes;
    case MessageFrameWriter::Form::kKept:
        return kKeptHeaderBytes;
    }
    return 0;
}

std::uint32_t code_of(const Outcome& outcome) {
    switch (outcome.refusal) {
    case Outcome::Refusal::kOtherMessage:
        return kNodesOtherMessage;
    case Outcome::Refusal::kUnderWay:
        return kNodesUnderWay;
    case Outcome::Refusal::kNotAllowed:
        return kNodesNotAllowed;
    case Outcome::Refusal::kNone:
        break;
    }
    ZCOMET_ASSERT(!outcome.nodes || *outcome.nodes < kNodesNotAllowed);
    return outcome.nodes.value_or(kNodesNotKnown);
}

std::string batch_head(std::uint64_t incarnation, std::uint64_t number, std::uint8_t flags,
                       std::uint32_t count) {
    std::string out = header(Kind::kBatch);
    put_u64(out, incarnation);
    put_u64(out, number);
    put_u8(out, flags);
    put_u32(out, count);
    return out;
}

void put_list_mark(std::string& out, const ListMark& list) {
    put_u64(out, list.version);
    put_u64(out, list.hash);
}

} // namespace

std::string encode(const Hello& frame) {
    std::string out = header(Kind::kHello);
    put_u64(out, frame.incarnation);
    put_u8(out, static_cast<std::uint8_t>(frame.role));
    put_str8(out, frame.name);
    if (frame.role == Role::kSender) {
        put_u64(out, frame.sent);
    }
    put_list_mark(out, frame.list);
    return out;
}

std::string encode(const Goodbye& /*frame*/) {
    return header(Kind::kGoodbye);
}

std::string encode(const Heartbeat& frame) {
    std::string out = header(Kind::kHeartbeat);
    put_u64(out, frame.feed_incarnation);
    put_u64(out, frame.feed);
    put_u64(out, frame.change);
    put_u64(out, frame.streams);
    put_u64(out, frame.digest);
    const NodeLedger& ledger = frame.ledger;
    const std::array numbers{ledger.received,       ledger.duplicates,     ledger.unclaimed,
                             ledger.shown,          ledger.chunks_given,   ledger.chunks_written,
                             ledger.chunks_dropped, ledger.chunks_waiting, ledger.streams_cut_off,
                             ledger.cut_off_ms,     ledger.places,         ledger.feed_silent};
    put_u8(out, numbers.size());
    for (const std::uint64_t number : numbers) {
        put_u64(out, number);
    }
    return out;
}

std::string encode(const Resend& frame) {
    std::string out = header(Kind::kResend);
    put_u64(out, frame.feed_incarnation);
    put_u64(out, frame.from);
    put_u64(out, frame.through);
    return out;
}

std::string encode(const Ping& frame) {
    std::string out = header(Kind::kPing);
    put_u64(out, frame.token);
    return out;
}

std::string encode(const Query& frame) {
    std::string out = header(Kind::kQuery);
    put_u64(out, frame.token);
    put_str8(out, frame.what);
    put_str8(out, frame.argument);
    return out;
}

std::string encode(const History& frame) {
    std::string out = header(Kind::kHistory);
    put_u64(out, frame.token);
    put_u8(out, static_cast<std::uint8_t>((frame.is_for_feed ? kFlagForFeed : 0) |
                                          (frame.wants_newest ? kFlagNewest : 0)));
    put_u64(out, frame.epoch);
    put_u64(out, frame.after);
    put_u32(out, frame.count_max);
    put_u32(out, frame.ids.count());
    frame.ids.for_each([&out](std::string_view id) { put_str8(out, id); });
    return out;
}

std::string encode(const Welcome& frame) {
    std::string out = header(Kind::kWelcome);
    put_u64(out, frame.incarnation);
    put_str8(out, frame.name);
    put_u32(out, frame.heartbeat_ms);
    put_u32(out, frame.liveness_ms);
    put_list_mark(out, frame.list);
    if (const auto* node = std::get_if<NodeWelcome>(&frame.part)) {
        put_str8(out, node->feed_endpoint);
        put_u64(out, node->feed_incarnation);
        put_u64(out, node->changes_applied);
        put_u64(out, node->feed_published);
        put_u64(out, node->history.epoch);
        put_u64(out, node->history.position);
        put_u16(out, static_cast<std::uint16_t>(node->history.patterns.size()));
        out.append(node->history.patterns);
    } else {
        const auto& sender = std::get<SenderWelcome>(frame.part);
        put_u32(out, sender.window_bytes);
        put_u64(out, sender.credited);
        put_u32(out, sender.settles_in_ms);
    }
    return out;
}

std::string encode(const Credit& frame) {
    std::string out = header(Kind::kCredit);
    put_u64(out, frame.through);
    return out;
}

std::string encode(const Pong& frame) {
    std::string out = header(Kind::kPong);
    put_u64(out, frame.token);
    return out;
}

std::string encode(const Answer& frame) {
    std::string out = header(Kind::kAnswer);
    put_u64(out, frame.token);
    put_u32(out, static_cast<std::uint32_t>(frame.json.size()));
    out.append(frame.json);
    return out;
}

std::string encode(const ErrorFrame& frame) {
    std::string out = header(Kind::kError);
    put_u16(out, static_cast<std::uint16_t>(frame.code));
    put_u8(out, frame.kind);
    put_str8(out, frame.text.substr(0, 255));
    return out;
}

void IdFrameWriter::add(std::string_view id) {
    ZCOMET_ASSERT(valid_id(id));
    put_str8(ids_, id);
    ++count_;
}

std::string IdFrameWriter::finish_login(std::uint64_t change) {
    std::string head = header(Kind::kLogin);
    put_u64(head, change);
    return finish(std::move(head));
}

std::string IdFrameWriter::finish_logout(std::uint64_t change) {
    std::string head = header(Kind::kLogout);
    put_u64(head, change);
    return finish(std::move(head));
}

std::string IdFrameWriter::finish_list(std::uint64_t change, bool first, bool last) {
    std::string head = header(Kind::kList);
    put_u64(head, change);
    put_u8(head, static_cast<std::uint8_t>((first ? kPartFirst : 0) | (last ? kPartLast : 0)));
    return finish(std::move(head));
}

std::string IdFrameWriter::finish(std::string head) {
    put_u32(head, count_);
    head.append(ids_);
    ids_.clear();
    count_ = 0;
    return head;
}

MessageFrameWriter::MessageFrameWriter(Form form) : form_(form) {
    reset();
}

void MessageFrameWriter::reset() {
    frame_.clear();
    frame_.resize(header_bytes(form_));
    count_ = 0;
    parts_ = {};
}

bool MessageFrameWriter::takes(const Message& message) const {
    const bool has_origin = message.origin.sender != 0;
    return form_ == Form::kKept || count_ == 0 ||
           (has_origin == parts_.origins && (parts_.attributes || message.attributes.empty()));
}

void MessageFrameWriter::add(const Message& message) {
    ZCOMET_ASSERT(message.payload.size() <= kPayloadBytesMax);
    ZCOMET_ASSERT(takes(message));
    if (count_ == 0) {
        const bool has_all = form_ == Form::kKept;
        parts_ = {has_all || message.origin.sender != 0, has_all || !message.attributes.empty()};
        ZCOMET_ASSERT(!parts_.origins || form_ != Form::kSend);
    }
    if (parts_.origins) {
        put_u64(frame_, message.origin.sender);
        put_u64(frame_, message.origin.number);
    }
    put_str8(frame_, message.id);
    if (parts_.attributes) {
        put_str8(frame_, message.attributes);
    }
    put_u32(frame_, static_cast<std::uint32_t>(message.payload.size()));
    frame_.append(message.payload);
    ++count_;
}

std::string MessageFrameWriter::finish_send(Confirm confirm, std::uint64_t first) {
    ZCOMET_ASSERT(form_ == Form::kSend);
    std::string head = header(Kind::kSend);
    put_u8(head, static_cast<std::uint8_t>(flags_of(confirm) |
                                           (parts_.attributes ? kFlagAttributes : 0)));
    put_u64(head, first);
    put_u32(head, count_);
    frame_.replace(0, kSendHeaderBytes, head);
    std::string frame = std::move(frame_);
    reset();
    return frame;
}

std::string MessageFrameWriter::finish_batch(std::uint64_t incarnation, std::uint64_t number) {
    ZCOMET_ASSERT(form_ == Form::kBatch);
    const auto flags = static_cast<std::uint8_t>((parts_.origins ? kFlagOrigins : 0) |
                                                 (parts_.attributes ? kFlagAttributes : 0));
    frame_.replace(0, kBatchHeaderBytes, batch_head(incarnation, number, flags, count_));
    std::string frame = std::move(frame_);
    reset();
    return frame;
}

std::string MessageFrameWriter::finish_kept(const Kept& kept) {
    ZCOMET_ASSERT(form_ == Form::kKept);
    std::string head = header(Kind::kKept);
    put_u64(head, kept.token);
    put_u8(head, static_cast<std::uint8_t>(kept.reach));
    put_u8(head, kept.has_more ? kFlagMore : 0);
    put_u64(head, kept.epoch);
    put_u64(head, kept.since);
    put_u64(head, kept.through);
    put_u64(head, kept.feed);
    put_u32(head, count_);
    frame_.replace(0, kKeptHeaderBytes, head);
    std::string frame = std::move(frame_);
    reset();
    return frame;
}

std::string encode_empty_batch(std::uint64_t incarnation, std::uint64_t number) {
    return batch_head(incarnation, number, 0, 0);
}

std::string encode_shed_batch(std::uint64_t incarnation, std::uint64_t from, std::uint64_t through,
                              std::uint32_t messages) {
    std::string out = batch_head(incarnation, through, kFlagShed, messages);
    put_u64(out, from);
    return out;
}

void OutcomesWriter::add(const Outcome& outcome) {
    put_u32(nodes_, code_of(outcome));
    if (outcome.position != 0) {
        ZCOMET_ASSERT(outcome.epoch != 0 && (epoch_ == 0 || epoch_ == outcome.epoch));
        epoch_ = outcome.epoch;
        positions_.resize(count_ * kPositionBytes, '\0');
        put_u64(positions_, outcome.position);
    }
    ++count_;
}

std::string OutcomesWriter::finish_receipt(std::uint64_t first) {
    return finish(Kind::kReceipt, first);
}

std::string OutcomesWriter::finish_acknowledged(std::uint64_t first) {
    return finish(Kind::kAcknowledged, first);
}

std::string OutcomesWriter::finish(Kind kind, std::uint64_t first) {
    std::string out = header(kind);
    put_u8(out, epoch_ != 0 ? kFlagPositions : 0);
    put_u64(out, first);
    put_u32(out, count_);
    out.append(nodes_);
    if (epoch_ != 0) {
        positions_.resize(count_ * kPositionBytes, '\0');
        put_u64(out, epoch_);
        out.append(positions_);
    }
    nodes_.clear();
    positions_.clear();
    epoch_ = 0;
    count_ = 0;
    return out;
}

std::string encode_topic(std::uint64_t incarnation) {
    std::string out;
    put_u64(out, incarnation);
    return out;
}

} // namespace zcomet::wire
