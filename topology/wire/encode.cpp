#include "topology/base/check.hpp"
#include "topology/wire/flags.hpp"
#include "topology/wire/frames.hpp"
#include "topology/wire/id.hpp"

#include <array>
#include <utility>

namespace zcomet::wire {

namespace {

constexpr std::size_t kBatchHeaderBytes = kHeaderBytes + 8 + 8 + 1 + 4;

void put_number(std::string& out, std::uint64_t value, unsigned bytes) {
    for (unsigned shift = bytes * 8; shift > 0; shift -= 8) {
        out.push_back(static_cast<char>((value >> (shift - 8)) & 0xFFU));
    }
}
void put_u8(std::string& out, std::uint8_t value) {
    out.push_back(static_cast<char>(value));
}
void put_u16(std::string& out, std::uint16_t value) {
    put_number(out, value, 2);
}
void put_u32(std::string& out, std::uint32_t value) {
    put_number(out, value, 4);
}
void put_u64(std::string& out, std::uint64_t value) {
    put_number(out, value, 8);
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

std::string batch_head(std::uint64_t incarnation, std::uint64_t number, std::uint8_t flags,
                       std::uint32_t count) {
    std::string out = header(Kind::kBatch);
    put_u64(out, incarnation);
    put_u64(out, number);
    put_u8(out, flags);
    put_u32(out, count);
    return out;
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

std::string encode(const Welcome& frame) {
    std::string out = header(Kind::kWelcome);
    put_u64(out, frame.incarnation);
    put_str8(out, frame.name);
    put_u32(out, frame.heartbeat_ms);
    put_u32(out, frame.liveness_ms);
    put_u64(out, frame.table_version);
    if (const auto* node = std::get_if<NodeWelcome>(&frame.part)) {
        put_str8(out, node->feed_endpoint);
        put_u64(out, node->feed_incarnation);
        put_u64(out, node->changes_applied);
        put_u64(out, node->feed_published);
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
    frame_.resize(form_ == Form::kSend ? kSendHeaderBytes : kBatchHeaderBytes);
    count_ = 0;
    origins_ = false;
}

void MessageFrameWriter::add(const Message& message) {
    ZCOMET_ASSERT(message.payload.size() <= kPayloadBytesMax);
    const bool has_origin = message.origin.sender != 0;
    ZCOMET_ASSERT(has_origin ? form_ == Form::kBatch && (count_ == 0 || origins_) : !origins_);
    if (has_origin) {
        origins_ = true;
        put_u64(frame_, message.origin.sender);
        put_u64(frame_, message.origin.number);
    }
    put_str8(frame_, message.id);
    put_u32(frame_, static_cast<std::uint32_t>(message.payload.size()));
    frame_.append(message.payload);
    ++count_;
}

std::string MessageFrameWriter::finish_send(Confirm confirm, std::uint64_t first) {
    ZCOMET_ASSERT(form_ == Form::kSend);
    std::string head = header(Kind::kSend);
    put_u8(head, flags_of(confirm));
    put_u64(head, first);
    put_u32(head, count_);
    frame_.replace(0, kSendHeaderBytes, head);
    std::string frame = std::move(frame_);
    reset();
    return frame;
}

std::string MessageFrameWriter::finish_batch(std::uint64_t incarnation, std::uint64_t number) {
    ZCOMET_ASSERT(form_ == Form::kBatch);
    frame_.replace(0, kBatchHeaderBytes,
                   batch_head(incarnation, number, origins_ ? kFlagOrigins : 0, count_));
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

void NodeCountsWriter::add(std::optional<std::uint32_t> nodes) {
    ZCOMET_ASSERT(nodes != kNodesNotKnown);
    put_u32(nodes_, nodes.value_or(kNodesNotKnown));
    ++count_;
}

std::string NodeCountsWriter::finish_receipt(std::uint64_t first) {
    return finish(Kind::kReceipt, first);
}

std::string NodeCountsWriter::finish_acknowledged(std::uint64_t first) {
    return finish(Kind::kAcknowledged, first);
}

std::string NodeCountsWriter::finish(Kind kind, std::uint64_t first) {
    std::string out = header(kind);
    put_u64(out, first);
    put_u32(out, count_);
    out.append(nodes_);
    nodes_.clear();
    count_ = 0;
    return out;
}

std::string encode_topic(std::uint64_t incarnation) {
    std::string out;
    put_u64(out, incarnation);
    return out;
}

} // namespace zcomet::wire
