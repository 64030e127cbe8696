#include "broker/shell/options.hpp"

#include "topology/cluster/cluster_file.hpp"
#include "topology/program/program.hpp"

#include <CLI/CLI.hpp>
#include <arpa/inet.h>

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
constexpr std::uint32_t kHangSecondsMax = 86'400;
/// The table names its records by 32 bits, and may have some whose ids are gone beside these.
constexpr std::uint32_t kIdsMaxMax = 2'000'000'000;
/// Heartbeats in a liveness time, so that two in a row may be lost.
constexpr int kHeartbeatsPerLiveness = 3;

std::string check_endpoint(const std::string& text) {
    const auto parsed = wire::parse_tcp_endpoint(text);
    return parsed.ok() ? std::string() : parsed.error().text;
}

std::string check_host_port(const std::string& text) {
    const auto parsed = wire::parse_host_port(text);
    return parsed.ok() ? std::string() : parsed.error().text;
}

std::string check_name(const std::string& text) {
    return wire::valid_name(text) ? std::string()
                                  : "a name has 1 to 64 printable ASCII characters, and no space";
}

bool is_ip_address(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> address{};
    return ::inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

/// Fills in what the cluster file says of the broker on host `flags.host`.
Status apply_cluster_file(const BrokerFlags& flags, BrokerOptions& options) {
    const Result<cluster::Cluster> read = cluster::read_cluster_file(flags.cluster_file);
    if (!read.ok()) {
        return read.error();
    }
    const cluster::Cluster& cluster = read.value();
    const auto broker = std::find_if(cluster.brokers.begin(), cluster.brokers.end(),
                                     [&](const cluster::ClusterBroker& one) {
                                         return flags.host.empty() || one.host == flags.host;
                                     });
    if (broker == cluster.brokers.end()) {
        return Error{flags.cluster_file + " names no broker on a host \"" + flags.host + "\""};
    }
    const std::string& address = cluster.host(broker->host).address;
    // Sockets are bound to addresses, not to names.
    const std::string bind_host = is_ip_address(address) ? address : "0.0.0.0";
    options.listen = {bind_host, broker->listen_port};
    options.feed = {bind_host, broker->feed_port};
    options.advertise = address;
    options.router.name = broker->host;
    options.router.table_version = cluster.version;
    if (!broker->admin.empty()) {
        const auto admin = wire::parse_host_port(broker->admin);
        if (!admin.ok()) {
            return admin.error();
        }
        options.admin = admin.value();
    }
    return Done{};
}

/// Overrides `target` with `text` if it was given; `parse` reads it.
template <typename Parse>
Status override_address(const std::string& text, Parse parse, wire::HostPort& target) {
    if (text.empty()) {
        return Done{};
    }
    Result<wire::HostPort> parsed = parse(text);
    if (!parsed.ok()) {
        return parsed.error();
    }
    target = std::move(parsed).value();
    return Done{};
}

Status apply_addresses(const BrokerFlags& flags, BrokerOptions& options) {
    if (Status done = override_address(flags.listen, wire::parse_tcp_endpoint, options.listen);
        !done.ok()) {
        return done;
    }
    if (!flags.listen.empty()) {
        if (flags.feed.empty() && options.listen.port == UINT16_MAX) {
            return Error{"after port 65535 there is none for the feed; give --feed"};
        }
        const int next_port = options.listen.port == 0 ? 0 : options.listen.port + 1;
        options.feed = {options.listen.host, static_cast<std::uint16_t>(next_port)};
    }
    if (Status done = override_address(flags.feed, wire::parse_tcp_endpoint, options.feed);
        !done.ok()) {
        return done;
    }
    return override_address(flags.admin, wire::parse_host_port, options.admin);
}

Status apply_bound_addresses(const BrokerFlags& flags, BrokerOptions& options) {
    if (Status done =
            override_address(flags.bound_listen, wire::parse_tcp_endpoint, options.listen);
        !done.ok()) {
        return done;
    }
    if (Status done = override_address(flags.bound_feed, wire::parse_tcp_endpoint, options.feed);
        !done.ok()) {
        return done;
    }
    return override_address(flags.bound_admin, wire::parse_host_port, options.admin);
}

} // namespace

