// Fuzz target: the broker's router. The input is a script: frames of peers, subscriptions, and time
// that goes by. Script::step() has its commands; any bytes are a script.
//
// Whatever peers do, the frames that the router sends can be decoded, a node that hears all of its
// feed sees no gap, the counters add up, and the number of peers stays within its bound.
#include "broker/router/router.hpp"

#include "test/fuzz/script.hpp"
#include "test/fuzz/target.hpp"
#include "topology/base/check.hpp"
#include "topology/feed/feed_reader.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace zcomet;

namespace {

constexpr unsigned kConnections = 8;
constexpr std::uint32_t kIdsMax = 20;  // fewer than scripts can name
constexpr std::uint32_t kPeersMax = 5; // fewer than connections, so that the bound is met
const Time kStart = Time{} + 24h;

/// Hears all that the router says, and checks it.
class Host : public broker::router::RouterHost {
  public:
    bool send_to_peer(std::string_view connection, std::string frame) override {
        ZCOMET_ASSERT(!connection.empty());
        // A WELCOME does not name a role: it has to be right for one of the two.
        const auto for_node = wire::decode(frame, wire::Role::kNode);
        const auto for_sender = wire::decode(frame, wire::Role::kSender);
        ZCOMET_ASSERT(std::holds_alternative<wire::Frame>(for_node) ||
                      std::holds_alternative<wire::Frame>(for_sender));
        note_feed(connection, for_node);
        ++frames_sent;
        unroutable += reachable ? 0 : 1;
        return reachable;
    }
    bool is_connected(std::string_view connection, std::string probe) override {
        const std::uint64_t unroutable_replies = unroutable;
        const bool connected = send_to_peer(connection, std::move(probe));
        unroutable = unroutable_replies; // a probe that meets nobody is an answer, not a lost reply
        return connected;
    }
    void publish(std::string_view topic, const feed::SharedFrame& frame) override {
        ZCOMET_ASSERT(topic.size() == sizeof(std::uint64_t));
        const auto decoded = wire::decode(*frame);
        const auto& batch = std::get<wire::Batch>(std::get<wire::Frame>(decoded));
        feed::FeedReader& reader = feeds_[batch.incarnation];
        static_cast<void>(reader.welcome(batch.incarnation));
        ZCOMET_ASSERT(reader.on_batch(batch, kStart).verdict != feed::FeedReader::Verdict::kGap);
    }
    std::string address_of(std::string_view connection) override { return std::string(connection); }
    void on_event(const broker::router::RouterEvent& event) override {
        if (event.kind == broker::router::RouterEvent::Kind::kRefused) {
            ZCOMET_ASSERT(!event.text.empty());
        }
    }

    /// The feed of the connection's last WELCOME; 0: none.
    [[nodiscard]] std::uint64_t feed_of(const std::string& connection) {
        return feed_of_[connection];
    }

    bool reachable = true;
    std::uint64_t frames_sent = 0;
    std::uint64_t unroutable = 0;

  private:
    template <typename Decoded>
    void note_feed(std::string_view connection, const Decoded& decoded) {
        const auto* frame = std::get_if<wire::Frame>(&decoded);
        const auto* welcome = frame == nullptr ? nullptr : std::get_if<wire::Welcome>(frame);
        if (welcome != nullptr) {
            feed_of_[std::string(connection)] =
                std::get<wire::NodeWelcome>(welcome->part).feed_incarnation;
        }
    }

    std::map<std::uint64_t, feed::FeedReader> feeds_;
    std::map<std::string, std::uint64_t> feed_of_;
};

/// The numbers that a connection has used, so that a short script can continue them.
struct Numbers {
    std::uint64_t change = 0;
    std::uint64_t message = 0;
};

class Script {
  public:
    explicit Script(std::string_view script) : bytes_(script), router_(host_, options(), kStart) {}

    void run() {
        while (!bytes_.empty()) {
            step();
        }
        let_pass(1ms);
    }

