#include "topology/base/check.hpp"
#include "topology/base/text.hpp"
#include "topology/wire/attributes.hpp"
#include "topology/wire/flags.hpp"
#include "topology/wire/frames.hpp"
#include "topology/wire/id.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace zcomet::wire {

namespace {

/// Takes fields off the front of a frame. After the first that does not fit, `failed()` holds and
/// every further field reads as zero.
class Fields {
  public:
    explicit Fields(std::string_view bytes) : rest_(bytes) {}

    std::uint64_t number(std::size_t bytes) {
        if (rest_.size() < bytes) {
            fail();
            return 0;
        }
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < bytes; ++i) {
            value = (value << 8U) | static_cast<unsigned char>(rest_[i]);
        }
        rest_.remove_prefix(bytes);
        return value;
    }
    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    std::uint64_t u64() { return number(8); }
    std::string_view take(std::size_t bytes) {
        if (rest_.size() < bytes) {
            fail();
            return {};
        }
        const std::string_view taken = rest_.substr(0, bytes);
        rest_.remove_prefix(bytes);
        return taken;
    }
    std::string_view str8() { return take(u8()); }
    std::string_view str32() { return take(u32()); }

    [[nodiscard]] std::string_view rest() const { return rest_; }
    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] bool at_end() const { return !failed_ && rest_.empty(); }

  private:
    void fail() {
        failed_ = true;
        rest_ = {};
    }
    std::string_view rest_;
    bool failed_ = false;
};

/// Decodes the body of one frame; holds the refusal while it does.
class BodyDecoder {
  public:
    BodyDecoder(std::string_view body, std::uint8_t kind, Role role)
        : fields_(body), kind_(kind), role_(role) {}

    std::variant<Frame, Refusal> run() {
        std::optional<Frame> frame = read();
        if (!refusal_ && frame && !fields_.at_end()) {
            refuse(ErrorCode::kMalformed, fields_.failed() ? "the frame is cut short"
                                                           : "bytes are left over after the frame");
        }
        if (refusal_) {
            return *std::move(refusal_);
        }
        ZCOMET_ASSERT(frame.has_value());
        return *frame;
    }

  private:
    std::optional<Frame> read() {
        switch (static_cast<Kind>(kind_)) {
        case Kind::kHello:
            return read_hello();
        case Kind::kGoodbye:
            return Goodbye{};
        case Kind::kHeartbeat:
            return read_heartbeat();
        case Kind::kLogin: {
            const std::uint64_t change = fields_.u64();
            return Login{change, read_ids()};
        }
        case Kind::kLogout: {
            const std::uint64_t change = fields_.u64();
            return Logout{change, read_ids()};
        }
        case Kind::kList:
            return read_list();
        case Kind::kResend:
            return read_resend();
        case Kind::kSend:
            return read_send();
        case Kind::kPing:
            return Ping{fields_.u64()};
        case Kind::kQuery: {
            const std::uint64_t token = fields_.u64();
            const std::string_view what = fields_.str8();
            return Query{token, what, fields_.str8()};
        }
        case Kind::kHistory:
            return read_history();
        case Kind::kBatch:
            return read_batch();
        case Kind::kWelcome:
            return read_welcome();
        case Kind::kCredit:
            return Credit{fields_.u64()};
        case Kind::kReceipt:
            return Receipt{read_outcomes()};
        case Kind::kAcknowledged:
            return Acknowledged{read_outcomes()};
        case Kind::kKept:
            return read_kept();
        case Kind::kPong:
            return Pong{fields_.u64()};
        case Kind::kAnswer: {
            const std::uint64_t token = fields_.u64();
            return Answer{token, fields_.str32()};
        }
        case Kind::kError: {
            const auto code = static_cast<ErrorCode>(fields_.u16());
            const std::uint8_t kind = fields_.u8();
            return ErrorFrame{code, kind, fields_.str8()};
        }
        }
        refuse(ErrorCode::kUnknownKind, "no frame has this kind");
        return std::nullopt;
    }

    ListMark read_list_mark() {
        ListMark list;
        list.version = fields_.u64();
        list.hash = fields_.u64();
        return list;
    }

