// Fuzz target: a sender's session. The input is a script: what the broker says, what is to be sent,
// and how time goes by. Script::step() has its commands; any bytes are a script.
//
// Whatever a broker says, the session sends frames that a sender may send, numbers its messages
// without a gap, keeps to the window, and tells of each message at most once.
#include "topology/session/sender_session.hpp"

#include "test/fuzz/script.hpp"
#include "test/fuzz/target.hpp"
#include "topology/base/check.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <variant>

using namespace zcomet;

namespace {

const Time kStart = Time{} + 24h;

/// Hears all that the session says, and checks it.
class Host : public session::Wires, public session::SenderEvents {
  public:
    std::optional<std::string_view> receive() override { return std::nullopt; }
    bool connected() override { return true; }
    void send(std::string&& bytes) override {
        const auto decoded = wire::decode(bytes, wire::Role::kSender);
        ZCOMET_ASSERT(std::holds_alternative<wire::Frame>(decoded));
        frame_bytes_ = bytes.size();
        std::visit([this](const auto& frame) { on(frame); }, std::get<wire::Frame>(decoded));
        said_hello_ = true;
    }
    void on_receipt(std::uint64_t number, const wire::Outcome&) override {
        ZCOMET_ASSERT(number <= sent_ && receipts_.insert(number).second);
    }
    void on_acknowledged(std::uint64_t number, const wire::Outcome&) override {
        ZCOMET_ASSERT(number <= sent_ && acknowledged_.insert(number).second);
    }
    void on_welcome(std::string_view) override {
        ++welcomes;
        under_way_.clear();
    }
    void on_lost() override { ++losses; }
    void on_refused(wire::ErrorCode, std::string_view) override {}

    /// The session is about to get this frame.
    void hear_broker(std::string_view bytes) {
        const auto decoded = wire::decode(bytes, wire::Role::kSender);
        const auto* frame = std::get_if<wire::Frame>(&decoded);
        if (frame == nullptr) {
            return;
        }
        if (const auto* credit = std::get_if<wire::Credit>(frame)) {
            take_credit(credit->through);
        } else if (const auto* heartbeat = std::get_if<wire::Heartbeat>(frame)) {
            take_credit(heartbeat->change);
        } else if (const auto* welcome = std::get_if<wire::Welcome>(frame)) {
            const auto& part = std::get<wire::SenderWelcome>(welcome->part);
            window_bytes_ = part.window_bytes;
            take_credit(part.credited);
        }
    }

    [[nodiscard]] std::uint64_t sent() const { return sent_; }
    [[nodiscard]] std::size_t acknowledged() const { return acknowledged_.size(); }

    std::uint64_t welcomes = 0;
    std::uint64_t losses = 0;

  private:
    void on(const wire::Hello& hello) {
        ZCOMET_ASSERT(hello.role == wire::Role::kSender);
        ZCOMET_ASSERT(hello.sent == sent_);
    }
    void on(const wire::Heartbeat& heartbeat) {
        ZCOMET_ASSERT(said_hello_);
        ZCOMET_ASSERT(heartbeat.change == sent_);
    }
    void on(const wire::Send& send) {
        ZCOMET_ASSERT(welcomes > 0);
        const std::uint64_t last = send.first + send.messages.count() - 1;
        // A frame that is larger than the whole window goes alone.
        const std::size_t before = under_way_bytes();
        ZCOMET_ASSERT(before == 0 || before + frame_bytes_ <= window_bytes_);
        under_way_.push_back({last, frame_bytes_});
        if (send.first == sent_ + 1) {
            sent_ = last;
            return;
        }
        // Only what awaits an acknowledgement is sent again.
        ZCOMET_ASSERT(last <= sent_ && send.confirm == wire::Confirm::kAcknowledgement);
        ZCOMET_ASSERT(acknowledged_.count(send.first) == 0);
    }
    void on(const wire::Goodbye&) {}
    template <typename Frame> void on(const Frame&) {
        constexpr bool kIsSentBySenders = false;
        ZCOMET_ASSERT(kIsSentBySenders);
    }

    /// Frames leave in order: one that waits for credit holds up those after it.
    void take_credit(std::uint64_t through) {
        while (!under_way_.empty() && under_way_.front().last <= through) {
            under_way_.pop_front();
        }
    }
    [[nodiscard]] std::size_t under_way_bytes() const {
        std::size_t bytes = 0;
        for (const UnderWay& frame : under_way_) {
            bytes += frame.bytes;
        }
        return bytes;
    }

    struct UnderWay {
        std::uint64_t last = 0;
        std::size_t bytes = 0;
    };
    std::uint64_t sent_ = 0; // the highest number
    std::size_t frame_bytes_ = 0;
    std::size_t window_bytes_ = 0;
    std::deque<UnderWay> under_way_;
    std::set<std::uint64_t> receipts_;
    std::set<std::uint64_t> acknowledged_;
    bool said_hello_ = false;
};

class Script {
  public:
    explicit Script(std::string_view script) : bytes_(script) { session_.start(now_); }

