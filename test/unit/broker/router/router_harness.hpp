// A Router, a host that records its output, and peers that send what the test says.
#pragma once

#include "broker/router/router.hpp"
#include "topology/wire/id_digest.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace zcomet::broker::router {

inline constexpr std::uint64_t kBrokerIncarnation = 0xB0B0;
inline const Time kStart = Time{} + 24h;

struct Published {
    std::string topic;
    std::string frame;
};

struct Reported {
    RouterEvent::Kind kind;
    std::string name;
    std::uint64_t count;
};

class RouterHarness : public RouterHost {
  public:
    explicit RouterHarness(RouterOptions wanted = {})
        : began_with(with_defaults(std::move(wanted))), router(*this, began_with, kStart) {}

    bool send_to_peer(std::string_view connection, std::string frame) override {
        note_feed(connection, frame);
        sent_[std::string(connection)].push_back(std::move(frame));
        return reachable;
    }
    bool is_connected(std::string_view connection, std::string probe) override {
        sent_[std::string(connection)].push_back(std::move(probe));
        return reachable && !gone.contains(std::string(connection));
    }
    void publish(std::string_view topic, const feed::SharedFrame& frame) override {
        published.push_back({std::string(topic), *frame});
    }
    std::string address_of(std::string_view connection) override {
        return "address of " + std::string(connection);
    }
    void on_event(const RouterEvent& event) override {
        events.push_back({event.kind, std::string(event.name), event.count});
    }

    /// A HEARTBEAT or a RESEND that names no feed gets the one of the connection's WELCOME.
    void say(const std::string& connection, const std::string& frame) {
        const auto key = key_of.find(connection);
        router.on_frame(connection, with_feed(connection, frame), now,
                        key == key_of.end() ? nullptr : key->second);
    }
    /// Says it, and returns the one frame that comes back.
    template <typename Frame> Frame ask(const std::string& connection, const std::string& frame) {
        static_cast<void>(take(connection));
        say(connection, frame);
        const auto answers = take(connection);
        REQUIRE(answers.size() == 1);
        answer_ = answers[0];
        return decoded<Frame>(answer_);
    }
    /// Says it, and returns the code of the ERROR that comes back.
    wire::ErrorCode refused(const std::string& connection, const std::string& frame) {
        return ask<wire::ErrorFrame>(connection, frame).code;
    }
    /// Decodes `frame`, which must outlive the result.
    template <typename Frame>
    static Frame decoded(const std::string& frame, wire::Role role = wire::Role::kNode) {
        const auto result = wire::decode(frame, role);
        const auto* body = std::get_if<wire::Frame>(&result);
        REQUIRE(body != nullptr);
        const auto* wanted = std::get_if<Frame>(body);
        REQUIRE(wanted != nullptr);
        return *wanted;
    }
    /// What was sent to the connection since the last call.
    std::vector<std::string> take(const std::string& connection) {
        return std::exchange(sent_[connection], {});
    }

    /// Lets `time` pass, with a turn whenever one is due.
    void pass(Duration time) {
        const Time end = now + time;
        router.turn(now);
        while (router.due() < end) {
            now = std::max(now, router.due());
            router.turn(now);
        }
        now = end;
        router.turn(now);
    }
    void turn() { router.turn(now); }

    wire::NodeWelcome join_node(const std::string& connection, std::uint64_t incarnation,
                                const std::string& name) {
        static_cast<void>(take(connection));
        say(connection, wire::encode(wire::Hello{incarnation, wire::Role::kNode, name}));
        const auto answers = take(connection);
        REQUIRE(!answers.empty());
        answer_ = answers[0];
        return std::get<wire::NodeWelcome>(decoded<wire::Welcome>(answer_).part);
    }
    /// @param sent  how many messages it has already sent to other brokers.
    wire::SenderWelcome join_sender(const std::string& connection, std::uint64_t incarnation,
                                    std::uint64_t sent = 0) {
        static_cast<void>(take(connection));
        say(connection,
            wire::encode(wire::Hello{incarnation, wire::Role::kSender, "sender", sent}));
        const auto answers = take(connection);
        REQUIRE(!answers.empty());
        answer_ = answers[0];
        return std::get<wire::SenderWelcome>(
            decoded<wire::Welcome>(answer_, wire::Role::kSender).part);
    }
    /// A node whose feed is live. Batches that this published are dropped.
    void join_live_node(const std::string& connection, std::uint64_t incarnation,
                        const std::string& name) {
        join_node(connection, incarnation, name);
        router.on_subscription(wire::encode_topic(incarnation), true);
        turn();
        published.clear();
    }