    Hello read_hello() {
        Hello hello;
        hello.incarnation = fields_.u64();
        const std::uint8_t role = fields_.u8();
        hello.name = fields_.str8();
        if (role == static_cast<std::uint8_t>(Role::kSender)) {
            hello.sent = fields_.u64();
        }
        hello.list = read_list_mark();
        if (fields_.failed()) {
            return hello;
        }
        if (hello.incarnation == 0) {
            refuse(ErrorCode::kMalformed, "the incarnation is 0");
        }
        if (role != static_cast<std::uint8_t>(Role::kNode) &&
            role != static_cast<std::uint8_t>(Role::kSender)) {
            refuse(ErrorCode::kMalformed, "the role is neither 1 (node) nor 2 (sender)");
        }
        hello.role = static_cast<Role>(role);
        if (!is_printable_name(hello.name, kNameBytesMax)) {
            refuse(ErrorCode::kMalformed, "the name is not 1 to 64 printable ASCII characters");
        }
        return hello;
    }

    Heartbeat read_heartbeat() {
        Heartbeat heartbeat;
        heartbeat.feed_incarnation = fields_.u64();
        heartbeat.feed = fields_.u64();
        heartbeat.change = fields_.u64();
        heartbeat.streams = fields_.u64();
        heartbeat.digest = fields_.u64();
        std::array<std::uint64_t, 12> numbers{};
        const std::size_t count = fields_.u8();
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint64_t number = fields_.u64();
            if (i < numbers.size()) { // later releases may count more
                numbers[i] = number;
            }
        }
        heartbeat.ledger = {numbers[0], numbers[1], numbers[2],  numbers[3],
                            numbers[4], numbers[5], numbers[6],  numbers[7],
                            numbers[8], numbers[9], numbers[10], numbers[11]};
        return heartbeat;
    }

    List read_list() {
        List list;
        list.change = fields_.u64();
        const std::uint8_t part = fields_.u8();
        list.first = (part & kPartFirst) != 0;
        list.last = (part & kPartLast) != 0;
        if ((part & ~(kPartFirst | kPartLast)) != 0) {
            refuse(ErrorCode::kMalformed, "the list's part has unknown bits");
        }
        list.ids = read_ids();
        return list;
    }

    Resend read_resend() {
        Resend resend;
        resend.feed_incarnation = fields_.u64();
        resend.from = fields_.u64();
        resend.through = fields_.u64();
        if (!fields_.failed() && (resend.from == 0 || resend.from > resend.through)) {
            refuse(ErrorCode::kMalformed, "the numbers to resend are not a range from 1 up");
        }
        return resend;
    }

    Send read_send() {
        Send send;
        const std::uint8_t flags = fields_.u8();
        send.first = fields_.u64();
        const std::uint32_t count = fields_.u32();
        if (fields_.failed()) {
            return send;
        }
        const auto confirm = static_cast<std::uint8_t>(flags & ~kFlagAttributes);
        if (confirm > kFlagAcknowledge) {
            refuse(ErrorCode::kMalformed, "the send's flags have unknown bits, or too many");
        }
        if (confirm == kFlagReceipt) {
            send.confirm = Confirm::kReceipt;
        } else if (confirm == kFlagAcknowledge) {
            send.confirm = Confirm::kAcknowledgement;
        }
        if (send.first == 0 || count == 0) {
            refuse(ErrorCode::kMalformed, "a send needs a number and a count of 1 or more");
        }
        const bool has_attributes = (flags & kFlagAttributes) != 0;
        send.messages = read_messages(count, {.origins = false, .attributes = has_attributes});
        return send;
    }

    History read_history() {
        History history;
        history.token = fields_.u64();
        const std::uint8_t flags = fields_.u8();
        history.epoch = fields_.u64();
        history.after = fields_.u64();
        history.count_max = fields_.u32();
        history.ids = read_ids();
        if (fields_.failed()) {
            return history;
        }
        history.is_for_feed = (flags & kFlagForFeed) != 0;
        history.wants_newest = (flags & kFlagNewest) != 0;
        if (flags > (kFlagForFeed | kFlagNewest)) {
            refuse(ErrorCode::kMalformed, "the flags of the question have unknown bits");
        }
        if (history.count_max == 0 || history.ids.count() == 0 ||
            history.ids.count() > kHistoryIdsMax) {
            refuse(ErrorCode::kMalformed, "a history is of 1 message or more, to 1 to 100 ids");
        }
        if (history.wants_newest && history.ids.count() > 1) {
            refuse(ErrorCode::kMalformed, "the newest messages are of one id");
        }
        return history;
    }

    Kept read_kept() {
        Kept kept;
        kept.token = fields_.u64();
        const std::uint8_t reach = fields_.u8();
        const std::uint8_t flags = fields_.u8();
        kept.epoch = fields_.u64();
        kept.since = fields_.u64();
        kept.through = fields_.u64();
        kept.feed = fields_.u64();
        const std::uint32_t count = fields_.u32();
        kept.messages = read_messages(count, {.origins = true, .attributes = true});
        if (!may_go_on()) {
            return kept;
        }
        kept.reach = static_cast<Reach>(reach);
        kept.has_more = flags == kFlagMore;
        if (reach > static_cast<std::uint8_t>(Reach::kNotLoggedIn) || flags > kFlagMore) {
            refuse(ErrorCode::kMalformed, "what is said of the history has unknown bits");
        } else if (kept.has_more && count == 0) {
            refuse(ErrorCode::kMalformed, "a history goes on after its last message");
        }
        return kept;
    }

    Batch read_batch() {
        Batch batch;
        batch.incarnation = fields_.u64();
        batch.number = fields_.u64();
        const std::uint8_t flags = fields_.u8();
        const std::uint32_t count = fields_.u32();
        if (fields_.failed()) {
            return batch;
        }
        batch.shed = (flags & kFlagShed) != 0;
        if (batch.shed ? flags != kFlagShed : flags > (kFlagOrigins | kFlagAttributes)) {
            refuse(ErrorCode::kMalformed, "the batch's flags have unknown bits, or too many");
        }
        if (batch.shed) {
            batch.shed_count = count;
            batch.shed_from = fields_.u64();
            if (!fields_.failed() && (batch.shed_from == 0 || batch.shed_from > batch.number)) {
                refuse(ErrorCode::kMalformed, "the shed batches are not a range from 1 up");
            }
        } else {
            if (flags != 0 && count == 0) {
                refuse(ErrorCode::kMalformed, "an empty batch has neither origins nor attributes");
            }
            batch.messages = read_messages(count, {.origins = (flags & kFlagOrigins) != 0,
                                                   .attributes = (flags & kFlagAttributes) != 0});
        }
        return batch;
    }

    Welcome read_welcome() {
        Welcome welcome;
        welcome.incarnation = fields_.u64();
        welcome.name = fields_.str8();
        welcome.heartbeat_ms = fields_.u32();
        welcome.liveness_ms = fields_.u32();
        welcome.list = read_list_mark();
        if (role_ == Role::kNode) {
            NodeWelcome part;
            part.feed_endpoint = fields_.str8();
            part.feed_incarnation = fields_.u64();
            part.changes_applied = fields_.u64();
            part.feed_published = fields_.u64();
            part.history.epoch = fields_.u64();
            part.history.position = fields_.u64();
            part.history.patterns = fields_.take(fields_.u16());
            welcome.part = part;
        } else {
            SenderWelcome part;
            part.window_bytes = fields_.u32();
            part.credited = fields_.u64();
            part.settles_in_ms = fields_.u32();
            welcome.part = part;
        }
        if (!fields_.failed() && (welcome.heartbeat_ms == 0 || welcome.liveness_ms == 0)) {
            refuse(ErrorCode::kMalformed, "the welcome's times are 0");
        }
        return welcome;
    }

    Outcomes read_outcomes() {
        Outcomes outcomes;
        const std::uint8_t flags = fields_.u8();
        outcomes.first = fields_.u64();
        outcomes.count = fields_.u32();
        outcomes.nodes = fields_.take(std::size_t{outcomes.count} * 4);
        if (flags > kFlagPositions) {
            refuse(ErrorCode::kMalformed, "the flags of the outcomes have unknown bits");
        }
        if (flags == kFlagPositions) {
            outcomes.epoch = fields_.u64();
            outcomes.positions = fields_.take(std::size_t{outcomes.count} * 8);
            const bool has_any =
                outcomes.positions.find_first_not_of('\0') != outcomes.positions.npos;
            if (!fields_.failed() && (outcomes.epoch == 0 || !has_any)) {
                refuse(ErrorCode::kMalformed, "an epoch, or all positions, are 0");
            }
        }
        return outcomes;
    }

    IdList read_ids() {
        const std::uint32_t count = fields_.u32();
        const std::string_view start = fields_.rest();
        if (count > start.size()) {
            refuse(ErrorCode::kMalformed, "the frame is cut short");
        }
        for (std::uint32_t i = 0; i < count && may_go_on(); ++i) {
            check_id(fields_.str8());
        }
        return IdList(start.substr(0, start.size() - fields_.rest().size()), count);
    }

    MessageList read_messages(std::uint32_t count, MessageParts parts) {
        const std::string_view start = fields_.rest();
        if (count > kFrameMessagesMax) {
            refuse(ErrorCode::kMalformed, "a frame has more than 1024 messages");
        }
        for (std::uint32_t i = 0; i < count && may_go_on(); ++i) {
            if (parts.origins) {
                check_origin();
            }
            check_id(fields_.str8());
            if (parts.attributes) {
                check_attributes(fields_.str8());
            }
            if (fields_.str32().size() > kPayloadBytesMax) {
                refuse(ErrorCode::kMalformed, "a message has more than 65536 bytes");
            }
        }
        return MessageList(start.substr(0, start.size() - fields_.rest().size()), count, parts);
    }

    void check_origin() {
        const std::uint64_t sender = fields_.u64();
        const std::uint64_t number = fields_.u64();
        const bool may_be_none = static_cast<Kind>(kind_) == Kind::kKept;
        const bool is_none = sender == 0 && number == 0;
        if (!fields_.failed() && (sender == 0 || number == 0) && !(may_be_none && is_none)) {
            refuse(ErrorCode::kMalformed, "a message's origin is 0");
        }
    }

    void check_attributes(std::string_view block) {
        if (fields_.failed()) {
            return;
        }
        if (std::string why = why_malformed_attributes(block); !why.empty()) {
            refuse(ErrorCode::kMalformed, std::move(why));
            return;
        }
        const auto kind = static_cast<Kind>(kind_);
        if (kind == Kind::kBatch) {
            return; // one of an id with a history has a position, another one has none
        }
        const bool has_position = read_attributes(block).position != 0;
        if (kind == Kind::kSend && has_position) {
            refuse(ErrorCode::kMalformed, "only a broker gives a message its position");
        } else if (kind == Kind::kSend && block.size() > kSentAttributesBytesMax) {
            refuse(ErrorCode::kMalformed, "a message has more than 245 bytes of attributes");
        } else if (kind == Kind::kKept && !has_position) {
            refuse(ErrorCode::kMalformed, "a message of a history has no position");
        }
    }

    void check_id(std::string_view id) {
        if (!fields_.failed() && !valid_id(id)) {
            refuse(ErrorCode::kBadId, why_invalid_id(id));
        }
    }

    /// Nothing is read after a mistake: a frame may have a hundred thousand ids.
    [[nodiscard]] bool may_go_on() const { return !fields_.failed() && !refusal_; }
    /// Keeps the first mistake and ignores later ones.
    void refuse(ErrorCode code, std::string text) {
        if (!refusal_) {
            refusal_ = Refusal{code, kind_, std::move(text)};
        }
    }

    Fields fields_;
    std::uint8_t kind_;
    Role role_;
    std::optional<Refusal> refusal_;
};

} // namespace

