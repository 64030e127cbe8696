// The longest turns of a broker, and of a worker's catching up, that do no ordinary work: a node
// with a million ids dies, its ids are reclaimed to the last one, `ledger` is asked with very many
// peers, the table of ids grows, senders are forgotten, messages go to very many nodes, long
// histories are asked for, a gigabyte of freed memory goes back. Prints a line for each: NAME, the
// longest step in milliseconds, what a step was, how many there were. With names as arguments, only
// those parts run.
#include "broker/router/router.hpp"
#include "topology/feed/seen_messages.hpp"
#include "topology/history/catch_up.hpp"
#include "topology/process/heap.hpp"
#include "topology/store/id_table.hpp"
#include "topology/wire/attributes.hpp"
#include "topology/wire/id_digest.hpp"
#include "topology/wire/owned_ids.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace zcomet::broker::router {

namespace {

/// Processor time of this thread: other programs do not count.
double now_ms() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

/// The longest of some steps.
class Longest {
  public:
    template <typename Step> void time(Step&& step) {
        const double begin = now_ms();
        step();
        longest_ms_ = std::max(longest_ms_, now_ms() - begin);
        ++steps_;
    }
    void add(const Longest& other) {
        longest_ms_ = std::max(longest_ms_, other.longest_ms_);
        steps_ += other.steps_;
    }
    [[nodiscard]] unsigned long steps() const { return steps_; }
    void print(const char* name, const char* step) const {
        std::printf("%-42s %8.2f ms   longest %s of %lu\n", name, longest_ms_, step, steps_);
        std::fflush(stdout);
    }

  private:
    double longest_ms_ = 0;
    unsigned long steps_ = 0;
};

class Host : public RouterHost {
  public:
    bool send_to_peer(std::string_view /*connection*/, std::string frame) override {
        last_reply = std::move(frame);
        return true;
    }
    bool is_connected(std::string_view /*connection*/, std::string /*probe*/) override {
        return true;
    }
    void publish(std::string_view /*topic*/, const feed::SharedFrame& /*frame*/) override {}
    std::string address_of(std::string_view /*connection*/) override { return {}; }
    void on_event(const RouterEvent& /*event*/) override {}

    std::string last_reply;
};

RouterOptions options() {
    RouterOptions options;
    options.incarnation = 1;
    options.feed_endpoint = "tcp://127.0.0.1:1";
    options.random = [feed = std::uint64_t{0}]() mutable { return ++feed; };
    return options;
}

std::string id_of(std::uint64_t number) {
    return "user-" + std::to_string(number);
}

/// A router and its time.
struct Broker {
    explicit Broker(RouterOptions wanted = options()) : router(host, std::move(wanted), now) {}

    Host host;
    Time now = Time{} + 24h;
    Router router;

    void turn(Longest* longest = nullptr) {
        now += 1ms;
        const auto step = [this] { router.turn(now); };
        longest != nullptr ? longest->time(step) : step();
    }
    void say(const std::string& connection, const std::string& frame) {
        router.on_frame(connection, frame, now);
    }
    /// Where the id's first message after `after` stands; if there is none, the broker's last.
    std::uint64_t history_position(const std::string& id, std::uint64_t after) {
        const std::string ids = static_cast<char>(id.size()) + id;
        say("sender", wire::encode(wire::History{.token = 1,
                                                 .epoch = 1,
                                                 .after = after,
                                                 .count_max = 1,
                                                 .ids = wire::IdList(ids, 1)}));
        const auto decoded = wire::decode(host.last_reply);
        const auto& kept = std::get<wire::Kept>(std::get<wire::Frame>(decoded));
        std::uint64_t position = kept.through;
        kept.messages.for_each([&position](const wire::Message& message) {
            position = wire::read_attributes(message.attributes).position;
        });
        return position;
    }
    void join(const std::string& name, std::uint64_t incarnation, wire::Role role) {
        say(name, wire::encode(wire::Hello{incarnation, role, name}));
    }
};

std::uint64_t resident_mb() {
    unsigned long size = 0;
    unsigned long resident = 0;
    std::FILE* const file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr || std::fscanf(file, "%lu %lu", &size, &resident) != 2) {
        std::abort();
    }
    std::fclose(file);
    return resident * 4096 >> 20U;
}

