// Fuzz target: a node's session. The input is a script: what the broker says, which ids come and
// go, and how time goes by. Script::step() has its commands; any bytes are a script.
//
// Whatever a broker says, the session sends frames that a node may send, its logins add up to the
// ids that are held, and it always sleeps until something is due.
#include "topology/session/node_session.hpp"

#include "test/fuzz/script.hpp"
#include "test/fuzz/target.hpp"
#include "topology/base/check.hpp"
#include "topology/wire/id_digest.hpp"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <variant>

using namespace zcomet;

namespace {

const Time kStart = Time{} + 24h;

std::uint64_t digest_of(const std::set<std::string>& ids) {
    std::uint64_t digest = 0;
    for (const std::string& id : ids) {
        digest += wire::id_digest(id);
    }
    return digest;
}

/// Hears all that the session says, as a broker that loses nothing would, and checks it.
class Host : public session::Wires, public session::FeedWires, public session::NodeEvents {
  public:
    void send(std::string&& bytes) override {
        const auto decoded = wire::decode(bytes);
        ZCOMET_ASSERT(std::holds_alternative<wire::Frame>(decoded));
        std::visit([this](const auto& frame) { on(frame); }, std::get<wire::Frame>(decoded));
        said_hello = true;
    }
    std::optional<std::string_view> receive() override { return std::nullopt; }
    bool connected() override { return true; }
    Status connect_feed(const std::string& endpoint) override {
        ZCOMET_ASSERT(!endpoint.empty());
        return Done{};
    }
    std::optional<std::string_view> receive_batch() override { return std::nullopt; }
    bool batch_waits() override { return false; }
    void deliver(const wire::MessageList& messages) override {
        ZCOMET_ASSERT(messages.count() > 0);
        messages.for_each([this](const wire::Message&) { ++delivered; });
    }
    void for_each_login(const std::function<void(std::string_view)>& visit) const override {
        for (const std::string& id : held) {
            visit(id);
        }
    }
    std::uint64_t stream_count() const override { return held.size(); }
    wire::NodeLedger ledger() const override { return {}; }
    void on_live(std::string_view) override {
        ZCOMET_ASSERT(!is_live);
        is_live = true;
    }
    void on_lost() override {
        ZCOMET_ASSERT(is_live);
        is_live = false;
    }
    void on_refused(wire::ErrorCode, std::string_view) override {}
    void on_no_feed(std::string_view) override {}

    std::set<std::string> held;
    std::uint64_t delivered = 0;
    bool is_live = false;
    bool said_hello = false;

  private:
    void on(const wire::Hello& hello) { ZCOMET_ASSERT(hello.role == wire::Role::kNode); }
    void on(const wire::Heartbeat& heartbeat) {
        ZCOMET_ASSERT(heartbeat.change == change_);
        ZCOMET_ASSERT(heartbeat.digest == digest_of(told_));
        ZCOMET_ASSERT(said_hello);
    }
    void on(const wire::Login& login) {
        ZCOMET_ASSERT(login.change == ++change_);
        login.ids.for_each([this](std::string_view id) { told_.emplace(id); });
    }
    void on(const wire::Logout& logout) {
        ZCOMET_ASSERT(logout.change == ++change_);
        // While a list is due, this may be an id that was never sent.
        logout.ids.for_each([this](std::string_view id) { told_.erase(std::string(id)); });
    }
    void on(const wire::List& list) {
        if (list.first) {
            ++change_;
            told_.clear();
        }
        ZCOMET_ASSERT(list.change == change_);
        list.ids.for_each([this](std::string_view id) { ZCOMET_ASSERT(told_.emplace(id).second); });
        ZCOMET_ASSERT(!list.last || told_ == held);
    }
    void on(const wire::Resend& resend) { ZCOMET_ASSERT(resend.from <= resend.through); }
    void on(const wire::Ping&) {}
    void on(const wire::Answer&) {}
    void on(const wire::Goodbye&) {}
    template <typename Frame> void on(const Frame&) {
        constexpr bool kIsSentByNodes = false;
        ZCOMET_ASSERT(kIsSentByNodes);
    }