  private:
    broker::router::RouterOptions options() {
        broker::router::RouterOptions options;
        options.incarnation = 0xB0B0;
        options.feed_endpoint = "tcp://127.0.0.1:5556";
        options.peers_max = kPeersMax;
        options.ids_max = kIdsMax;
        // The least that is allowed: scripts of some kilobytes reach windows and bounds.
        options.sender_window_bytes = 65'536;
        options.feed.window_bytes = 65'536;
        options.feed.bound_bytes = options.feed.window_bytes + wire::kFrameBytesMax;
        options.random = [this] { return ++last_feed_; };
        return options;
    }

    void step() {
        const std::uint8_t command = bytes_.u8();
        connection_ = bytes_.u8() % kConnections;
        switch (command % 16) {
        case 0:
            return say(bytes_.take_sized());
        case 1:
            return say_hello();
        case 2:
            return say(ids().finish_login(next_change()));
        case 3:
            return say(ids().finish_logout(next_change()));
        case 4:
            return say_list();
        case 5:
            return say_send();
        case 6:
            return say_heartbeat();
        case 7:
            return say_resend();
        case 8:
            return say(wire::encode(wire::Goodbye{}));
        case 9:
            return say_query();
        case 10:
            return say(wire::encode(wire::Ping{bytes_.u8()}));
        case 11:
            return subscribe();
        case 12:
            return let_pass(std::chrono::milliseconds{bytes_.u8()});
        case 13:
            return let_pass(100ms * bytes_.u8());
        case 14:
            host_.reachable = (bytes_.u8() & 1U) != 0;
            return;
        default:
            return router_.turn(now_);
        }
    }

    // ---- What a peer may say, right or wrong by a little --------------------------------------

    void say(std::string_view frame) {
        const std::string connection = "connection " + std::to_string(connection_);
        ++frames_in_;
        bytes_in_ += frame.size();
        router_.on_frame(connection, frame, now_);
    }
    /// The feed of the connection's node.
    std::uint64_t feed() { return host_.feed_of("connection " + std::to_string(connection_)); }
    void say_heartbeat() {
        wire::Heartbeat heartbeat{.feed = bytes_.u8(), .streams = 1};
        heartbeat.change = numbers().change + small();
        heartbeat.feed_incarnation = feed();
        say(wire::encode(heartbeat));
    }
    void say_hello() {
        const std::uint8_t who = bytes_.u8();
        const auto role = (who & 1U) != 0 ? wire::Role::kSender : wire::Role::kNode;
        const std::string name(1, static_cast<char>('a' + ((who >> 1U) & 3U)));
        const std::uint64_t sent = who >> 6U;
        say(wire::encode(wire::Hello{1 + (who >> 3U) % 8U, role, name, sent}));
    }
    void say_list() {
        const std::uint8_t part = bytes_.u8();
        const bool first = (part & 1U) != 0;
        const std::uint64_t change = first ? next_change() : numbers().change + small();
        say(ids().finish_list(change, first, (part & 2U) != 0));
    }
    void say_send() {
        const std::uint8_t flags = bytes_.u8();
        const unsigned count = 1 + (flags >> 1U) % 8U;
        // Large ones are few bytes of script, so that windows and bounds fill up.
        const std::size_t size = std::size_t{bytes_.u8()} << ((flags >> 4U) % 8U);
        const std::string payload(size, 'x');
        wire::MessageFrameWriter frame(wire::MessageFrameWriter::Form::kSend);
        for (unsigned i = 0; i < count; ++i) {
            const std::string name = id();
            frame.add({name, payload});
        }
        const std::uint64_t first = numbers().message + 1 + small();
        numbers().message = first + count - 1;
        say(frame.finish_send(static_cast<wire::Confirm>(flags % 3), first));
    }
    void say_resend() {
        const std::uint64_t from = 1 + std::uint64_t{bytes_.u8()};
        say(wire::encode(wire::Resend{from, from + bytes_.u8(), feed()}));
    }
    void say_query() {
        static constexpr std::array<const char*, 5> kWhat{"nodes", "who", "stats", "weather",
                                                          "ledger"};
        const std::uint8_t byte = bytes_.u8();
        const std::uint8_t what = byte % kWhat.size();
        const bool is_of_streams = what == 1 && (byte & 0x40U) != 0;
        std::string argument = what == 1 ? id() : std::string();
        if (byte >= 0x80) { // a page of nodes; others take no such argument
            argument = "from " + std::to_string(bytes_.u8());
        }
        say(wire::encode(wire::Query{1, is_of_streams ? "streams" : kWhat[what], argument}));
    }
    void subscribe() {
        const std::uint8_t what = bytes_.u8();
        std::string topic = wire::encode_topic(1 + (what >> 1U) % 8U);
        topic.resize((what & 0x80U) != 0 ? what % 12U : topic.size());
        router_.on_subscription(topic, (what & 1U) == 0);
    }

