// The frames of the cluster protocol and their codec. docs/PROTOCOL.md has their grammar.
//
// Decoding copies nothing: the views in a decoded frame point into the bytes that it was decoded
// from, and live as long as those bytes. A frame is checked whole before any of it is handed out,
// so a caller need not check lengths, ids or counts again.
#pragma once

#include "topology/wire/kinds.hpp"
#include "topology/wire/numbers.hpp"
#include "topology/wire/origin.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace zcomet::wire {

inline constexpr std::uint8_t kProtocolVersion = 1;
inline constexpr std::size_t kHeaderBytes = 4;
/// @limit bytes of a frame
inline constexpr std::size_t kFrameBytesMax = 1'048'576;
/// @limit bytes of a message
inline constexpr std::size_t kPayloadBytesMax = 65'536;
/// @limit bytes of a peer's name
inline constexpr std::size_t kNameBytesMax = 64;
/// A writer of lists starts a new frame when the present one has grown to this.
/// @limit bytes from which on a writer begins a new frame
inline constexpr std::size_t kFrameBytesTarget = 65'536;
/// A broker routes a frame as a whole: with ids on a hundred nodes that is four milliseconds of
/// copies. A frame that a writer begins anew at kFrameBytesTarget has more only if its messages
/// have less than 64 bytes together with their ids and lengths.
/// @limit messages of a SEND or a BATCH
inline constexpr std::uint32_t kFrameMessagesMax = 1'024;
/// A node acknowledges its feed regularly, and each time that it has applied this many bytes.
/// @limit bytes applied after which a node acknowledges at once
inline constexpr std::size_t kAcknowledgeBytes = 65'536;
/// The largest number of a message. One less than the type holds, so that there is always a next.
inline constexpr std::uint64_t kSendNumberMax = UINT64_MAX - 1;
/// The numbers from a sender's oldest message without an acknowledgement to its newest one.
/// @limit messages of a sender that await an acknowledgement
inline constexpr std::uint32_t kUnacknowledgedMax = 32'768;
/// @limit ids that a HISTORY asks for
inline constexpr std::uint32_t kHistoryIdsMax = 100;

enum class ErrorCode : std::uint16_t {
    kMalformed = 1,
    kVersion = 2,
    kUnknownKind = 3,
    kHelloFirst = 4,
    kWrongRole = 5,
    kListNeeded = 6,
    kReplaced = 7,
    kUnknownQuery = 8,
    kBadId = 9,
    kOverloaded = 10,
    kInUse = 11,
    kNotAllowed = 12,
    kOtherList = 13,
};

/// The code's name as docs/PROTOCOL.md spells it ("hello-first"); "unknown" for any other number.
[[nodiscard]] std::string_view name_of(ErrorCode code);

/// The confirmation of a message that its sender asks for.
enum class Confirm : std::uint8_t {
    kNothing,
    kReceipt,         ///< at how many nodes its id was logged in when the broker took it in
    kAcknowledgement, ///< at how many nodes it has arrived, once that is known
};

/// One message of a SEND or a BATCH.
struct Message {
    std::string_view id;
    std::string_view payload;
    Origin origin = {};
    /// Well formed (topology/wire/attributes.hpp); empty: none.
    std::string_view attributes = {};
};

/// What each message of a frame has on the wire beside its id and its payload.
struct MessageParts {
    bool origins = false;
    bool attributes = false; ///< which may be empty
};

/// A checked run of ids on the wire. Iterating costs no allocation.
class IdList {
  public:
    IdList() = default;
    IdList(std::string_view bytes, std::uint32_t count) : bytes_(bytes), count_(count) {}
    [[nodiscard]] std::uint32_t count() const { return count_; }
    template <typename Visit> void for_each(Visit&& visit) const;
    /// Splits off the first ids, as many as there are up to `count_max`.   @return those.
    [[nodiscard]] IdList take_first(std::uint32_t count_max);

  private:
    std::string_view bytes_;
    std::uint32_t count_ = 0;
};

/// A checked run of messages on the wire, or some of them. Iterating costs no allocation.
class MessageList {
  public:
    MessageList() = default;
    MessageList(std::string_view bytes, std::uint32_t count, MessageParts parts = {})
        : bytes_(bytes), count_(count), on_wire_(count), parts_(parts) {}
    [[nodiscard]] std::uint32_t count() const { return count_; }
    [[nodiscard]] bool has_origins() const { return parts_.origins; }
    template <typename Visit> void for_each(Visit&& visit) const;
    /// The same messages in memory of the caller's, which lives longer than the result. Of a whole
    /// list only.
    [[nodiscard]] MessageList copied_to(std::string& bytes) const {
        bytes.assign(bytes_);
        return {bytes, count_, parts_};
    }

