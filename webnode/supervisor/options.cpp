#include "webnode/supervisor/options.hpp"

#include "topology/base/age.hpp"
#include "topology/base/text.hpp"
#include "topology/base/value_or_throw.hpp"
#include "topology/base/wall_clock.hpp"
#include "topology/cluster/broker_slots.hpp"
#include "topology/cluster/cluster_file.hpp"
#include "topology/http/cors.hpp"
#include "topology/link/peer_key.hpp"
#include "topology/net/ip_address.hpp"
#include "topology/program/address_options.hpp"
#include "topology/program/core_dumps.hpp"
#include "topology/program/program.hpp"
#include "topology/program/shared_rows.hpp"
#include "topology/tls/certificates.hpp"
#include "topology/tls/ticket_keys.hpp"
#include "topology/wire/frames.hpp"
#include "webnode/connection/slow_policy.hpp"
#include "webnode/hook/url.hpp"
#include "webnode/port/http_port.hpp"
#include "webnode/port/keepalive.hpp"
#include "webnode/request/requests.hpp"
#include "webnode/supervisor/guards.hpp"
#include "webnode/worker/token_keys.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace zcomet::webnode::supervisor {

namespace {

/// The protocol allows 64 bytes for a node's name; "/K" takes up to five, and some are left for
/// later.
constexpr std::size_t kNameBytesMax = wire::kNameBytesMax - 8;
constexpr std::size_t kStreamBufferMin = 1024;
constexpr std::size_t kStreamBufferMax = 64U << 20U;
constexpr std::size_t kStreamMemoryMin = 1U << 20U;
constexpr std::size_t kStreamMemoryMax = std::size_t{1} << 40U;
constexpr std::size_t kKernelBytesMax = 64U << 20U;
constexpr std::uint32_t kSlowSecondsMax = 3600;
/// The least has room for some requests of the greatest size, whose memory is doubled as they grow.
constexpr std::size_t kRequestMemoryMin = 8U << 20U;
constexpr std::size_t kRequestMemoryMax = std::size_t{1} << 40U;
constexpr std::uint32_t kConnectionsMax = 100'000'000;
constexpr std::uint32_t kDeadlineMinMs = 100;
constexpr std::uint32_t kDeadlineMaxMs = 600'000;
constexpr std::uint32_t kHeartbeatMaxSeconds = 3600;
constexpr std::uint32_t kDrainSecondsMax = 3600;
constexpr std::uint32_t kAccessLogMax = 1'000'000'000;
/// Clocks that differ by more are wrong.
constexpr std::chrono::seconds kLeewayMax = std::chrono::hours(24);
/// The request itself waits for a later answer no longer than Requests::kLaterMax.
constexpr std::chrono::seconds kHookTimeoutMax = 8s;
static_assert(kHookTimeoutMax < request::Requests::kLaterMax);
/// What may be said: "by-address" stands for nothing said, and "hook" is not for the API.
constexpr std::ptrdiff_t kStreamWhos = 3;
constexpr std::ptrdiff_t kApiWhos = 2;
/// Where browsers connect if nothing says where, nor who may.
constexpr const char* kLocalHost = "127.0.0.1";

std::string check_broker(const std::string& text) {
    const auto broker = cluster::read_broker(text);
    return broker.ok() ? std::string() : broker.error().text;
}

/// A value that has a word for each of its possibilities, in the order of its enumerators. The row
/// names the words: Row::one_of().
template <typename Enum, std::size_t kCount>
program::OptionText as_word(Enum& value, const std::array<std::string_view, kCount>& words) {
    program::OptionText text;
    text.check = [](const std::string&) { return std::string(); }; // Row::one_of() does
    text.set = [&value, &words](const std::string& word) {
        value = static_cast<Enum>(std::find(words.begin(), words.end(), word) - words.begin());
    };
    text.get = [&value, &words] { return std::string(words[static_cast<std::size_t>(value)]); };
    return text;
}

/// A time with its unit, "5s".
program::OptionText as_age(std::chrono::seconds& value, std::chrono::seconds least,
                           std::chrono::seconds most) {
    program::OptionText text;
    text.type = "TIME";
    text.check = [least, most](const std::string& given) {
        const auto age = read_age(given);
        return age && *age >= least && *age <= most
                   ? std::string()
                   : "a time is 90 or 90s, 5m, 2h or 1d, and this one is " +
                         std::to_string(least.count()) + "s to " + std::to_string(most.count()) +
                         "s";
    };
    text.set = [&value](const std::string& given) { value = read_age(given).value(); };
    text.get = [&value] { return std::to_string(value.count()) + "s"; };
    return text;
}

/// The name of a cookie; "-": none.
program::OptionText as_cookie(std::string& value) {
    program::OptionText text;
    text.type = "NAME";
    text.check = [](const std::string& given) {
        const bool is_name = std::all_of(given.begin(), given.end(), [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                   c == '.' || c == '_' || c == '-';
        });
        return is_name ? std::string() : "the name of a cookie has letters, digits, and . _ -";
    };
    text.set = [&value](const std::string& given) { value = given == "-" ? "" : given; };
    text.get = [&value] { return value.empty() ? "-" : value; };
    return text;
}

/// In the order of false and true.
constexpr std::array<std::string_view, 2> kTellGapsWords{"none", "all"};

} // namespace