    void run() {
        while (!bytes_.empty() && !is_over_) {
            step();
            check();
        }
        let_pass(100ms);
    }

  private:
    void step() {
        switch (bytes_.u8() % 16) {
        case 0:
            return say(bytes_.take_sized());
        case 1:
            return welcome();
        case 2:
            return say(wire::encode(wire::ErrorFrame{static_cast<wire::ErrorCode>(bytes_.u8() % 12),
                                                     bytes_.u8(), "why"}));
        case 3:
            return say(wire::encode(wire::Heartbeat{0, number(), 0}));
        case 4:
            return say(wire::encode(wire::Credit{number()}));
        case 5:
        case 6:
            return answer(wire::Kind::kReceipt);
        case 7:
        case 8:
            return answer(wire::Kind::kAcknowledged);
        case 9:
        case 10:
        case 11:
            return send();
        case 12:
            return session_.on_connected(now_);
        case 13:
            return let_pass(std::chrono::milliseconds{bytes_.u8()});
        case 14:
            return let_pass(100ms * bytes_.u8());
        default:
            return rare();
        }
    }

    void rare() {
        if (bytes_.u8() < 0x80) {
            session_.flush(now_);
            return;
        }
        is_over_ = true;
        session_.goodbye(now_);
    }
    void say(std::string_view frame) {
        host_.hear_broker(frame);
        session_.on_broker_frame(frame, now_);
    }
    /// A message's number: mostly of one that was sent, now and then any.
    std::uint64_t number() {
        const std::uint8_t byte = bytes_.u8();
        if (byte == 0xFF) {
            return bytes_.u64();
        }
        return byte < 0x80 ? byte : host_.sent();
    }
    void welcome() {
        const std::uint64_t incarnation = 1 + bytes_.u8() % 2U;
        const std::uint32_t window = bytes_.u8() * 1024U;
        const std::uint64_t credited = number();
        const std::uint32_t settles = bytes_.u8() % 4U * 100;
        say(wire::encode(
            wire::Welcome{incarnation,
                          "b",
                          1000,
                          3000,
                          {},
                          wire::SenderWelcome{std::max(window, 65'536U), credited, settles}}));
    }
    /// A RECEIPT or an ACKNOWLEDGED of some messages.
    void answer(wire::Kind kind) {
        const std::uint64_t first = number();
        wire::OutcomesWriter outcomes;
        for (unsigned left = 1 + bytes_.u8() % 4U; left > 0; --left) {
            const std::uint8_t nodes = bytes_.u8();
            outcomes.add({.nodes = nodes, .epoch = 1, .position = nodes % 4U});
        }
        say(kind == wire::Kind::kReceipt ? outcomes.finish_receipt(first)
                                         : outcomes.finish_acknowledged(first));
    }
    void send() {
        const std::uint8_t how = bytes_.u8();
        // Large ones are few bytes of script, so that the window fills up.
        const std::string payload(std::size_t{bytes_.u8()} << ((how >> 2U) % 9U), 'x');
        const auto confirm = static_cast<wire::Confirm>(how % 3);
        const bool can = session_.can_send(wire::message_bytes(1, payload.size()));
        if (can && payload.size() <= wire::kPayloadBytesMax) {
            ZCOMET_ASSERT(session_.send("1", payload, confirm) == ++given_);
            awaiting_ += confirm == wire::Confirm::kAcknowledgement ? 1 : 0;
        }
    }

    void let_pass(Duration time) {
        now_ += time;
        session_.tick(now_);
        // Messages sent again when the window opens may be overdue for an answer by then.
        session_.tick(now_);
        // A loop that finds something due after each tick would never sleep.
        ZCOMET_ASSERT(session_.due() > now_);
    }

    void check() const {
        const session::SenderSessionCounters& counters = session_.counters();
        ZCOMET_ASSERT(counters.messages_sent == host_.sent());
        ZCOMET_ASSERT(counters.lost_brokers == host_.losses);
        ZCOMET_ASSERT(host_.sent() <= given_);
        ZCOMET_ASSERT(session_.unacknowledged() + host_.acknowledged() == awaiting_);
        ZCOMET_ASSERT(host_.welcomes >= host_.losses + (session_.welcomed() ? 1 : 0));
    }

    fuzz::Bytes bytes_;
    Host host_;
    session::SenderSession session_{host_, host_, 1, "s"};
    Time now_ = kStart;
    std::uint64_t given_ = 0;    // to the session
    std::uint64_t awaiting_ = 0; // of those, the ones that await an acknowledgement
    bool is_over_ = false;
};

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Script(fuzz::text_of(data, size)).run();
    return 0;
}