    /// Those of the messages whose place in `wanted` is true.
    /// @param wanted  a place for each message of this list, which is whole; lives longer than the
    ///     result.
    [[nodiscard]] MessageList only(const std::vector<bool>& wanted) const;

  private:
    std::string_view bytes_;
    std::uint32_t count_ = 0;
    std::uint32_t on_wire_ = 0; // messages in bytes_
    MessageParts parts_;
    const std::vector<bool>* wanted_ = nullptr; // which of them; null: all
};

/// A node's counts of the fates of its feed's messages, since the feed began. The broker's
/// ledger adds them up (docs/PROTOCOL.md, section 4.3).
struct NodeLedger {
    std::uint64_t received = 0;   ///< in batches that were applied
    std::uint64_t duplicates = 0; ///< of those, repeats of messages that were shown before
    std::uint64_t unclaimed = 0;  ///< of those, whose id had no stream any more
    std::uint64_t shown = 0;      ///< of those, given to one stream or more
    std::uint64_t chunks_given = 0;
    std::uint64_t chunks_written = 0;
    std::uint64_t chunks_dropped = 0;
    std::uint64_t chunks_waiting = 0; ///< for streams that do not read, now
    /// Streams that were open when the feed began in the place of another one, so that they may
    /// have missed messages; and for how long the node had no feed then.
    std::uint64_t streams_cut_off = 0;
    std::uint64_t cut_off_ms = 0;
    /// About this moment, for the list of nodes: how many streams the node could hold, its own
    /// included, 0 if it does not say; and 1 while it does not hear its feed.
    std::uint64_t places = 0;
    std::uint64_t feed_silent = 0;
    friend bool operator==(const NodeLedger&, const NodeLedger&) = default;
};

/// Which list of brokers a process goes by (cluster::BrokerList). Two lists with the same version
/// are the same list, so two with the same version and different hashes are a mistake of the
/// operator's.
struct ListMark {
    std::uint64_t version = 0; ///< 0: the list has none, and is compared with no other
    std::uint64_t hash = 0;

    [[nodiscard]] bool contradicts(const ListMark& other) const {
        return version != 0 && version == other.version && hash != other.hash;
    }
    friend bool operator==(const ListMark&, const ListMark&) = default;
};