CommandLine::CommandLine(CLI::App& app) : table_(app) {
    options_.worker.http = {"*", 8000};
    add_addresses();
    add_sizes();
    add_slow_streams();
    add_cut_offs();
    add_hang_watch();
    add_drain();
    add_access_log();
    add_tokens();
    add_tls();
    // Not for people: what a supervisor says to its workers.
    table_.add("--http-is-local", &options_.worker.is_http_local, "").hidden().hand_on();
    table_.add("--api-is-local", &options_.worker.is_api_local, "").hidden().hand_on();
    table_.add("--api-is-unasked", &options_.worker.is_api_unasked, "").hidden().hand_on();
    table_.add("--own-name", &options_.worker.own_names, "").hidden().hand_on();
    table_.add("--feed-host", &options_.worker.feed_hosts, "").hidden().hand_on().key("feed_hosts");
    table_.add("--broker-list", &broker_list_, "").hidden().hand_on().reloadable();
    table_.add("--token-key-texts", &options_.worker.token_keys, "").hidden().secret().reloadable();
    table_.add("--tls-texts", &options_.worker.tls_texts, "").hidden().secret().reloadable();
    table_.add("--tls-tickets", &options_.worker.tls_tickets, "").hidden().secret();
    table_.add("--peer-key", &options_.worker.key, "").hidden().secret();
    table_.add("--worker-index", &role_.index, "").hidden();
    table_.add("--worker-of", &role_.supervisor, "").hidden();
}

void CommandLine::add_addresses() {
    table_
        .add("--broker", &brokers_,
             "The broker to join; without it (and without --cluster) this starts one of its own, "
             "at tcp://127.0.0.1:5555. May be given several times, as NAME=tcp://HOST:PORT: "
             "zcomet(7), SEVERAL BROKERS")
        .type("tcp://HOST:PORT")
        .check(check_broker);
    table_
        .add("--replicas", &options_.worker.brokers.replicas,
             "Of several brokers: how many of them know an id")
        .type("N")
        .show_default()
        .range(1U, cluster::kReplicasMax);
    program::add_failover(table_, options_.worker.failover).hand_on();
    table_
        .add("--key", &key_file_,
             "The key file that the broker knows us by; without it the one that ZCOMET_KEY names, "
             "in the environment")
        .type("FILE")
        .key("key");
    table_
        .add("--http", program::as_host_port(options_.worker.http),
             "Where browsers connect; port 0: any [*:8000, every address, with --auth or "
             "--token-keys; otherwise 127.0.0.1:8000]")
        .key("http")
        .hand_on();
    table_
        .add(
            "--cors-origin", &options_.worker.cors_origins,
            "Let pages of this origin, such as https://example.org, read streams; *: of every one. "
            "May be given several times")
        .type("ORIGIN")
        .check([](const std::string& text) { return http::why_no_origin(text); })
        .hand_on();
    table_
        .add("--api", program::as_host_port(options_.worker.api),
             "Where backends publish: POST /send/ID; port 0: any [127.0.0.1:8008 if this starts a "
             "broker of its own, otherwise nowhere]")
        .key("api")
        .hand_on();
    table_
        .add(
            "--demo-page", &options_.worker.demo_page,
            "Show everybody a page at / that listens to an id; without this it is there where only "
            "this machine reaches --http")
        .hand_on();
    table_
        .add("--history", &options_.histories,
             "Of a broker of its own, a rule for which messages it keeps: zcomet-broker(1). May be "
             "given several times")
        .type("RULE");
    program::add_admin(table_, options_.admin);
    program::add_http_names(table_, options_.worker.http_names).hand_on();
    table_
        .add("--trust-proxy", &options_.worker.trusted_proxies,
             "Where proxies are: the client that their X-Forwarded-For names counts for "
             "--per-address, and is logged. May be given several times")
        .type("ADDR[/BITS]")
        .check([](const std::string& text) {
            return net::AddressRange::read(text)
                       ? std::string()
                       : "a range of addresses is 10.0.0.0/8, 2001:db8::/32, or one address, and "
                         "ends with the bits that it counts";
        })
        .hand_on()
        .reloadable();
    table_
        .add("--proxy-protocol", &options_.worker.proxy_protocol,
             "Want a header of the PROXY protocol, version 2, on each connection from "
             "--trust-proxy")
        .needs("--trust-proxy")
        .hand_on();
    table_.add("--cluster", &cluster_file_, "Take addresses from this cluster file").type("FILE");
    table_.add("--node", &cluster_node_, "Which web node of the cluster file this is").type("NAME");
}