std::string_view name_of(ErrorCode code) {
    switch (code) {
    case ErrorCode::kMalformed:
        return "malformed";
    case ErrorCode::kVersion:
        return "version";
    case ErrorCode::kUnknownKind:
        return "unknown-kind";
    case ErrorCode::kHelloFirst:
        return "hello-first";
    case ErrorCode::kWrongRole:
        return "wrong-role";
    case ErrorCode::kListNeeded:
        return "list-needed";
    case ErrorCode::kReplaced:
        return "replaced";
    case ErrorCode::kUnknownQuery:
        return "unknown-query";
    case ErrorCode::kBadId:
        return "bad-id";
    case ErrorCode::kOverloaded:
        return "overloaded";
    case ErrorCode::kInUse:
        return "in-use";
    case ErrorCode::kNotAllowed:
        return "not-allowed";
    case ErrorCode::kOtherList:
        return "other-list";
    }
    return "unknown";
}

Outcome Outcomes::outcome(std::uint32_t index) const {
    ZCOMET_ASSERT(index < count);
    Outcome outcome;
    const auto told = load<std::uint32_t>(nodes.data() + std::size_t{index} * 4);
    if (told == kNodesOtherMessage) {
        outcome.refusal = Outcome::Refusal::kOtherMessage;
    } else if (told == kNodesUnderWay) {
        outcome.refusal = Outcome::Refusal::kUnderWay;
    } else if (told == kNodesNotAllowed) {
        outcome.refusal = Outcome::Refusal::kNotAllowed;
    } else if (told != kNodesNotKnown) {
        outcome.nodes = told;
    }
    if (epoch != 0) {
        outcome.position = load<std::uint64_t>(positions.data() + std::size_t{index} * 8);
        outcome.epoch = outcome.position != 0 ? epoch : 0;
    }
    return outcome;
}