    std::string id() { return std::to_string(bytes_.u8() % 32U); }
    wire::IdFrameWriter ids() {
        wire::IdFrameWriter frame;
        for (unsigned left = bytes_.u8() % 8U; left > 0; --left) {
            frame.add(id());
        }
        return frame;
    }
    /// 0 for most bytes, so that most numbers are right; else 1, 2, -1 or -2.
    std::uint64_t small() {
        const std::uint8_t byte = bytes_.u8();
        static constexpr std::array<std::uint64_t, 4> kOff{1, 2, ~std::uint64_t{0},
                                                           ~std::uint64_t{1}};
        return byte < 0xFC ? 0 : kOff[byte & 3U];
    }
    std::uint64_t next_change() { return numbers().change += 1 + small(); }
    Numbers& numbers() { return numbers_[connection_]; }

    void let_pass(Duration time) {
        now_ += time;
        router_.turn(now_);
        // A loop that finds something due after each turn would never sleep.
        ZCOMET_ASSERT(router_.due() > now_);
        check();
    }

    // ---- What holds after each turn -----------------------------------------------------------

    [[nodiscard]] std::uint64_t count(broker::table::BrokerCounter counter) const {
        return router_.counters().get(counter);
    }
    void check() const {
        ZCOMET_ASSERT(count(broker::table::BrokerCounter::kFramesIn) == frames_in_);
        ZCOMET_ASSERT(count(broker::table::BrokerCounter::kBytesIn) == bytes_in_);
        ZCOMET_ASSERT(count(broker::table::BrokerCounter::kRepliesUnroutable) == host_.unroutable);
        check_errors();
        check_peers();
    }
    void check_errors() const {
        std::uint64_t sum = 0;
        const auto first = static_cast<unsigned>(broker::table::BrokerCounter::kErrorsMalformed);
        const auto last = static_cast<unsigned>(broker::table::BrokerCounter::kErrorsInUse);
        for (unsigned i = first; i <= last; ++i) {
            sum += count(static_cast<broker::table::BrokerCounter>(i));
        }
        ZCOMET_ASSERT(sum == count(broker::table::BrokerCounter::kErrors));
        ZCOMET_ASSERT(count(broker::table::BrokerCounter::kErrorsUntold) <= sum);
    }
    void check_peers() const {
        const std::uint64_t nodes = count(broker::table::BrokerCounter::kNodes);
        const std::uint64_t senders = count(broker::table::BrokerCounter::kSenders);
        ZCOMET_ASSERT(nodes + senders <= kPeersMax);
        ZCOMET_ASSERT(nodes == count(broker::table::BrokerCounter::kNodesJoined) -
                                   count(broker::table::BrokerCounter::kNodesLeft) -
                                   count(broker::table::BrokerCounter::kNodesDied) -
                                   count(broker::table::BrokerCounter::kNodesReplaced));
        ZCOMET_ASSERT(senders == count(broker::table::BrokerCounter::kSendersJoined) -
                                     count(broker::table::BrokerCounter::kSendersLeft) -
                                     count(broker::table::BrokerCounter::kSendersDied));
        ZCOMET_ASSERT(nodes > 0 || count(broker::table::BrokerCounter::kIds) == 0);
    }

    fuzz::Bytes bytes_;
    Host host_;
    std::uint64_t last_feed_ = 0;
    broker::router::Router router_;
    Time now_ = kStart;
    unsigned connection_ = 0;
    std::array<Numbers, kConnections> numbers_{};
    std::uint64_t frames_in_ = 0;
    std::uint64_t bytes_in_ = 0;
};

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Script(fuzz::text_of(data, size)).run();
    return 0;
}
