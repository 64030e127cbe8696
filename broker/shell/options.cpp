#include "broker/shell/options.hpp"

#include "broker/history/rules.hpp"
#include "topology/base/random.hpp"
#include "topology/base/text.hpp"
#include "topology/cluster/cluster_file.hpp"
#include "topology/history/patterns.hpp"
#include "topology/keys/directory.hpp"
#include "topology/link/security.hpp"
#include "topology/net/socket_address.hpp"
#include "topology/process/memory_limit.hpp"
#include "topology/program/address_options.hpp"
#include "topology/program/core_dumps.hpp"
#include "topology/program/shared_rows.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <utility>

namespace zcomet::broker::shell {

namespace {

constexpr std::uint32_t kLivenessMsMin = 100;
constexpr std::uint32_t kLivenessMsMax = 3'600'000;
constexpr std::uint32_t kSenderWindowMin = 65'536;
constexpr std::uint32_t kSenderWindowMax = 1U << 30U;
constexpr std::size_t kFeedWindowMin = 65'536;
constexpr std::size_t kFeedBytesMax = std::size_t{1} << 40U;
/// @limit part of the machine's memory, or the control group's, for a broker, one in
/// (`--memory-max`)
constexpr std::uint64_t kMemoryPart = 2;
constexpr std::uint64_t kMemoryMin = 16U << 20U;
constexpr std::uint64_t kMemoryMax = std::uint64_t{1} << 50U;
constexpr std::size_t kWaitingMin = 2U << 20U;
constexpr std::uint64_t kHistoryBytesMin = 1U << 20U;
constexpr std::uint32_t kPerSecondMax = 1'000'000;
/// The table names its records with 32 bits, and keeps those of departed ids for a while.
constexpr std::uint32_t kIdsMaxMax = 2'000'000'000;
/// Heartbeats in a liveness time, so that two in a row may be lost.
/// @limit heartbeats in a liveness time
constexpr int kHeartbeatsPerLiveness = 3;

bool is_ip_address(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> address{};
    return ::inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

/// Whether other machines may reach what listens there.
bool is_exposed(const wire::HostPort& where) {
    if (where.host == "*" || ::if_nametoindex(where.host.c_str()) != 0) {
        return true;
    }
    // What cannot be resolved cannot be listened at, which the broker will say.
    const auto found = net::resolve(where, net::Purpose::kListen);
    return found.ok() && !std::all_of(found.value().begin(), found.value().end(),
                                      [](const auto& address) { return address.is_loopback(); });
}

/// A host as nodes are to be told it; with a colon it is an IPv6 address, without brackets.
std::string why_not_advertised(const std::string& host) {
    const bool has_colon = host.find(':') != std::string::npos;
    const bool is_host = wire::parse_host_port(wire::HostPort{host, 1}.text()).ok() &&
                         (!has_colon || is_ip_address(host));
    return is_host ? std::string() : in_quotes(host) + " is not a host";
}

} // namespace

CommandLine::CommandLine(CLI::App& app) : table_(app) {
    add_addresses();
    add_limits();
    add_history();
    add_supervision();
}

void CommandLine::add_addresses() {
    table_
        .add("--listen", program::as_tcp_endpoint(options_.listen),
             "Where nodes and senders connect. Default: tcp://127.0.0.1:5555; with --keys or "
             "--insecure tcp://*:5555")
        .key("listen");
    table_
        .add("--feed", program::as_tcp_endpoint(options_.feed),
             "Where nodes subscribe. Default: the address of --listen, the next port")
        .key("feed");
    program::add_admin(table_, options_.admin);
    program::add_http_names(table_, options_.http_names);
    table_.add("--name", &options_.router.name, "Name of this broker in answers and logs")
        .show_default()
        .check(program::is_name_of_at_most(wire::kNameBytesMax))
        .key("name");
    table_
        .add("--advertise", &options_.advertise,
             "Host part of the feed's address that nodes are told. Default: the one of --feed; "
             "where that stands for all addresses, the one they reached us at")
        .type("HOST")
        .check(why_not_advertised)
        .key("advertise");
    table_
        .add("--keys", &options_.keys_path,
             "Let in only peers whose keys are in this directory (zcomet-ctl keys init)")
        .type("DIR")
        .key("keys");
    table_
        .add("--insecure", &options_.router.is_insecure,
             "Let in everybody who reaches this broker, from any machine, without keys")
        .excludes("--keys")
        .key("insecure");
    table_.add("--cluster", &cluster_file_, "Take the addresses from this cluster file")
        .type("FILE");
    table_.add("--host", &host_, "Which host of the cluster file this is")
        .type("NAME")
        .needs("--cluster");
}

void CommandLine::add_limits() {
    router::RouterOptions& router = options_.router;
    table_
        .add("--liveness-ms", program::in_milliseconds(router.liveness),
             "A peer silent for this long is dead")
        .show_default()
        .range(kLivenessMsMin, kLivenessMsMax);
    table_
        .add("--sender-window", &router.sender_window_bytes,
             "Bytes that a sender may have under way before it must wait for credit")
        .type("BYTES")
        .show_default()
        .range(kSenderWindowMin, kSenderWindowMax);
    table_
        .add("--feed-window", &router.feed.window_bytes,
             "Bytes published for a node that it has not acknowledged yet")
        .type("BYTES")
        .show_default()
        .range(kFeedWindowMin, kFeedBytesMax);
    table_
        .add("--feed-bound", &router.feed.bound_bytes,
             "Bytes kept for a node that does not keep up; past it the oldest are let go")
        .type("BYTES")
        .show_default()
        .range(kFeedWindowMin, kFeedBytesMax);
    table_.add("--peers-max", &router.peers_max, "How many nodes and senders there may be")
        .type("N")
        .show_default()
        .range(1U, table::RoutingTable::kNodeIndexMax)
        .reloadable();
    table_
        .add("--ids-max", &router.ids_max,
             "How many ids nodes may hold, one on two nodes counting twice")
        .type("N")
        .show_default()
        .range(1U, kIdsMaxMax)
        .reloadable();
    table_.add("--ids-per-node", &router.ids_per_node, "How many ids one node may hold")
        .type("N")
        .show_default()
        .range(1U, kIdsMaxMax)
        .reloadable();
    table_
        .add("--memory-max", &memory_max_,
             "Bytes that feeds, queues and tables may take together. Default: half of the "
             "machine's memory, or of the control group's limit if that is less")
        .type("BYTES")
        .range(kMemoryMin, kMemoryMax)
        .reloadable();
    table_
        .add("--waiting-max", &router.waiting_bytes_max,
             "Bytes of a node's lists and logins that wait until others had their turn")
        .type("BYTES")
        .show_default()
        .range(kWaitingMin, kFeedBytesMax)
        .reloadable();
    table_
        .add("--queries-max", &router.queries_per_second,
             "How many queries are answered in a second, in all")
        .type("N")
        .show_default()
        .range(1U, kPerSecondMax)
        .reloadable();
    table_
        .add("--resends-max", &router.resends_per_second,
             "How often in a second a node may ask for batches again")
        .type("N")
        .show_default()
        .range(1U, kPerSecondMax)
        .reloadable();
}

void CommandLine::add_history() {
    table_
        .add("--history", &histories_,
             "PATTERN=COUNT,AGE: keep the last COUNT messages to each id that PATTERN fits, for "
             "AGE: 90s, 5m, 2h or 1d. * is any number of characters, ? is one; the first pattern "
             "that fits counts. Repeat it for others")
        .type("RULE")
        .check([](const std::string& text) {
            std::string why;
            static_cast<void>(history::read_rule(text, why));
            return why;
        });
    table_
        .add("--history-bytes", &options_.router.history_bytes,
             "Bytes that all kept messages may take; at the bound the oldest go")
        .type("BYTES")
        .show_default()
        .range(kHistoryBytesMin, kMemoryMax)
        .reloadable();
}

void CommandLine::add_supervision() {
    table_.add("--supervise", &supervise_,
               "Run the broker as a child process, and start it again at once if it dies");
    program::add_hang_after(table_, hang_after_, "a broker",
                            "With --supervise: kill and restart a broker that has done nothing "
                            "for this long; 0: never");
    program::add_user(table_, user_);
    // Not for people: a supervisor passes these to its broker (process::KeptBroker).
    table_.add("--supervised", &supervised_, "").hidden();
    table_.add("--pulse-fd", &pulse_fd_, "").hidden();
    table_.add("--bound-listen", program::as_tcp_endpoint(bound_listen_), "").hidden();
    table_.add("--bound-feed", program::as_tcp_endpoint(bound_feed_), "").hidden();
    table_.add("--bound-admin", program::as_host_port(bound_admin_), "").hidden();
}

Status CommandLine::settle() {
    if (!cluster_file_.empty()) {
        if (Status done = apply_cluster_file(); !done.ok()) {
            return done;
        }
    }
    place_listen();
    if (Status done = place_feed(); !done.ok()) {
        return done;
    }
    apply_bound_addresses();
    router::RouterOptions& router = options_.router;
    if (router.feed.bound_bytes < router.feed.window_bytes + wire::kFrameBytesMax) {
        return Error{"--feed-bound must be at least --feed-window and 1048576 bytes more"};
    }
    if (memory_max_ == 0) {
        memory_max_ = std::max(process::memory_limit() / kMemoryPart, kMemoryMin);
    }
    router.memory_max = memory_max_;
    if (Status done = settle_history(); !done.ok()) {
        return done;
    }
    table_.note_settled();
    router.heartbeat_interval = router.liveness / kHeartbeatsPerLiveness;
    router.incarnation = random_u64();
    router.random = random_u64;
    return Done{};
}

Status CommandLine::check_keys() const {
    if (!options_.keys_path.empty() || options_.router.is_insecure) {
        return Done{};
    }
    for (const wire::HostPort& where : {options_.listen, options_.feed}) {
        if (is_exposed(where)) {
            return Error{"other machines can reach " + wire::tcp_endpoint(where) +
                         ", where everybody may listen and send without keys: type zcomet-ctl keys "
                         "init DIR, then zcomet-broker --keys DIR with your other options (or give "
                         "--insecure to do without keys)"};
        }
    }
    return Done{};
}

Result<std::string> CommandLine::read_keys() {
    if (options_.keys_path.empty()) {
        return std::string();
    }
    program::make_no_core_dumps();
    Result<keys::Directory> read = keys::read_directory(options_.keys_path);
    if (!read.ok()) {
        return read.error();
    }
    const keys::KeyFile& self = read.value().self;
    if (!read.value().problems.empty()) {
        return Error{read.value().problems.front()};
    }
    if (!link::is_pair({self.public_key, self.secret})) {
        return Error{"the keys in " + in_quotes(options_.keys_path + "/self.key") +
                     " do not belong together"};
    }
    options_.allowed_keys = std::move(read.value().allowed);
    return self.secret;
}

Status CommandLine::settle_history() {
    if (histories_.size() > zcomet::history::kPatternsMax) {
        return Error{"there are more than " + std::to_string(zcomet::history::kPatternsMax) +
                     " --history options"};
    }
    std::vector<history::Rule> rules;
    for (const std::string& text : histories_) {
        std::string why;
        const auto rule = history::read_rule(text, why);
        if (!rule) {
            return Error{std::string("--history ").append(text).append(": ").append(why)};
        }
        rules.push_back(*rule);
    }
    options_.router.history = history::Rules(std::move(rules));
    const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
    options_.router.unix_ms = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count());
    return Done{};
}

void CommandLine::resettle() {
    options_.router.memory_max = memory_max_;
}

void CommandLine::use_list(const wire::ListMark& list) {
    wire::ListMark& ours = options_.router.list;
    if (list == ours) {
        return;
    }
    if (list.version <= ours.version) {
        spdlog::error("event=list-not-taken version={} told={} text=\"the list of brokers has "
                      "changed, and its version is not higher: raise it with each change\"",
                      ours.version, list.version);
        return;
    }
    ours = list;
    spdlog::info("event=list version={}", list.version);
}

/// Fills in this host's broker from the cluster file.
Status CommandLine::apply_cluster_file() {
    const Result<cluster::Cluster> read = cluster::read_cluster_file(cluster_file_);
    if (!read.ok()) {
        return read.error();
    }
    const cluster::Cluster& cluster = read.value();
    const Result<cluster::ClusterBroker> found = cluster.broker(host_);
    if (!found.ok()) {
        return Error{cluster_file_ + ": " + found.error().text};
    }
    const cluster::ClusterBroker* const broker = &found.value();
    if (cluster.brokers.size() > 1 && !histories_.empty()) {
        return Error{"--history wants a cluster of one broker, and " + cluster_file_ + " has " +
                     std::to_string(cluster.brokers.size())};
    }
    const std::string& address = cluster.host(broker->host).address;
    // Sockets are bound to addresses, not to names.
    const std::string bind_host = is_ip_address(address) ? address : "*";
    options_.router.list = cluster.broker_list().mark();
    // A given one of the two wins over the file's other one.
    const bool takes_keys = !table_.given("--insecure");
    const bool takes_insecure = broker->insecure && !table_.given("--keys");
    return table_.fill_in({{"listen", wire::tcp_endpoint({bind_host, broker->listen_port})},
                           {"feed", wire::tcp_endpoint({bind_host, broker->feed_port})},
                           {"advertise", address},
                           {"name", broker->name},
                           {"admin", broker->admin},
                           {"http_names", broker->http_names},
                           {"keys", takes_keys ? broker->keys : std::string()},
                           {"insecure", takes_insecure ? "true" : ""}});
}

/// Without --listen: everywhere, for who has decided about keys; else on this machine.
void CommandLine::place_listen() {
    const bool is_decided = !options_.keys_path.empty() || options_.router.is_insecure;
    if (!is_decided || !cluster_file_.empty() || table_.given("--listen")) {
        return;
    }
    options_.listen.host = "*";
    if (!table_.given("--feed")) {
        options_.feed.host = "*";
    }
}

/// Puts the feed beside a given --listen, unless --feed was given as well.
Status CommandLine::place_feed() {
    if (!table_.given("--listen") || table_.given("--feed")) {
        return Done{};
    }
    const wire::HostPort& listen = options_.listen;
    if (listen.port == UINT16_MAX) {
        return Error{"there is no port after 65535 for the feed; give --feed"};
    }
    const int next_port = listen.port == 0 ? 0 : listen.port + 1;
    options_.feed = {listen.host, static_cast<std::uint16_t>(next_port)};
    return Done{};
}

void CommandLine::apply_bound_addresses() {
    if (table_.given("--bound-listen")) {
        options_.listen = bound_listen_;
    }
    if (table_.given("--bound-feed")) {
        options_.feed = bound_feed_;
    }
    if (table_.given("--bound-admin")) {
        options_.admin = bound_admin_;
    }
}

} // namespace zcomet::broker::shell