std::variant<Frame, Refusal> decode(std::string_view bytes, Role role) {
    if (bytes.size() < kHeaderBytes || bytes.substr(0, 2) != "ZC") {
        return Refusal{ErrorCode::kMalformed, 0,
                       "the frame does not begin with \"ZC\", a version and a kind"};
    }
    const auto version = static_cast<std::uint8_t>(bytes[2]);
    const auto kind = static_cast<std::uint8_t>(bytes[3]);
    // An ERROR keeps its form in every version, so that the refused side can read why.
    if (version != kProtocolVersion && static_cast<Kind>(kind) != Kind::kError) {
        return Refusal{ErrorCode::kVersion, kind,
                       "protocol version " + std::to_string(version) +
                           " is not spoken here, only version " + std::to_string(kProtocolVersion)};
    }
    if (bytes.size() > kFrameBytesMax) {
        return Refusal{ErrorCode::kMalformed, kind, "the frame has more than 1048576 bytes"};
    }
    return BodyDecoder(bytes.substr(kHeaderBytes), kind, role).run();
}

const KindRow* kind_of_frame(std::string_view bytes) {
    if (bytes.size() < kHeaderBytes || bytes.size() > kFrameBytesMax ||
        bytes.substr(0, 2) != "ZC") {
        return nullptr;
    }
    const KindRow* const kind = find_kind(static_cast<std::uint8_t>(bytes[3]));
    const bool is_spoken = static_cast<std::uint8_t>(bytes[2]) == kProtocolVersion;
    return kind != nullptr && (is_spoken || kind->kind == Kind::kError) ? kind : nullptr;
}

MessageList MessageList::only(const std::vector<bool>& wanted) const {
    ZCOMET_ASSERT(wanted_ == nullptr && wanted.size() == on_wire_);
    MessageList some = *this;
    some.count_ = static_cast<std::uint32_t>(std::count(wanted.begin(), wanted.end(), true));
    some.wanted_ = &wanted;
    return some;
}

IdList IdList::take_first(std::uint32_t count_max) {
    const std::uint32_t count = std::min(count_, count_max);
    std::size_t size = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
        size += 1 + static_cast<unsigned char>(bytes_[size]);
    }
    const IdList first(bytes_.substr(0, size), count);
    *this = IdList(bytes_.substr(size), count_ - count);
    return first;
}

} // namespace zcomet::wire