void CommandLine::add_sizes() {
    table_
        .add("--workers", &options_.workers,
             "Processes that share the port, each a node of the cluster [1]")
        .type("N")
        .range(1U, kWorkersMax)
        .key("workers");
    table_
        .add("--pin", &options_.pin,
             "Keep each worker on one processor, the next one for each: cheaper where messages "
             "come one by one, slower where other programs want the same processors")
        .hand_on();
    table_
        .add("--name", &options_.worker.name,
             "Name in the broker's list of nodes: worker K is NAME/K [HOSTNAME:HTTPPORT]")
        .check(program::is_name_of_at_most(kNameBytesMax))
        .key("name")
        .hand_on();
    table_
        .add("--max-streams", &options_.worker.connections_max,
             "Connections a worker holds at most [what its limit of open files allows]")
        .type("N")
        .range(1U, kConnectionsMax)
        .none("0")
        .hand_on()
        .reloadable();
    table_
        .add("--per-address", &options_.worker.per_address,
             "Connections that one address (IPv6: its /64) may have of a worker, once half of all "
             "places are taken; 0: no bound, as for clients behind a proxy [an eighth]")
        .type("N")
        .range(0U, kConnectionsMax)
        .hand_on()
        .reloadable();
}

void CommandLine::add_slow_streams() {
    worker::WorkerOptions& worker = options_.worker;
    table_
        .add("--stream-buffer", &worker.slow.bytes_max,
             "Bytes kept for a stream that does not read; beyond that, --slow-streams says what to "
             "do")
        .type("BYTES")
        .show_default()
        .range(kStreamBufferMin, kStreamBufferMax)
        .hand_on()
        .reloadable();
    table_
        .add("--slow-streams", as_word(worker.slow.policy, connection::kSlowPolicyNames),
             "What to do with a stream that falls behind: close it, drop its oldest messages, or "
             "keep the latest one only, which needs no --stream-buffer")
        .type("POLICY")
        .show_default()
        .one_of({connection::kSlowPolicyNames.begin(), connection::kSlowPolicyNames.end()})
        .hand_on()
        .reloadable();
    table_
        .add("--slow-after", program::in_seconds(worker.slow.patience),
             "Close a stream with more than --stream-buffer kept once it has not read for this "
             "long; 0: at once")
        .type("SECONDS")
        .show_default()
        .range(0U, kSlowSecondsMax)
        .hand_on()
        .reloadable();
    table_
        .add("--stream-burst", &worker.slow.burst_bytes_max,
             "Bytes kept at most for a stream that has until --slow-after to read")
        .type("BYTES")
        .show_default()
        .range(kStreamBufferMin, kStreamMemoryMax)
        .hand_on()
        .reloadable();
    table_
        .add("--stream-memory", &worker.slow.sum_bytes_max,
             "Bytes kept for all streams of a worker; when they have half of it, --slow-after is 0 "
             "for a while, and with all of it nothing more is kept")
        .type("BYTES")
        .show_default()
        .range(kStreamMemoryMin, kStreamMemoryMax)
        .hand_on()
        .reloadable();
    table_
        .add("--kernel-buffer", &worker.kernel_bytes,
             "Bytes of the kernel's memory for what a stream has not read; 0: what the system "
             "allows")
        .type("BYTES")
        .show_default()
        .range(std::size_t{0}, kKernelBytesMax)
        .check([](const std::string& text) {
            const bool is_too_small =
                text != "0" && text.size() < 7 && std::stoul(text) < port::kKernelBytesMin;
            return is_too_small ? "a stream needs " + std::to_string(port::kKernelBytesMin) +
                                      " bytes; 0: what the system allows"
                                : std::string();
        })
        .hand_on();
    table_
        .add("--request-deadline-ms", program::in_milliseconds(worker.requests.deadline),
             "How long a request may take to arrive")
        .type("MS")
        .show_default()
        .range(kDeadlineMinMs, kDeadlineMaxMs)
        .hand_on()
        .reloadable();
    table_
        .add("--request-memory", &worker.requests.bytes_max,
             "Bytes that the unfinished requests of a worker take together; beyond that, the "
             "largest are refused")
        .type("BYTES")
        .show_default()
        .range(kRequestMemoryMin, kRequestMemoryMax)
        .hand_on()
        .reloadable();
    table_
        .add("--vanished-after", program::in_seconds(worker.vanished_max),
             "How long the stream of a browser that vanished without a word lives on")
        .type("SECONDS")
        .show_default()
        .range(port::KeepaliveTimes::kMin.count(), port::KeepaliveTimes::kMax.count())
        .hand_on();
    table_
        .add("--stream-heartbeat", program::in_seconds(worker.heartbeat),
             "How long a stream may be quiet before it gets a sign of life; 0: for ever")
        .type("SECONDS")
        .show_default()
        .range(0U, kHeartbeatMaxSeconds)
        .hand_on();
}