void a_node_dies(std::uint64_t ids) {
    Broker broker;
    broker.join("node", 1, wire::Role::kNode);
    Longest logins;
    std::uint64_t change = 0;
    wire::IdFrameWriter writer;
    for (std::uint64_t i = 1; i <= ids; ++i) {
        writer.add(id_of(i));
        if (i % 1000 == 0 || i == ids) {
            const std::string frame = writer.finish_login(++change);
            logins.time([&] {
                broker.say("node", frame);
                broker.router.turn(broker.now);
            });
        }
    }
    logins.print("a million ids log in", "frame of 1,000 and its turn");
    broker.now += 4s;
    broker.turn(); // its own pause is forgiven
    Longest death;
    for (int i = 0; i < 4000; ++i) {
        broker.turn(&death);
    }
    death.print("their node dies", "turn");
    Longest rest;
    while (broker.router.due() <= broker.now) {
        broker.turn(&rest);
    }
    rest.print("the last of them are reclaimed", "turn");
}

void ledger(std::uint64_t peers) {
    Broker broker;
    for (std::uint64_t i = 1; i <= peers; ++i) {
        broker.join("p" + std::to_string(i), i,
                    i % 10 == 0 ? wire::Role::kSender : wire::Role::kNode);
    }
    broker.turn();
    Longest sweeps;
    for (int i = 0; i < 100; ++i) {
        broker.now += 50ms;
        for (std::uint64_t peer = 1; peer <= peers; peer += 997) {
            broker.say("p" + std::to_string(peer), wire::encode(wire::Ping{1}));
        }
        do {
            broker.turn(&sweeps);
        } while (broker.router.due() <= broker.now);
    }
    const std::string name = std::to_string(peers) + " peers";
    sweeps.print((name + ": sweeps, and their death").c_str(), "turn");

    Broker other;
    for (std::uint64_t i = 1; i <= peers; ++i) {
        other.join("p" + std::to_string(i), i,
                   i % 10 == 0 ? wire::Role::kSender : wire::Role::kNode);
    }
    other.turn();
    Longest queries;
    for (int i = 0; i < 10; ++i) {
        other.now += 110ms;
        queries.time([&] {
            other.say("asker", wire::encode(wire::Query{1, "ledger", ""}));
            other.router.turn(other.now);
        });
    }
    queries.print((name + ": QUERY ledger").c_str(), "question and its turn");
}

void table_grows(std::uint64_t ids) {
    store::IdTable table(store::WhenEmpty::kGiveBackInSlices);
    std::vector<store::IdIndex> indices;
    indices.reserve(ids);
    Longest growth;
    for (std::uint64_t i = 0; i < ids; i += 1024) {
        growth.time([&] {
            for (std::uint64_t k = i; k < i + 1024; ++k) {
                indices.push_back(table.intern(id_of(k)).index);
            }
        });
    }
    growth.print("the table grows to 8 million ids", "1,024 ids");
    Longest release;
    for (std::size_t i = 0; i < indices.size(); i += 1024) {
        release.time([&] {
            for (std::size_t k = i; k < i + 1024; ++k) {
                table.release(indices[k]);
            }
        });
    }
    release.print("and is emptied", "1,024 ids");
    Longest giving;
    while (table.has_to_give_back()) {
        giving.time([&] { table.give_back(16); });
    }
    giving.print("and gives its memory back", "slice");
}

void forgets_senders() {
    feed::SeenMessages seen;
    Longest adding;
    for (std::uint64_t sender = 1; sender <= 10'000; ++sender) {
        for (const std::uint64_t number : {1UL, 20'000UL, 40'000UL, 1UL << 60U}) {
            adding.time([&] { static_cast<void>(seen.add({sender, number})); });
        }
    }
    adding.print("SeenMessages forgets 9,000 senders", "message");
}

