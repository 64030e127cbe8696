// The longest turns of a broker that do no ordinary work: a node with a million ids dies, its ids
// are reclaimed to the last one, `ledger` is asked with very many peers, the table of ids grows,
// senders are forgotten, a gigabyte of freed memory goes back. Prints a line for each:
// NAME, the longest step in milliseconds, what a step was, how many there were.
#include "broker/router/router.hpp"
#include "topology/feed/seen_messages.hpp"
#include "topology/process/heap.hpp"
#include "topology/store/id_table.hpp"
#include "topology/wire/id_digest.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
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
    bool send_to_peer(std::string_view /*connection*/, std::string /*frame*/) override {
        return true;
    }
    bool is_connected(std::string_view /*connection*/, std::string /*probe*/) override {
        return true;
    }
    void publish(std::string_view /*topic*/, const feed::SharedFrame& /*frame*/) override {}
    std::string address_of(std::string_view /*connection*/) override { return {}; }
    void on_event(const RouterEvent& /*event*/) override {}
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
    Host host;
    Time now = Time{} + 24h;
    Router router{host, options(), now};

    void turn(Longest* longest = nullptr) {
        now += 1ms;
        const auto step = [this] { router.turn(now); };
        longest != nullptr ? longest->time(step) : step();
    }
    void say(const std::string& connection, const std::string& frame) {
        router.on_frame(connection, frame, now);
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

int main() {
    using namespace std::chrono_literals;
    namespace router = zcomet::broker::router;
    zcomet::process::keep_freed_frames(0);
    zcomet::process::FreedMemory freed;
    zcomet::Time now = zcomet::Time{} + 24h;
    freed.turn(now);
    router::a_node_dies(1'000'000);
    router::ledger(10'000);
    router::ledger(100'000);
    router::table_grows(8U << 20U);
    router::forgets_senders();
    router::tiny_messages(1);
    router::tiny_messages(10);
    router::trims(freed, now, 65'000, 1UL << 30U);
    router::trims(freed, now, 65'000, 100);
    router::trims(freed, now, 200, 1UL << 30U);
    router::trims(freed, now, 200, 100);
    router::trims(freed, now, 200, 2);
    return EXIT_SUCCESS;
}