void CommandLine::add_cut_offs() {
    table_
        .add("--tell-gaps", as_word(options_.worker.tell_gaps, kTellGapsWords),
             "Which streams are told when they may have missed messages, because this node was cut "
             "off from its broker or did not keep up")
        .type("WHICH")
        .show_default()
        .one_of({kTellGapsWords.begin(), kTellGapsWords.end()})
        .hand_on()
        .reloadable();
    table_
        .add("--without-broker",
             as_word(options_.worker.without_broker, worker::kWithoutBrokerNames),
             "What to do with new streams while the broker has not been heard for its liveness "
             "time: refuse them (503), or accept them")
        .type("WHAT")
        .show_default()
        .one_of({worker::kWithoutBrokerNames.begin(), worker::kWithoutBrokerNames.end()})
        .hand_on()
        .reloadable();
}

void CommandLine::add_hang_watch() {
    program::add_hang_after(
        table_, options_.hang_after, "a worker",
        "Kill and restart a worker that has done nothing for this long; 0: never");
    program::add_user(table_, options_.user);
}

void CommandLine::add_drain() {
    table_
        .add("--drain-grace", program::in_seconds(options_.worker.drain_grace),
             "After SIGTERM, take new streams for this long, while /readyz tells balancers to send "
             "them elsewhere; 0: not at all")
        .type("SECONDS")
        .show_default()
        .range(0U, kDrainSecondsMax)
        .hand_on()
        .reloadable();
    table_
        .add("--drain-seconds", program::in_seconds(options_.worker.drain_within),
             "Then have the streams that are open go to other nodes, at an even pace over this "
             "time; 0: end them all at once")
        .type("SECONDS")
        .show_default()
        .range(0U, kDrainSecondsMax)
        .hand_on()
        .reloadable();
}

void CommandLine::add_access_log() {
    table_
        .add("--access-log", &options_.worker.access_log,
             "Log one stream of so many: when it opens, and when it closes, with its id, address, "
             "seconds and bytes; 0: none")
        .type("N")
        .show_default()
        .range(0U, kAccessLogMax)
        .hand_on()
        .reloadable();
}