    std::set<std::string> told_;
    std::uint64_t change_ = 0;
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
            return session_.on_broker_frame(bytes_.take_sized(), now_);
        case 1:
            return session_.on_feed_frame(bytes_.take_sized(), now_);
        case 2:
            return welcome();
        case 3:
            return session_.on_broker_frame(
                wire::encode(wire::ErrorFrame{static_cast<wire::ErrorCode>(bytes_.u8() % 12),
                                              bytes_.u8(), "why"}),
                now_);
        case 4:
            return session_.on_broker_frame(wire::encode(wire::Heartbeat{0, bytes_.u8(), 0}), now_);
        case 5:
            return session_.on_broker_frame(wire::encode(wire::Pong{bytes_.u8()}), now_);
        case 6:
            return batch(0);
        case 7:
            return batch(1 + bytes_.u8() % 3U);
        case 8:
            return session_.on_feed_frame(wire::encode_empty_batch(feed(), bytes_.u8()), now_);
        case 9:
            return shed();
        case 10:
            return toggle();
        case 11:
            return session_.on_connected(now_);
        case 12:
            return session_.confirm_logins(now_);
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
            session_.on_feed_waiting(now_);
            return;
        }
        is_over_ = true;
        session_.goodbye(now_);
    }
    std::uint64_t feed() { return 1 + bytes_.u8() % 2U; }
    void welcome() {
        const std::uint8_t how = bytes_.u8();
        const char* endpoint = "nonsense";
        if ((how & 1U) != 0) {
            endpoint = "tcp://*:5556";
        } else if ((how & 2U) != 0) {
            endpoint = "tcp://10.0.0.1:5556";
        }
        const std::uint64_t feed_incarnation = feed();
        const std::uint64_t changes = bytes_.u8();
        session_.on_broker_frame(
            wire::encode(wire::Welcome{
                1, "b", 1000, 3000, {}, wire::NodeWelcome{endpoint, feed_incarnation, changes, 0}}),
            now_);
    }
    /// Some messages, each of one sender: mostly with rising numbers, now and then with any number.
    void batch(std::uint64_t sender) {
        const std::uint64_t incarnation = feed();
        const std::uint64_t number = 1 + bytes_.u8();
        wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kBatch);
        for (unsigned left = 1 + bytes_.u8() % 4U; left > 0; --left) {
            const std::uint8_t byte = bytes_.u8();
            const std::uint64_t message = byte == 0xFF ? bytes_.u64() : byte;
            const wire::Origin origin{sender, sender == 0 ? 0 : message};
            writer.add({"1", "hello", origin});
        }
        session_.on_feed_frame(writer.finish_batch(incarnation, number), now_);
    }
    void shed() {
        const std::uint64_t incarnation = feed();
        const std::uint64_t from = 1 + bytes_.u8();
        const std::uint64_t through = from + bytes_.u8();
        session_.on_feed_frame(wire::encode_shed_batch(incarnation, from, through, bytes_.u8()),
                               now_);
    }
    void toggle() {
        const std::string id = std::to_string(bytes_.u8() % 16U);
        if (host_.held.erase(id) == 1) {
            session_.logout(id);
        } else {
            host_.held.insert(id);
            session_.login(id);
        }
    }

    void let_pass(Duration time) {
        now_ += time;
        session_.tick(now_);
        // A loop that finds something due after each tick would never sleep.
        ZCOMET_ASSERT(session_.due() > now_);
    }

    void check() {
        const session::NodeSessionCounters& counters = session_.counters();
        ZCOMET_ASSERT(counters.messages_received == host_.delivered + counters.duplicates);
        ZCOMET_ASSERT(is_over_ || session_.live() == host_.is_live);
    }

    fuzz::Bytes bytes_;
    Host host_;
    session::Node node_{host_, 1, "n"};
    session::NodeSession session_{node_, 0, host_, host_, "10.0.0.9"};
    Time now_ = kStart;
    bool is_over_ = false;
};

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Script(fuzz::text_of(data, size)).run();
    return 0;
}