/// Frames of very many short messages, in turns that take as many as they want.
void tiny_messages(std::uint64_t nodes) {
    Broker broker;
    constexpr std::uint64_t kIds = 1000;
    wire::IdFrameWriter ids;
    for (std::uint64_t node = 1; node <= nodes; ++node) {
        const std::string name = "n" + std::to_string(node);
        broker.join(name, node, wire::Role::kNode);
        broker.router.on_subscription(wire::encode_topic(node), true);
        for (std::uint64_t i = 0; i < kIds; ++i) {
            ids.add(std::to_string(i));
        }
        broker.say(name, ids.finish_login(1));
        broker.turn();
    }
    broker.join("sender", nodes + 1, wire::Role::kSender);
    broker.turn();
    std::uint64_t number = 1;
    Longest turns;
    for (int turn = 0; turn < 20; ++turn) {
        std::vector<std::string> frames;
        for (int i = 0; i < 8; ++i) {
            wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kSend);
            while (!writer.full()) {
                writer.add({std::to_string((number + writer.count()) % kIds), ""});
            }
            const std::uint32_t count = writer.count();
            frames.push_back(writer.finish_send(wire::Confirm::kNothing, number));
            number += count;
        }
        for (auto frame = frames.begin(); frame != frames.end();) {
            turns.time([&] {
                while (frame != frames.end() && broker.router.has_room()) {
                    broker.say("sender", *frame++);
                }
                broker.turn();
            });
        }
    }
    const std::string name = "512 KiB of tiny messages to " + std::to_string(nodes) + " nodes";
    turns.print(name.c_str(), "turn");
}

/// Frames of very many short messages, each to all nodes.
void wide_messages(std::uint64_t nodes, std::size_t payload_bytes) {
    Broker broker;
    for (std::uint64_t node = 1; node <= nodes; ++node) {
        const std::string name = "n" + std::to_string(node);
        broker.join(name, node, wire::Role::kNode);
        broker.router.on_subscription(wire::encode_topic(node), true);
        wire::IdFrameWriter ids;
        ids.add("all");
        broker.say(name, ids.finish_login(1));
    }
    broker.join("sender", nodes + 1, wire::Role::kSender);
    broker.turn();
    const std::string payload(payload_bytes, 'x');
    std::uint64_t number = 1;
    Longest turns;
    for (int i = 0; i < 10; ++i) {
        wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kSend);
        while (!writer.full()) {
            writer.add({"all", payload});
        }
        const std::uint32_t count = writer.count();
        const std::string frame = writer.finish_send(wire::Confirm::kNothing, number);
        number += count;
        bool is_taken = false;
        do {
            turns.time([&] {
                if (!std::exchange(is_taken, true)) {
                    broker.say("sender", frame);
                }
                broker.turn();
            });
        } while (!broker.router.has_room());
    }
    const std::string name = "a frame of " + std::to_string(payload_bytes) + " B messages to " +
                             std::to_string(nodes) + " nodes each";
    turns.print(name.c_str(), "turn");
}

/// Messages to very many nodes that acknowledge nothing, until the memory is full.
void full_memory(std::uint64_t nodes) {
    RouterOptions small = options();
    small.memory_max = nodes * 10'000;
    small.feed.window_bytes = 1;
    Broker broker(std::move(small));
    for (std::uint64_t node = 1; node <= nodes; ++node) {
        const std::string name = "n" + std::to_string(node);
        broker.join(name, node, wire::Role::kNode);
        broker.router.on_subscription(wire::encode_topic(node), true);
        wire::IdFrameWriter ids;
        ids.add(id_of(node));
        broker.say(name, ids.finish_login(1));
    }
    broker.join("sender", nodes + 1, wire::Role::kSender);
    do {
        broker.turn();
    } while (broker.router.due() <= broker.now);
    const std::string payload(700, 'x');
    std::uint64_t number = 1;
    std::deque<std::string> frames;
    Longest sends;
    Longest reliefs;
    using Counter = table::BrokerCounter;
    const auto shed = [&broker] {
        return broker.router.counters().get(Counter::kMessagesShedForMemory);
    };
    while (reliefs.steps() == 0 || !broker.router.has_room()) {
        while (frames.size() < 50) { // half a megabyte
            wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kSend);
            const std::uint64_t first = number;
            while (!writer.full()) {
                writer.add({id_of(1 + number++ % nodes), payload});
            }
            frames.push_back(writer.finish_send(wire::Confirm::kNothing, first));
        }
        const std::uint64_t before = shed();
        Longest turn;
        turn.time([&] {
            for (; broker.router.has_room() && !frames.empty(); frames.pop_front()) {
                broker.say("sender", frames.front());
            }
            broker.turn();
        });
        const bool is_relief = shed() > before || !broker.router.has_room();
        (is_relief ? reliefs : sends).add(turn);
    }
    const std::string name = std::to_string(nodes) + " nodes: ";
    sends.print((name + "a message to each").c_str(), "turn");
    reliefs.print((name + "the memory is full").c_str(), "turn");
}