void CommandLine::add_tokens() {
    worker::WorkerOptions& worker = options_.worker;
    table_
        .add("--auth", as_word(worker.auth, worker::kWhoNames),
             "Who may open streams: public is everybody who reaches --http, token the bearer of a "
             "token, for the ids that it names, hook whom the backend at --auth-hook lets in "
             "[token; "
             "public where only this machine reaches --http]")
        .type("WHO")
        .one_of({worker::kWhoNames.begin(), worker::kWhoNames.begin() + kStreamWhos})
        .key("auth")
        .hand_on();
    table_
        .add("--api-auth", as_word(worker.api_auth, worker::kWhoNames),
             "Who may publish, and ask, at --api: public or token, likewise [token; public where "
             "only this machine reaches --api]")
        .type("WHO")
        .one_of({worker::kWhoNames.begin(), worker::kWhoNames.begin() + kApiWhos})
        .hand_on();
    table_
        .add("--token-keys", &options_.token_key_files,
             "Keys that sign tokens: a JSON Web Key Set, a public key in PEM, or a secret; SIGHUP "
             "reads the file again. May be given several times")
        .type("FILE")
        .key("token_keys");
    table_
        .add("--token-issuer", &worker.token_rules.issuer,
             "Take only tokens with this issuer (iss)")
        .type("NAME")
        .hand_on()
        .reloadable();
    table_
        .add("--token-audience", &worker.token_rules.audience,
             "Take only tokens for this audience (aud)")
        .type("NAME")
        .hand_on()
        .reloadable();
    table_
        .add("--token-leeway", as_age(worker.token_rules.leeway, 0s, kLeewayMax),
             "How far clocks may differ: a token is good for so long before nbf and after exp")
        .show_default()
        .hand_on()
        .reloadable();
    table_
        .add("--token-cookie", as_cookie(worker.token_cookie),
             "The cookie that may have the token of a stream; -: none")
        .show_default()
        .hand_on();
    table_
        .add("--auth-hook", &worker.hook_url,
             "The backend that --auth hook asks: it gets the request's headers, and answers 200, "
             "401 or 403")
        .type("URL")
        .check([](const std::string& text) {
            const auto url = hook::read_url(text);
            return url.ok() ? std::string() : url.error().text;
        })
        .hand_on();
    table_
        .add("--auth-hook-timeout", as_age(worker.hook_timeout, 1s, kHookTimeoutMax),
             "How long a request for a stream waits for that backend; then it gets 503")
        .show_default()
        .hand_on();
}

void CommandLine::add_tls() {
    table_
        .add("--tls-cert", &options_.tls_cert_files,
             "Speak TLS at --http and --api, with the certificate in this file, in PEM, and the "
             "chain behind it; SIGHUP reads the file again. May be given several times: a client "
             "gets the one with the name that it asks for, or the first")
        .type("FILE");
    table_
        .add("--tls-key", &options_.tls_key_files,
             "The private key of the certificate; as often as --tls-cert, in the same order")
        .type("FILE");
}

void CommandLine::read_tls() {
    worker::WorkerOptions& worker = options_.worker;
    worker.tls_texts = value_or_throw<program::Misconfigured>(
        tls::read_certificates(options_.tls_cert_files, options_.tls_key_files));
    worker.tls_tickets =
        worker.tls_texts.empty() ? std::string() : tls::TicketKeys::make_secret(wall_clock_s());
}

void CommandLine::settle() {
    check();
    if (!cluster_file_.empty()) {
        apply_cluster_file();
    }
    if (cluster_file_.empty() && !table_.given("--http") && !says_who_may_listen(options_)) {
        options_.worker.http.host = kLocalHost;
    }
    options_.embedded_broker = brokers_.empty() && cluster_file_.empty() && role_.index == 0;
    if (options_.embedded_broker) {
        brokers_.emplace_back(kEmbeddedBroker);
    }
    settle_brokers();
    if (!options_.embedded_broker && !options_.histories.empty()) {
        throw program::Misconfigured("--history is for a broker of its own; this joins one that is "
                                     "there, so give it to that zcomet-broker");
    }
    if (options_.embedded_broker && options_.worker.api.host.empty()) {
        options_.worker.api = {kLocalHost, kEmbeddedApiPort};
        options_.worker.is_api_unasked = true;
    }
    if (role_.index > 0) {
        resettle();
    } else { // workers get the list, and the text of the files
        broker_list_ = cluster::line_of(options_.worker.brokers);
        const std::string key_file = link::key_file_or_environment(key_file_);
        const bool has_tls = !options_.tls_key_files.empty();
        if (!key_file.empty() || !options_.token_key_files.empty() || has_tls) {
            program::make_no_core_dumps();
        }
        read_key(key_file);
        read_tls();
        options_.worker.token_keys = value_or_throw<program::Misconfigured>(
            worker::read_token_keys(options_.token_key_files));
    }
    table_.note_settled();
}