    static std::string login(std::uint64_t change, const std::vector<std::string>& ids) {
        return id_frame(ids).finish_login(change);
    }
    static std::string logout(std::uint64_t change, const std::vector<std::string>& ids) {
        return id_frame(ids).finish_logout(change);
    }
    static std::string list(std::uint64_t change, bool first, bool last,
                            const std::vector<std::string>& ids) {
        return id_frame(ids).finish_list(change, first, last);
    }
    /// The heartbeat of a node that holds exactly `ids`.
    static std::string heartbeat(std::uint64_t feed, std::uint64_t change,
                                 const std::vector<std::string>& ids,
                                 const wire::NodeLedger& ledger = {}) {
        std::uint64_t digest = 0;
        for (const std::string& id : ids) {
            digest += wire::id_digest(id);
        }
        return wire::encode(wire::Heartbeat{feed, change, 0, digest, ledger});
    }
    static std::string heartbeat(std::uint64_t feed, std::uint64_t change) {
        return heartbeat(feed, change, {});
    }
    using Messages = std::vector<std::pair<std::string, std::string>>;
    static std::string send(std::uint64_t first, const Messages& messages,
                            wire::Confirm confirm = wire::Confirm::kNothing) {
        wire::MessageFrameWriter frame(wire::MessageFrameWriter::Form::kSend);
        for (const auto& [id, payload] : messages) {
            frame.add({id, payload});
        }
        return frame.finish_send(confirm, first);
    }

    /// The messages published since the last call, as "TOPIC-INCARNATION ID PAYLOAD".
    std::vector<std::string> take_messages() {
        std::vector<std::string> messages;
        for (const Published& one : std::exchange(published, {})) {
            const auto incarnation = std::to_string(static_cast<unsigned char>(one.topic.back()));
            decoded<wire::Batch>(one.frame).messages.for_each([&](const wire::Message& message) {
                messages.push_back(incarnation + " " + std::string(message.id) + " " +
                                   std::string(message.payload));
            });
        }
        return messages;
    }
    [[nodiscard]] std::string query(const std::string& what, const std::string& argument = "") {
        static_cast<void>(take("asker"));
        return std::string(
            ask<wire::Answer>("asker", wire::encode(wire::Query{1, what, argument})).json);
    }
    [[nodiscard]] std::string who(const std::string& id) { return query("who", id); }
    [[nodiscard]] std::uint64_t counter(table::BrokerCounter name) const {
        return router.counters().get(name);
    }
    [[nodiscard]] bool reported(RouterEvent::Kind kind, const std::string& name) const {
        return std::any_of(events.begin(), events.end(), [&](const Reported& event) {
            return event.kind == kind && event.name == name;
        });
    }

    RouterOptions began_with;
    Time now = kStart;
    bool reachable = true;
    std::map<std::string, const keys::KnownKey*> key_of; ///< by connection
    std::set<std::string> gone; ///< connections that ZeroMQ does not know any more
    std::vector<Published> published;
    std::vector<Reported> events;

  private:
    RouterOptions with_defaults(RouterOptions wanted) {
        // Tests ask at any time, and want to know what is so now, unless they are about that.
        if (wanted.queries_per_second == RouterOptions{}.queries_per_second) {
            wanted.queries_per_second = 1'000'000'000;
            wanted.answer_age = Duration::zero();
        }
        wanted.incarnation = kBrokerIncarnation;
        wanted.feed_endpoint = "tcp://127.0.0.1:5556";
        wanted.random = [this] { return ++last_feed_incarnation_; };
        return wanted;
    }
    void note_feed(std::string_view connection, const std::string& frame) {
        const auto result = wire::decode(frame, wire::Role::kNode);
        const auto* body = std::get_if<wire::Frame>(&result);
        if (const auto* welcome = body == nullptr ? nullptr : std::get_if<wire::Welcome>(body)) {
            feeds_[std::string(connection)] =
                std::get<wire::NodeWelcome>(welcome->part).feed_incarnation;
        }
    }
    std::string with_feed(const std::string& connection, const std::string& frame) {
        const auto result = wire::decode(frame);
        const auto* body = std::get_if<wire::Frame>(&result);
        if (body == nullptr) {
            return frame;
        }
        if (const auto* heartbeat = std::get_if<wire::Heartbeat>(body)) {
            wire::Heartbeat named = *heartbeat;
            named.feed_incarnation =
                named.feed_incarnation == 0 ? feeds_[connection] : named.feed_incarnation;
            return wire::encode(named);
        }
        if (const auto* resend = std::get_if<wire::Resend>(body)) {
            wire::Resend named = *resend;
            named.feed_incarnation =
                named.feed_incarnation == 0 ? feeds_[connection] : named.feed_incarnation;
            return wire::encode(named);
        }
        return frame;
    }
    static wire::IdFrameWriter id_frame(const std::vector<std::string>& ids) {
        wire::IdFrameWriter frame;
        for (const std::string& id : ids) {
            frame.add(id);
        }
        return frame;
    }

    std::uint64_t last_feed_incarnation_ = 0;
    std::map<std::string, std::vector<std::string>> sent_;
    std::map<std::string, std::uint64_t> feeds_; // by connection
    std::string answer_;                         // ask() and join_…() return views of it

  public:
    Router router; // last, since its constructor may call the host
};

} // namespace zcomet::broker::router