struct Hello {
    std::uint64_t incarnation = 0;
    Role role = Role::kSender;
    std::string_view name;
    /// Of a sender: the highest number of a message that it has sent so far, to any broker. 0:
    /// none.
    std::uint64_t sent = 0;
    ListMark list = {};
};
struct Goodbye {};
struct Heartbeat {
    std::uint64_t feed = 0;
    std::uint64_t change = 0;
    std::uint64_t streams = 0;
    /// Of the ids that are logged in after `change` (topology/wire/id_digest.hpp).
    std::uint64_t digest = 0;
    NodeLedger ledger = {};
    /// The feed that `feed` and `ledger` are about; 0: none.
    std::uint64_t feed_incarnation = 0;
};
struct Login {
    std::uint64_t change = 0;
    IdList ids;
};
struct Logout {
    std::uint64_t change = 0;
    IdList ids;
};
struct List {
    std::uint64_t change = 0;
    bool first = false;
    bool last = false;
    IdList ids;
};
struct Resend {
    std::uint64_t from = 0;
    std::uint64_t through = 0;
    std::uint64_t feed_incarnation = 0;
};
struct Send {
    Confirm confirm = Confirm::kNothing;
    std::uint64_t first = 0;
    MessageList messages;
};
struct Ping {
    std::uint64_t token = 0;
};
struct Query {
    std::uint64_t token = 0;
    std::string_view what;
    std::string_view argument;
};
/// Asks for messages of a history.
struct History {
    std::uint64_t token = 0;
    /// The node has logged the ids in and goes on with its feed: the answer must fit to that.
    bool is_for_feed = false;
    std::uint64_t epoch = 0; ///< of `after`; 0: there is no cursor
    std::uint64_t after = 0; ///< only messages with a higher position
    std::uint32_t count_max = 0;
    IdList ids; ///< 1 to kHistoryIdsMax
    /// Of one id: if there are more messages than count_max, the newest of them.
    bool wants_newest = false;
};
struct Batch {
    /// The feed's.
    std::uint64_t incarnation = 0;
    std::uint64_t number = 0;
    /// Whether the batches `shed_from` to `number`, which held `shed_count` messages, are gone.
    bool shed = false;
    std::uint64_t shed_from = 0;
    std::uint32_t shed_count = 0;
    MessageList messages;
};
/// What a node is told of the broker's history.
struct HistoryTerms {
    std::uint64_t epoch = 0;    ///< 0: the broker keeps none
    std::uint64_t position = 0; ///< of the last message that was kept before the WELCOME
    std::string_view patterns;  ///< of the ids that have one, with a blank between them
};
struct NodeWelcome {
    std::string_view feed_endpoint;
    std::uint64_t feed_incarnation = 0;
    std::uint64_t changes_applied = 0;
    std::uint64_t feed_published = 0;
    HistoryTerms history = {};
};
struct SenderWelcome {
    std::uint32_t window_bytes = 0;
    std::uint64_t credited = 0;
    /// For this long nodes may still be on their way to the broker, because it began, or lost a
    /// node, a short time ago. Afterwards it takes nodes that have not come for dead.
    std::uint32_t settles_in_ms = 0;
};
/// The frame does not say for which role it is, so the caller of decode() does.
struct Welcome {
    std::uint64_t incarnation = 0;
    std::string_view name;
    std::uint32_t heartbeat_ms = 0;
    std::uint32_t liveness_ms = 0;
    ListMark list = {};
    std::variant<NodeWelcome, SenderWelcome> part;
};
struct Credit {
    std::uint64_t through = 0;
};
/// What became of a message, as its sender is told.
struct Outcome {
    std::optional<std::uint32_t> nodes{}; ///< a number of them; absent: it is not known
    /// Its place in the broker's history, and of which epoch that is. 0: it was not kept, or that
    /// is not known.
    std::uint64_t epoch = 0;
    std::uint64_t position = 0;
    /// Why a message was not passed on: its key (topology/wire/attributes.hpp) came before, or its
    /// sender may not send it. Then nothing else is known.
    enum class Refusal : std::uint8_t {
        kNone,
        kOtherMessage, ///< the first one with the key was another message
        kUnderWay,     ///< what became of the first one is not known yet
        kNotAllowed,   ///< or: the sender's key does not allow the id
    };
    Refusal refusal = Refusal::kNone;
    friend bool operator==(const Outcome&, const Outcome&) = default;
};
/// The outcomes of the messages from `first` on.
struct Outcomes {
    std::uint64_t first = 0;
    std::uint32_t count = 0;
    std::uint64_t epoch = 0; ///< of the positions; 0: there are none
    /// @param index  in [0, count).
    [[nodiscard]] Outcome outcome(std::uint32_t index) const;
    std::string_view nodes;     ///< as on the wire
    std::string_view positions; ///< likewise
};
/// At how many nodes the ids were logged in.
struct Receipt : Outcomes {};
/// At how many nodes the messages have arrived.
struct Acknowledged : Outcomes {};
struct Pong {
    std::uint64_t token = 0;
};
/// How far a history reaches.
enum class Reach : std::uint8_t {
    kWhole = 0,       ///< the messages are all that came after the cursor
    kNoCursor = 1,    ///< there was none: the messages are what there is
    kEvicted = 2,     ///< some after the cursor are gone; the messages are all since `since`
    kOtherEpoch = 3,  ///< the cursor is of another epoch; likewise
    kNoHistory = 4,   ///< none of the ids has one
    kNotLoggedIn = 5, ///< the node does not hold all of the ids: it asks again later
};
/// The answer to HISTORY.
struct Kept {
    std::uint64_t token = 0;
    Reach reach = Reach::kWhole;
    bool has_more = false; ///< the last message's position is the cursor for the rest
    std::uint64_t epoch = 0;
    std::uint64_t since = 0;
    /// No message that came up to now has a higher position.
    std::uint64_t through = 0;
    /// The number of the last batch of the node's feed with messages that came up to now.
    std::uint64_t feed = 0;
    MessageList messages = {}; ///< with their positions, and origins that may be 0
};
struct Answer {
    std::uint64_t token = 0;
    std::string_view json;
};
struct ErrorFrame {
    /// May be a number that this release does not know.
    ErrorCode code = ErrorCode::kMalformed;
    std::uint8_t kind = 0;
    std::string_view text;
};

