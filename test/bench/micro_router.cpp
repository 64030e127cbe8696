// The router: a SEND of 100 messages is routed, its batches are published and acknowledged; an id
// logs in and out. Each message goes to one node. The same for ids with a history.
#include "broker/router/router.hpp"
#include "topology/base/check.hpp"
#include "topology/wire/id_digest.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace zcomet::broker::router {

namespace {

constexpr std::uint64_t kMessages = 100;
constexpr std::uint64_t kIdsPerNode = 1'000;
const std::string kPayload(100, 'x');

std::string id_of(std::uint64_t number) {
    return "user-" + std::to_string(number);
}

/// Takes the router's frames, and counts the batches of each node.
class Host : public RouterHost {
  public:
    explicit Host(std::uint64_t nodes) : batches(nodes) {}
    bool send_to_peer(std::string_view /*connection*/, std::string frame) override {
        constexpr std::size_t kKindAt = wire::kHeaderBytes - 1;
        ZCOMET_ASSERT(static_cast<std::uint8_t>(frame[kKindAt]) !=
                      static_cast<std::uint8_t>(wire::Kind::kError));
        return true;
    }
    bool is_connected(std::string_view /*connection*/, std::string /*probe*/) override {
        return true;
    }
    void publish(std::string_view topic, const feed::SharedFrame& /*frame*/) override {
        ++batches[wire::load<std::uint64_t>(topic.data()) - 1];
    }
    std::string address_of(std::string_view /*connection*/) override { return {}; }
    void on_event(const RouterEvent& /*event*/) override {}

    std::vector<std::uint64_t> batches;
};

/// A router, nodes with the incarnations from 1 on that hold ids, and a sender.
class Cluster {
  public:
    /// @param history  patterns and rules; empty: none.
    explicit Cluster(std::uint64_t nodes, std::vector<history::Rule> history = {})
        : host_(nodes), digests_(nodes), changes_(nodes),
          router_(host_, options(std::move(history)), now_) {
        for (std::uint64_t node = 0; node < nodes; ++node) {
            join(node);
        }
        router_.on_frame("sender",
                         wire::encode(wire::Hello{nodes + 1, wire::Role::kSender, "sender"}), now_);
        router_.turn(now_);
    }

    /// One SEND and everything that follows from it.
    void send(const std::string& frame) {
        router_.on_frame("sender", frame, now_);
        now_ += 10ms; // longer than a batch gathers
        router_.turn(now_);
        for (std::uint64_t node = 0; node < digests_.size(); ++node) {
            acknowledge(node);
        }
    }
    /// An id of the first node logs in and out.
    void log_in_and_out(const std::string& id) {
        wire::IdFrameWriter ids;
        ids.add(id);
        say(0, ids.finish_login(++changes_[0]));
        ids.add(id);
        say(0, ids.finish_logout(++changes_[0]));
    }

  private:
    static RouterOptions options(std::vector<history::Rule> history) {
        RouterOptions options;
        options.history = history::Rules(std::move(history));
        options.incarnation = 1;
        options.feed_endpoint = "tcp://127.0.0.1:1";
        options.random = [feed = std::uint64_t{0}]() mutable { return ++feed; };
        return options;
    }
    void join(std::uint64_t node) {
        const std::uint64_t incarnation = node + 1;
        const std::string name = "node" + std::to_string(node);
        say(node, wire::encode(wire::Hello{incarnation, wire::Role::kNode, name}));
        router_.on_subscription(wire::encode_topic(incarnation), true);
        wire::IdFrameWriter ids;
        for (std::uint64_t i = 0; i < kIdsPerNode; ++i) {
            const std::string id = id_of(node * kIdsPerNode + i);
            digests_[node] += wire::id_digest(id);
            ids.add(id);
        }
        say(node, ids.finish_list(++changes_[node], true, true));
    }
    void acknowledge(std::uint64_t node) {
        // The feeds have the numbers 1, 2, ..., as options() draws them.
        say(node, wire::encode(wire::Heartbeat{
                      host_.batches[node], changes_[node], 0, digests_[node], {}, node + 1}));
    }
    void say(std::uint64_t node, const std::string& frame) {
        router_.on_frame("node" + std::to_string(node), frame, now_);
    }

    Host host_;
    std::vector<std::uint64_t> digests_;
    std::vector<std::uint64_t> changes_;
    Time now_ = Time{} + 24h;
    Router router_;
};

/// Puts the number of its first message into a SEND.
void renumber(std::string& frame, std::uint64_t first) {
    constexpr std::size_t kFirstAt = wire::kHeaderBytes + 1;
    for (std::size_t i = 0; i < sizeof(first); ++i) {
        frame[kFirstAt + i] = static_cast<char>(first >> (8 * (sizeof(first) - 1 - i)));
    }
}

void route(benchmark::State& state, std::vector<history::Rule> history) {
    const auto nodes = static_cast<std::uint64_t>(state.range(0));
    Cluster cluster(nodes, std::move(history));
    wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kSend);
    for (std::uint64_t i = 0; i < kMessages; ++i) {
        const std::string id = id_of(i % nodes * kIdsPerNode + i);
        writer.add({id, kPayload});
    }
    std::string frame = writer.finish_send(wire::Confirm::kNothing, 1);
    std::uint64_t first = 1;
    for ([[maybe_unused]] const auto _ : state) {
        renumber(frame, first);
        first += kMessages;
        cluster.send(frame);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kMessages));
}
void route_messages(benchmark::State& state) {
    route(state, {});
}
BENCHMARK(route_messages)->Arg(1)->Arg(10)->Arg(100);

void route_kept_messages(benchmark::State& state) {
    route(state, {{"user-*", 10, 5min}});
}
BENCHMARK(route_kept_messages)->Arg(1)->Arg(10)->Arg(100);

void log_in_and_out(benchmark::State& state) {
    Cluster cluster(1);
    std::uint64_t number = kIdsPerNode;
    for ([[maybe_unused]] const auto _ : state) {
        cluster.log_in_and_out(id_of(number++));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(log_in_and_out);

} // namespace

} // namespace zcomet::broker::router