void add_broker_options(CLI::App& app, BrokerFlags& flags) {
    const CLI::Validator endpoint(check_endpoint, "");
    app.add_option("--listen", flags.listen, "Where nodes and senders connect")
        ->type_name("tcp://HOST:PORT")
        ->default_str("tcp://0.0.0.0:5555")
        ->check(endpoint);
    app.add_option("--feed", flags.feed,
                   "Where nodes subscribe. Default: the address of --listen, the next port")
        ->type_name("tcp://HOST:PORT")
        ->check(endpoint);
    app.add_option("--admin", flags.admin, "Answer GET /stats here. Default: nowhere")
        ->type_name("HOST:PORT")
        ->check(CLI::Validator(check_host_port, ""));
    app.add_option("--name", flags.name, "What to call this broker in answers and logs")
        ->default_str(router::RouterOptions{}.name)
        ->check(CLI::Validator(check_name, ""));
    app.add_option("--advertise", flags.advertise,
                   "Host part of the feed's address that nodes are told. Default: the one of "
                   "--feed; where that stands for all addresses, the one they reached us at")
        ->type_name("HOST");
    app.add_option("--cluster", flags.cluster_file, "Take the addresses from this cluster file")
        ->type_name("FILE");
    app.add_option("--host", flags.host, "Which host of the cluster file this is")
        ->type_name("NAME")
        ->needs("--cluster");
    app.add_option("--liveness-ms", flags.liveness_ms, "A peer silent for this long is dead")
        ->capture_default_str()
        ->check(CLI::Range(kLivenessMsMin, kLivenessMsMax));
    app.add_option("--sender-window", flags.sender_window_bytes,
                   "Bytes that a sender may have under way before it must wait for credit")
        ->type_name("BYTES")
        ->capture_default_str()
        ->check(CLI::Range(kSenderWindowMin, kSenderWindowMax));
    app.add_option("--feed-window", flags.feed_window_bytes,
                   "Bytes published for a node beyond what it has acknowledged")
        ->type_name("BYTES")
        ->capture_default_str()
        ->check(CLI::Range(kFeedWindowMin, kFeedBytesMax));
    app.add_option("--feed-bound", flags.feed_bound_bytes,
                   "Bytes kept for a node that does not keep up; past it the oldest are let go")
        ->type_name("BYTES")
        ->capture_default_str()
        ->check(CLI::Range(kFeedWindowMin, kFeedBytesMax));
    app.add_option("--peers-max", flags.peers_max, "How many nodes and senders there may be")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::Range(1U, table::RoutingTable::kNodeIndexMax));
    app.add_option("--ids-max", flags.ids_max,
                   "How many ids nodes may hold, one on two nodes counting twice")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::Range(1U, kIdsMaxMax));
    app.add_flag("--supervise", flags.supervise,
                 "Run the broker as a child process, and start it again at once if it dies");
    app.add_option("--hang-after", flags.hang_seconds,
                   "With --supervise: kill and restart a broker that has done nothing at all for "
                   "so long; 0: never")
        ->type_name("SECONDS")
        ->capture_default_str()
        ->check(CLI::Range(0U, kHangSecondsMax))
        ->check([](const std::string& text) {
            return text == "1" ? "a broker may sleep for a second: 0, or 2 and more" : "";
        });
    // An empty group keeps them out of --help.
    app.add_flag("--supervised", flags.supervised)->group("");
    app.add_option("--pulse-fd", flags.pulse_fd)->group("");
    app.add_option("--bound-listen", flags.bound_listen)->group("");
    app.add_option("--bound-feed", flags.bound_feed)->group("");
    app.add_option("--bound-admin", flags.bound_admin)->group("");
}

Result<BrokerOptions> to_broker_options(const BrokerFlags& flags) {
    BrokerOptions options;
    if (!flags.cluster_file.empty()) {
        if (Status done = apply_cluster_file(flags, options); !done.ok()) {
            return done.error();
        }
    }
    if (Status done = apply_addresses(flags, options); !done.ok()) {
        return done.error();
    }
    if (Status done = apply_bound_addresses(flags, options); !done.ok()) {
        return done.error();
    }
    if (flags.feed_bound_bytes < flags.feed_window_bytes + wire::kFrameBytesMax) {
        return Error{"--feed-bound must be at least --feed-window and 1048576 bytes more"};
    }
    options.router.name = flags.name.empty() ? options.router.name : flags.name;
    options.advertise = flags.advertise.empty() ? options.advertise : flags.advertise;
    options.router.liveness = std::chrono::milliseconds(flags.liveness_ms);
    options.router.heartbeat_interval = options.router.liveness / kHeartbeatsPerLiveness;
    options.router.sender_window_bytes = flags.sender_window_bytes;
    options.router.feed.window_bytes = flags.feed_window_bytes;
    options.router.feed.bound_bytes = flags.feed_bound_bytes;
    options.router.peers_max = flags.peers_max;
    options.router.ids_max = flags.ids_max;
    options.router.incarnation = link::random_u64();
    options.router.random = link::random_u64;
    return options;
}

} // namespace zcomet::broker::shell