/// The alternatives stand in the order of kKinds (kinds.hpp).
using Frame =
    std::variant<Hello, Goodbye, Heartbeat, Login, Logout, List, Resend, Send, Ping, Query, History,
                 Batch, Welcome, Credit, Receipt, Pong, Answer, Acknowledged, Kept, ErrorFrame>;
static_assert(std::variant_size_v<Frame> == kKinds.size(), "each kind has its frame");

/// The row of the frame's kind.   Cost: O(1).
[[nodiscard]] inline const KindRow& kind_of(const Frame& frame) {
    return kKinds[frame.index()];
}

/// The place of `Body` among the alternatives of a variant.
template <typename Body, typename... Bodies>
[[nodiscard]] constexpr std::size_t place_among(const std::variant<Bodies...>* /*type*/) {
    std::size_t place = 0;
    static_cast<void>(((std::is_same_v<Body, Bodies> || (++place, false)) || ...));
    return place;
}
/// The row of a type of frame.
template <typename Body>
inline constexpr const KindRow& kKindOf =
    kKinds[place_among<Body>(static_cast<const Frame*>(nullptr))];

/// Why bytes are not a frame, as an ERROR frame in answer would say it.
struct Refusal {
    ErrorCode code = ErrorCode::kMalformed;
    /// The frame's kind byte, or 0 if there was none to read.
    std::uint8_t kind = 0;
    std::string text;
};

/// Reads one frame.
/// @param bytes  one ZeroMQ frame, any content; borrowed: the result's views point into it.
/// @param role   whose WELCOME this would be; other frames do not depend on it.
/// Errors:  a Refusal for anything that docs/PROTOCOL.md does not allow. Never throws on content.
/// Thread:  any.   Cost: O(size), no allocation unless refused.
[[nodiscard]] std::variant<Frame, Refusal> decode(std::string_view bytes, Role role = Role::kNode);
/// @return the kind of a frame that has a good header; nullptr: decode() refuses the frame.
[[nodiscard]] const KindRow* kind_of_frame(std::string_view bytes);

[[nodiscard]] std::string encode(const Hello& frame);
[[nodiscard]] std::string encode(const Goodbye& frame);
[[nodiscard]] std::string encode(const Heartbeat& frame);
[[nodiscard]] std::string encode(const Resend& frame);
[[nodiscard]] std::string encode(const Ping& frame);
[[nodiscard]] std::string encode(const Query& frame);
[[nodiscard]] std::string encode(const History& frame);
[[nodiscard]] std::string encode(const Welcome& frame);
[[nodiscard]] std::string encode(const Credit& frame);
[[nodiscard]] std::string encode(const Pong& frame);
[[nodiscard]] std::string encode(const Answer& frame);
/// Text beyond 255 bytes is cut.
[[nodiscard]] std::string encode(const ErrorFrame& frame);

/// Builds LOGIN, LOGOUT and LIST frames.
class IdFrameWriter {
  public:
    /// `id` must be valid (topology/wire/id.hpp).
    void add(std::string_view id);
    [[nodiscard]] std::uint32_t count() const { return count_; }
    /// Whether the frame has reached kFrameBytesTarget and should be finished.
    [[nodiscard]] bool full() const { return ids_.size() >= kFrameBytesTarget; }
    /// Each finish_… returns the whole frame and leaves the writer empty.
    [[nodiscard]] std::string finish_login(std::uint64_t change);
    [[nodiscard]] std::string finish_logout(std::uint64_t change);
    [[nodiscard]] std::string finish_list(std::uint64_t change, bool first, bool last);

  private:
    [[nodiscard]] std::string finish(std::string head);
    std::string ids_;
    std::uint32_t count_ = 0;
};

inline constexpr std::size_t kSendHeaderBytes = kHeaderBytes + 1 + 8 + 4;
/// What a message without an origin takes in a frame: one byte more where it has no attributes and
/// others have.
[[nodiscard]] constexpr std::size_t message_bytes(std::size_t id_bytes, std::size_t payload_bytes,
                                                  std::size_t attributes_bytes = 0) {
    return 1 + id_bytes + (attributes_bytes > 0 ? 1 + attributes_bytes : 0) + 4 + payload_bytes;
}

