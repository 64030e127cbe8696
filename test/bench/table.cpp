// bench-table: plays very many ids on many nodes, to show what a broker's table costs and how soon
// it is complete after a restart. The ids are made up when they are needed, so that this process
// stays small. Says ready when the broker has applied all of them, then keeps the nodes alive until
// SIGTERM, and ends with one line of JSON.
#include "test/bench/link_loop.hpp"
#include "topology/base/value_or_throw.hpp"
#include "topology/link/peer_key.hpp"
#include "topology/link/zmq_socket.hpp"
#include "topology/process/heap.hpp"
#include "topology/program/program.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

namespace zcomet {

namespace {

constexpr Duration kLookInterval = 20ms;
constexpr Duration kPatience = 120s;

struct Options {
    std::string broker;
    std::string key_file; // empty: no key
    std::uint32_t nodes = 100;
    std::uint32_t ids_per_node = 100'000;
};

/// A node with the ids "user-N" for `count` numbers N from `first` on.
class Node : public session::NodeEvents {
  public:
    Node(std::uint64_t first, std::uint32_t count) : first_(first), count_(count) {}

    void deliver(const wire::MessageList& /*messages*/) override {}
    void for_each_login(const std::function<void(std::string_view id)>& visit) const override {
        std::array<char, 32> text{'u', 's', 'e', 'r', '-'};
        char* const number = text.data() + 5;
        for (std::uint64_t n = first_; n < first_ + count_; ++n) {
            const char* const end = std::to_chars(number, text.data() + text.size(), n).ptr;
            visit({text.data(), static_cast<std::size_t>(end - text.data())});
        }
    }
    std::uint64_t stream_count() const override { return count_; }
    wire::NodeLedger ledger() const override { return {}; }
    void on_refused(wire::ErrorCode /*code*/, std::string_view text) override {
        throw std::runtime_error("the broker refused: " + std::string(text));
    }
    void on_no_feed(std::string_view text) override { throw std::runtime_error(std::string(text)); }

  private:
    std::uint64_t first_;
    std::uint32_t count_;
};

class Table {
  public:
    Table(link::LinkContext& context, const Options& options) {
        for (std::uint32_t i = 0; i < options.nodes; ++i) {
            nodes_.emplace_back(std::uint64_t{i} * options.ids_per_node, options.ids_per_node);
            auto link = link::Uplink::open(context, nodes_.back(), {options.broker},
                                           fmt::format("bench-{}", i), Clock::now());
            if (!link.ok()) {
                throw std::runtime_error(link.error().text);
            }
            links_.push_back(std::move(link).value());
            links_.back()->login("user-0"); // makes the whole list due
        }
        asked_.resize(links_.size(), false);
    }

    /// Waits until the broker has applied all ids, or a signal came.
    void await_applied(int signal_fd) {
        const Time give_up = Clock::now() + kPatience;
        serve(links_, kLookInterval, [&] {
            if (Clock::now() > give_up) {
                throw std::runtime_error("the broker did not apply all ids in time");
            }
            return all_applied() || signalled(signal_fd);
        });
    }
    void stay(int signal_fd) {
        serve(links_, kLookInterval, [&] { return signalled(signal_fd); });
    }
    void print_result() const {
        std::uint64_t lost = 0;
        std::uint64_t lists = 0;
        for (const auto& link : links_) {
            lost += link->counters().lost_brokers;
            lists += link->counters().lists_sent;
        }
        const nlohmann::json result{{"lost_brokers", lost}, {"lists_sent", lists}};
        fmt::print("{}\n", result.dump());
    }

  private:
    /// Asks each node that has just become live to confirm its ids.
    bool all_applied() {
        bool applied = true;
        for (std::size_t i = 0; i < links_.size(); ++i) {
            link::Uplink& link = *links_[i];
            if (link.live() && !asked_[i]) {
                link.confirm_logins(Clock::now());
                asked_[i] = true;
            }
            applied = applied && asked_[i] && link.logins_applied();
        }
        return applied;
    }
    bool signalled(int signal_fd) {
        signalfd_siginfo signal{};
        signalled_ = signalled_ || ::read(signal_fd, &signal, sizeof(signal)) == sizeof(signal);
        return signalled_;
    }

    std::deque<Node> nodes_; // never moved: links refer to them
    std::vector<std::unique_ptr<link::Uplink>> links_;
    std::vector<bool> asked_;
    bool signalled_ = false;
};

int run(const Options& options) {
    const UniqueFd signal_fd = program::catch_termination_signals();
    process::keep_freed_frames(0);
    link::LinkContext context(link::security_of_peer(
        value_or_throw<program::Misconfigured>(link::read_peer_key(options.key_file))));
    const Time start = Clock::now();
    Table table(context, options);
    table.await_applied(signal_fd.get());
    program::print_ready("bench-table",
                         fmt::format("ids={} seconds={:.3f}",
                                     std::uint64_t{options.nodes} * options.ids_per_node,
                                     std::chrono::duration<double>(Clock::now() - start).count()));
    table.stay(signal_fd.get());
    table.print_result();
    return 0;
}

void add_options(CLI::App& app, Options& options) {
    app.add_option("--broker", options.broker, "Address of the broker")
        ->type_name("tcp://HOST:PORT")
        ->required();
    app.add_option("--key", options.key_file, "Key of all nodes, which the broker has for one")
        ->type_name("FILE");
    app.add_option("--nodes", options.nodes, "How many nodes to play")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--ids", options.ids_per_node, "How many ids each node holds, all different")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
}

} // namespace

} // namespace zcomet

int main(int argc, char** argv) {
    CLI::App app{"Logs very many ids in at a broker and keeps them there", "bench-table"};
    zcomet::Options options;
    zcomet::add_options(app, options);
    zcomet::program::add_common_options(app);
    return zcomet::program::run_program(app, argc, argv,
                                        [&options] { return zcomet::run(options); });
}
