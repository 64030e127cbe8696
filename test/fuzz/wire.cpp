// Fuzz target: the wire codec. The input is one frame, as it would come over ZeroMQ.
//
// decode() refuses the input with an ERROR that can be encoded, or returns a frame. All views of
// the frame can be read, and it encodes to the same bytes: a frame has one form only.
#include "test/fuzz/target.hpp"
#include "topology/base/check.hpp"
#include "topology/wire/flags.hpp"
#include "topology/wire/frames.hpp"
#include "topology/wire/id.hpp"

#include <optional>
#include <string>
#include <variant>

using namespace zcomet;

namespace {

wire::IdFrameWriter writer_of(const wire::IdList& ids) {
    wire::IdFrameWriter writer;
    ids.for_each([&](std::string_view id) {
        ZCOMET_ASSERT(wire::valid_id(id));
        writer.add(id);
    });
    ZCOMET_ASSERT(writer.count() == ids.count());
    return writer;
}

wire::MessageFrameWriter writer_of(const wire::MessageList& messages,
                                   wire::MessageFrameWriter::Form form) {
    wire::MessageFrameWriter writer(form);
    messages.for_each([&](const wire::Message& message) {
        ZCOMET_ASSERT(wire::valid_id(message.id));
        writer.add(message);
    });
    ZCOMET_ASSERT(writer.count() == messages.count());
    return writer;
}

std::string encode_again(const wire::Login& frame) {
    return writer_of(frame.ids).finish_login(frame.change);
}
std::string encode_again(const wire::Logout& frame) {
    return writer_of(frame.ids).finish_logout(frame.change);
}
std::string encode_again(const wire::List& frame) {
    return writer_of(frame.ids).finish_list(frame.change, frame.first, frame.last);
}
std::string encode_again(const wire::Send& frame) {
    return writer_of(frame.messages, wire::MessageFrameWriter::Form::kSend)
        .finish_send(frame.confirm, frame.first);
}
std::string encode_again(const wire::Batch& frame) {
    if (frame.shed) {
        return wire::encode_shed_batch(frame.incarnation, frame.shed_from, frame.number,
                                       frame.shed_count);
    }
    return writer_of(frame.messages, wire::MessageFrameWriter::Form::kBatch)
        .finish_batch(frame.incarnation, frame.number);
}
wire::OutcomesWriter writer_of(const wire::Outcomes& frame) {
    wire::OutcomesWriter writer;
    for (std::uint32_t i = 0; i < frame.count; ++i) {
        writer.add(frame.outcome(i));
    }
    return writer;
}
std::string encode_again(const wire::Receipt& frame) {
    return writer_of(frame).finish_receipt(frame.first);
}
std::string encode_again(const wire::Kept& frame) {
    return writer_of(frame.messages, wire::MessageFrameWriter::Form::kKept).finish_kept(frame);
}
std::string encode_again(const wire::Acknowledged& frame) {
    return writer_of(frame).finish_acknowledged(frame.first);
}
template <typename Frame> std::string encode_again(const Frame& frame) {
    return wire::encode(frame);
}

/// One may count more or less than this release does; then only what both know comes back.
void check_heartbeat(const wire::Heartbeat& heartbeat) {
    const std::string again = wire::encode(heartbeat);
    const auto decoded = wire::decode(again);
    const auto& heard = std::get<wire::Heartbeat>(std::get<wire::Frame>(decoded));
    ZCOMET_ASSERT(heard.digest == heartbeat.digest);
    ZCOMET_ASSERT(heard.ledger == heartbeat.ledger);
}

/// A frame may say that its messages have attributes although the first one has none. This release
/// writes no such frame: it leaves the flag out, or begins another frame.
bool is_of_another_writer(const wire::Frame& frame, std::string_view bytes) {
    const auto* send = std::get_if<wire::Send>(&frame);
    const auto* batch = std::get_if<wire::Batch>(&frame);
    if (send == nullptr && batch == nullptr) {
        return false;
    }
    bool is_first = true;
    bool first_has_some = true;
    (send != nullptr ? send->messages : batch->messages)
        .for_each([&](const wire::Message& message) {
            first_has_some = is_first ? !message.attributes.empty() : first_has_some;
            is_first = false;
        });
    constexpr std::size_t kBeforeFlagsOfBatch = 16; // the feed's incarnation, and the number
    const std::size_t at = wire::kHeaderBytes + (send != nullptr ? 0 : kBeforeFlagsOfBatch);
    const auto flags = static_cast<unsigned char>(bytes[at]);
    return (flags & wire::kFlagAttributes) != 0 && !first_has_some;
}

void check_frame(const wire::Frame& frame, std::string_view bytes) {
    if (const auto* heartbeat = std::get_if<wire::Heartbeat>(&frame)) {
        return check_heartbeat(*heartbeat);
    }
    if (is_of_another_writer(frame, bytes)) {
        return;
    }
    std::string again = std::visit([](const auto& body) { return encode_again(body); }, frame);
    if (std::holds_alternative<wire::ErrorFrame>(frame)) {
        again[2] = bytes[2]; // an ERROR is read in every version, and written in ours
    }
    ZCOMET_ASSERT(again == bytes);
}

void check_refusal(const wire::Refusal& refusal) {
    ZCOMET_ASSERT(!refusal.text.empty());
    ZCOMET_ASSERT(wire::name_of(refusal.code) != "unknown");
    const std::string told =
        wire::encode(wire::ErrorFrame{refusal.code, refusal.kind, refusal.text});
    const auto heard = wire::decode(told);
    const auto& error = std::get<wire::ErrorFrame>(std::get<wire::Frame>(heard));
    ZCOMET_ASSERT(error.code == refusal.code);
    ZCOMET_ASSERT(error.kind == refusal.kind);
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes = fuzz::text_of(data, size);
    for (const wire::Role role : {wire::Role::kNode, wire::Role::kSender}) {
        const auto decoded = wire::decode(bytes, role);
        if (const auto* frame = std::get_if<wire::Frame>(&decoded)) {
            check_frame(*frame, bytes);
        } else {
            check_refusal(std::get<wire::Refusal>(decoded));
        }
    }
    return 0;
}