/// Builds SEND and BATCH frames in place: room for the header first, then message after message.
class MessageFrameWriter {
  public:
    enum class Form : std::uint8_t { kSend, kBatch, kKept };
    explicit MessageFrameWriter(Form form);
    /// Whether the message may go into this frame. If not, the frame is to be finished first: all
    /// messages of a frame have an origin, or none has; and where the first one has no attributes,
    /// none has.
    [[nodiscard]] bool takes(const Message& message) const;
    /// `id` must be valid, `payload` at most kPayloadBytesMax bytes, `attributes` well formed.
    /// takes() must hold. Messages of a SEND have no origin; each of a KEPT has a place for one,
    /// and a position.
    void add(const Message& message);
    /// What the messages added so far have on the wire.
    [[nodiscard]] MessageParts parts() const { return parts_; }
    [[nodiscard]] std::uint32_t count() const { return count_; }
    /// The frame's size if it were finished now.
    [[nodiscard]] std::size_t size_bytes() const { return frame_.size(); }
    /// Whether the frame has reached kFrameBytesTarget or kFrameMessagesMax, and must be finished.
    [[nodiscard]] bool full() const {
        return frame_.size() >= kFrameBytesTarget || count_ >= kFrameMessagesMax;
    }
    /// Each finish_… returns the whole frame and leaves the writer empty. The form must fit.
    [[nodiscard]] std::string finish_send(Confirm confirm, std::uint64_t first);
    [[nodiscard]] std::string finish_batch(std::uint64_t incarnation, std::uint64_t number);
    /// @param kept  all but its messages.
    [[nodiscard]] std::string finish_kept(const Kept& kept);

  private:
    void reset();
    std::string frame_;
    std::uint32_t count_ = 0;
    Form form_;
    MessageParts parts_;
};

/// A BATCH without messages: a feed's heartbeat, whose last published number is `number`.
[[nodiscard]] std::string encode_empty_batch(std::uint64_t incarnation, std::uint64_t number);

/// Says that the batches `from` to `through`, which held `messages` messages, are gone.
[[nodiscard]] std::string encode_shed_batch(std::uint64_t incarnation, std::uint64_t from,
                                            std::uint64_t through, std::uint32_t messages);

/// Builds a RECEIPT or an ACKNOWLEDGED, message by message. The positions of a frame are of one
/// epoch.
class OutcomesWriter {
  public:
    /// @param outcome  its nodes are fewer than 2^32 - 3.
    void add(const Outcome& outcome);
    /// Each finish_… returns the whole frame and leaves the writer empty.
    [[nodiscard]] std::string finish_receipt(std::uint64_t first);
    [[nodiscard]] std::string finish_acknowledged(std::uint64_t first);

  private:
    [[nodiscard]] std::string finish(Kind kind, std::uint64_t first);
    std::string nodes_;
    std::string positions_; // of the messages up to the last that has one
    std::uint64_t epoch_ = 0;
    std::uint32_t count_ = 0;
};

/// A node's topic on the feed, which is its incarnation in eight bytes.
[[nodiscard]] std::string encode_topic(std::uint64_t incarnation);

inline constexpr std::size_t kOriginBytes = 16;

template <typename Visit> void IdList::for_each(Visit&& visit) const {
    const char* at = bytes_.data();
    for (std::uint32_t i = 0; i < count_; ++i) {
        const std::size_t length = static_cast<unsigned char>(*at);
        visit(std::string_view(at + 1, length));
        at += 1 + length;
    }
}

template <typename Visit> void MessageList::for_each(Visit&& visit) const {
    const char* at = bytes_.data();
    for (std::uint32_t i = 0; i < on_wire_; ++i) {
        Origin origin;
        if (parts_.origins) {
            origin = {load<std::uint64_t>(at), load<std::uint64_t>(at + 8)};
            at += kOriginBytes;
        }
        const std::size_t id_length = static_cast<unsigned char>(*at);
        const std::string_view id(at + 1, id_length);
        at += 1 + id_length;
        std::string_view attributes;
        if (parts_.attributes) {
            attributes = {at + 1, static_cast<unsigned char>(*at)};
            at += 1 + attributes.size();
        }
        const std::size_t payload_length = load<std::uint32_t>(at);
        if (wanted_ == nullptr || (*wanted_)[i]) {
            visit(Message{id, std::string_view(at + 4, payload_length), origin, attributes});
        }
        at += 4 + payload_length;
    }
}

} // namespace zcomet::wire