/// What --broker was given wins over the cluster file.
void CommandLine::settle_brokers() {
    if (!brokers_.empty()) {
        options_.worker.brokers = value_or_throw<program::Misconfigured>(
            cluster::read_broker_list(brokers_, options_.worker.brokers.replicas));
    }
}

void CommandLine::resettle() {
    options_.worker.brokers =
        value_or_throw<program::Misconfigured>(cluster::read_line(broker_list_));
}

void CommandLine::use_brokers(const cluster::BrokerList& list) {
    const cluster::BrokerList before = options_.worker.brokers;
    if (list == before) {
        return;
    }
    if (const Status used = cluster::BrokerSlots(before).use(list); !used.ok()) {
        spdlog::error("event=list-not-taken version={} told={} text={}", before.version,
                      list.version, log_value(used.error().text));
        return;
    }
    if (!cluster::is_step(before, list)) {
        spdlog::warn("event=list-leaps version={} before={} text=\"brokers come or go at once: "
                     "messages are lost while others have the list before; zcomet-ctl brokers add "
                     "and remove take steps\"",
                     list.version, before.version);
    }
    options_.worker.brokers = list;
    broker_list_ = cluster::line_of(list);
    spdlog::info("event=list version={} brokers={}", list.version, list.text());
}

void CommandLine::read_key(const std::string& file) {
    if (options_.embedded_broker && !key_file_.empty()) {
        throw program::Misconfigured(
            "--key is for joining a broker with --broker or --cluster; this "
            "starts one of its own, which wants no key");
    }
    options_.worker.key = options_.embedded_broker
                              ? std::string()
                              : value_or_throw<program::Misconfigured>(link::read_peer_key(file));
}

void CommandLine::check() const {
    const bool wants_hook = options_.worker.auth == worker::Who::kHook;
    if (wants_hook != !options_.worker.hook_url.empty()) {
        throw program::Misconfigured("--auth hook and --auth-hook URL belong together");
    }
    if (cluster_file_.empty() != cluster_node_.empty()) {
        throw program::Misconfigured("--cluster FILE and --node NAME belong together");
    }
}

/// Fills in what the cluster file says of this node.
void CommandLine::apply_cluster_file() {
    const auto cluster =
        value_or_throw<program::Misconfigured>(cluster::read_cluster_file(cluster_file_));
    const auto node = value_or_throw<program::Misconfigured>(cluster.web_node(cluster_node_));
    const std::string& address = cluster.host(node.host).address;
    const wire::HostPort http{address, node.http_port};
    const wire::HostPort api{address, node.api_port};
    std::string feed_hosts;
    for (const cluster::ClusterHost& host : cluster.hosts) {
        feed_hosts.append(feed_hosts.empty() ? "" : " ").append(host.address);
    }
    if (brokers_.empty()) {
        const std::uint32_t replicas = options_.worker.brokers.replicas;
        options_.worker.brokers = cluster.broker_list();
        if (table_.given("--replicas")) { // a list of its own
            options_.worker.brokers.replicas = replicas;
            options_.worker.brokers.version = 0;
        }
    }
    throw_unless_done<program::Misconfigured>(
        table_.fill_in({{"feed_hosts", feed_hosts},
                        {"http", http.text()},
                        {"api", node.api_port == 0 ? std::string() : api.text()},
                        {"name", node.name},
                        {"key", node.key},
                        {"auth", node.auth},
                        {"token_keys", node.token_keys},
                        {"admin", node.admin},
                        {"http_names", node.http_names},
                        {"workers", std::to_string(node.workers)}}));
}

std::vector<std::string> CommandLine::worker_arguments(const WorkerRole& role) const {
    std::vector<std::string> arguments = table_.handed_on();
    arguments.insert(arguments.begin(), "zcomet-webnode");
    arguments.push_back("--worker-index=" + std::to_string(role.index));
    arguments.push_back("--worker-of=" + std::to_string(role.supervisor));
    const auto level = spdlog::level::to_string_view(spdlog::get_level());
    arguments.push_back("--log-level=" + std::string(level.data(), level.size()));
    return arguments;
}

void CommandLine::take_secrets(int fd) {
    throw_unless_done(table_.take_secrets(fd));
}

} // namespace zcomet::webnode::supervisor