/// A worker's side: very many streams of one id catch up, and their feed breaks.
class Following final : private zcomet::history::CatchUpHost {
  public:
    void run(std::uint64_t streams) {
        const wire::OwnedIds ids("chat");
        catch_up_.on_live();
        for (std::uint64_t stream = 1; stream <= streams; ++stream) {
            catch_up_.begin(stream, {.ids = ids.list(), .cursor = {1, 5}});
        }
        turns_until_asked("a million streams ask for one history");
        for (const char* const name :
             {"and have the answer", "their feed breaks, and they have the next answer"}) {
            Longest turns;
            turns.time([&] {
                catch_up_.on_kept({.token = token_, .epoch = 1, .through = 5, .feed = 7}, now_);
            });
            all_turns(turns);
            turns.print(name, "turn");
            if (token_ == first_token_) {
                Longest breaks;
                breaks.time([&] { catch_up_.on_feed_broken(); });
                token_ = 0;
                all_turns(breaks);
                breaks.print("and begin anew", "turn");
            }
        }
        Longest turns;
        turns.time([&] { catch_up_.on_applied(7); });
        all_turns(turns);
        turns.print("the feed has passed the answer", "turn");
    }

  private:
    void turns_until_asked(const char* name) {
        Longest turns;
        while (token_ == 0) {
            turns.time([&] { catch_up_.turn(now_); });
        }
        first_token_ = token_;
        turns.print(name, "turn");
    }
    void all_turns(Longest& turns) {
        do {
            turns.time([&] { catch_up_.turn(now_); });
        } while (catch_up_.due() <= now_);
    }
    void ask(const wire::History& history) override { token_ = history.token; }
    void show(zcomet::history::StreamKey, const zcomet::history::StreamMessage&) override {}
    void tell_position(zcomet::history::StreamKey, const zcomet::history::Cursor&) override {}
    void tell_gap(zcomet::history::StreamKey, zcomet::history::GapReason,
                  const zcomet::history::Cursor&) override {}
    void caught_up(zcomet::history::StreamKey, const zcomet::history::Cursor&) override {}
    [[nodiscard]] bool has_under_way(zcomet::history::StreamKey) const override { return false; }
    [[nodiscard]] bool was_shown(const wire::Origin&) const override { return false; }

    zcomet::history::CatchUp catch_up_{*this};
    Time now_ = Time{} + 1h;
    std::uint64_t token_ = 0;
    std::uint64_t first_token_ = 0;
};

/// A hundred ids, each with ten thousand kept messages. Answers are as long as they may be.
void histories() {
    constexpr std::uint64_t kIds = 100;
    constexpr std::uint64_t kMessages = 10'000;
    RouterOptions with_history = options();
    with_history.history = zcomet::broker::history::Rules({{"*", kMessages, 1h}});
    with_history.history_bytes = 1U << 30U;
    Broker broker(std::move(with_history));
    broker.join("sender", 1, wire::Role::kSender);
    std::uint64_t number = 1;
    std::string ids;
    for (std::uint64_t i = 0; i < kIds; ++i) {
        const std::string id = "h" + std::to_string(i);
        ids += static_cast<char>(id.size()) + id;
    }
    for (std::uint64_t message = 0; message < kMessages; ++message) {
        wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kSend);
        for (std::uint64_t i = 0; i < kIds; ++i) {
            writer.add({"h" + std::to_string(i), ""});
        }
        broker.say("sender", writer.finish_send(wire::Confirm::kNothing, number));
        number += kIds;
        broker.turn();
    }
    const std::uint64_t first = broker.history_position("h0", 0);
    const std::uint64_t last = broker.history_position("h0", UINT64_MAX);
    const auto ask = [&](std::uint64_t after, std::uint32_t most) {
        broker.say("sender", wire::encode(wire::History{
                                 .token = 1,
                                 .epoch = 1,
                                 .after = after,
                                 .count_max = most,
                                 .ids = wire::IdList(ids, static_cast<std::uint32_t>(kIds))}));
    };
    const auto turns_of = [&](std::uint32_t most, const char* name) {
        Longest turns;
        for (std::uint64_t part = 0; part <= 100; ++part) {
            turns.time([&] {
                while (broker.router.has_room()) {
                    ask(first + (last - first) / 100 * part, most);
                }
                broker.turn();
            });
        }
        turns.print(name, "turn");
    };
    turns_of(1, "HISTORY of 100 ids with 10,000 messages");
    turns_of(10'000, "and with answers as long as may be");
    Longest questions;
    for (std::uint64_t part = 0; part <= 100; ++part) {
        questions.time([&] { ask(first + (last - first) / 100 * part, 1); });
        broker.turn();
    }
    questions.print("a single question of them", "question");
}

/// A gigabyte of blocks of that size is freed, but each `kept_part`th, and goes back.
void trims(process::FreedMemory& freed, Time& now, std::size_t bytes_each, std::size_t kept_part) {
    const std::uint64_t before = resident_mb();
    std::vector<std::unique_ptr<char[]>> blocks;
    for (std::size_t bytes = 0; bytes < (1UL << 30U); bytes += bytes_each) {
        blocks.push_back(std::make_unique_for_overwrite<char[]>(bytes_each));
        std::memset(blocks.back().get(), 1, bytes_each);
    }
    const std::uint64_t peak = resident_mb();
    Longest frees;
    for (std::size_t i = 0; i < blocks.size();) {
        frees.time([&] {
            for (const std::size_t end = std::min(i + 1000, blocks.size()); i < end; ++i) {
                if (i % kept_part != 1) {
                    blocks[i].reset();
                }
            }
        });
    }
    const std::string name = "a gigabyte of " + std::to_string(bytes_each) + " B, one in " +
                             std::to_string(kept_part) + " kept";
    frees.print(name.c_str(), "1,000 frees");
    Longest turns;
    for (now += process::FreedMemory::kInterval; turns.steps() < 20'000; now += 50us) {
        turns.time([&] { freed.turn(now); });
    }
    turns.print("  goes back", "turn");
    std::printf("  %lu MB are resident, %lu MB before, %lu MB at the peak\n", resident_mb(), before,
                peak);
    blocks.clear();
    for (now += process::FreedMemory::kInterval; freed.due() <= now; now += 50us) {
        freed.turn(now);
    }
}

} // namespace

} // namespace zcomet::broker::router

int main(int argc, char** argv) {
    using namespace std::chrono_literals;
    namespace router = zcomet::broker::router;
    zcomet::process::keep_freed_frames(0);
    zcomet::process::FreedMemory freed;
    zcomet::Time now = zcomet::Time{} + 24h;
    freed.turn(now);
    const auto part = [&](std::string_view name, auto&& run) {
        if (argc < 2 || std::find(argv + 1, argv + argc, name) != argv + argc) {
            run();
        }
    };
    part("death", [] { router::a_node_dies(1'000'000); });
    part("ledger", [] {
        router::ledger(10'000);
        router::ledger(100'000);
    });
    part("table", [] { router::table_grows(8U << 20U); });
    part("senders", [] { router::forgets_senders(); });
    part("messages", [] {
        router::tiny_messages(1);
        router::tiny_messages(10);
        router::wide_messages(100, 0);
        router::wide_messages(100, 10'000);
    });
    part("memory", [] {
        router::full_memory(1'000);
        router::full_memory(100'000);
    });
    part("histories", [] { router::histories(); });
    part("streams", [] { router::Following().run(1'000'000); });
    part("trims", [&] {
        router::trims(freed, now, 65'000, 1UL << 30U);
        router::trims(freed, now, 65'000, 100);
        router::trims(freed, now, 200, 1UL << 30U);
        router::trims(freed, now, 200, 100);
        router::trims(freed, now, 200, 2);
    });
    return EXIT_SUCCESS;
}
