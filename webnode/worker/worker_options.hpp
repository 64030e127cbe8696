// The options of a worker.
#pragma once

#include "topology/auth/verifier.hpp"
#include "topology/cluster/broker_list.hpp"
#include "topology/session/failover.hpp"
#include "topology/wire/endpoint.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/request/requests.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::webnode::worker {

/// What happens to new streams while the node has no live feed (`--without-broker`). Those that are
/// open stay open under both.
enum class WithoutBroker : std::uint8_t {
    kRefuse, ///< 503, once that has lasted for the liveness time: a balancer finds another node
    kAccept, ///< they open, and get messages when the broker is back: where there is no other node
};

/// Who may open streams (`--auth`), and who may publish (`--api-auth`).
enum class Who : std::uint8_t {
    kPublic,    ///< everybody who reaches the port
    kToken,     ///< the bearer of a token, to the ids that it names
    kHook,      ///< whom a backend lets in; not for publishing
    kByAddress, ///< the operator has not said; no worker sees it: supervisor::settle_guards()
};

/// In the order of Who.
inline constexpr std::array<std::string_view, 4> kWhoNames{"public", "token", "hook", "by-address"};

/// In the order of WithoutBroker.
inline constexpr std::array<std::string_view, 2> kWithoutBrokerNames{"refuse", "accept"};

struct WorkerOptions {
    cluster::BrokerList brokers;
    Duration failover =
        session::Failover::kSilenceMax; ///< of the API, as in link::Dispatch::open()
    /// Where its feed may be, beside its own host: the hosts of the cluster file.
    std::vector<std::string> feed_hosts;
    std::string key;     ///< by which the broker knows us: link::read_peer_key()
    wire::HostPort http; ///< with the port that the web node has reserved
    /// Where backends publish, with the port that the web node has reserved; no host: nowhere.
    wire::HostPort api{};
    /// Whether everybody gets the demo page (`--demo-page`). On a local port it is there anyway,
    /// for this machine.
    bool demo_page = false;
    /// Whether only this machine reaches `http`, and `api`: the supervisor finds out.
    bool is_http_local = false;
    bool is_api_local = false;
    /// Whether nobody asked for the API.
    bool is_api_unasked = false;
    std::string name; ///< of the node, unique in the cluster
    /// Most connections at a time; 0: as many as the limit of open files allows.
    std::uint32_t connections_max = 0;
    /// Most connections of one host, once the worker is half full; 0: as many as there are places.
    /// Not set: port::kPerAddressPart.
    std::optional<std::uint32_t> per_address;
    /// Ranges of addresses from where proxies may say for which client they ask
    /// (net::AddressRange::read()), and whether they do that by the PROXY protocol.
    std::vector<std::string> trusted_proxies;
    bool proxy_protocol = false;
    /// By which it is asked, as host::HostNames wants them: those that its operator has given, and
    /// those that the supervisor has found.
    std::vector<std::string> http_names;
    std::vector<std::string> own_names;
    /// Pages of these origins may read streams; each as http::why_no_origin() wants it.
    std::vector<std::string> cors_origins;
    connection::SlowReaders slow;
    request::RequestLimits requests;
    /// A browser that vanished silently is found after this time; as KeepaliveTimes::within().
    /// @limit life of a stream whose browser vanished (`--vanished-after`)
    std::chrono::seconds vanished_max = 60s;
    /// A stream without messages gets a sign of life in this time; 0: never.
    /// @limit time without a sign of life on a quiet stream (`--stream-heartbeat`)
    std::chrono::seconds heartbeat = 25s;
    /// Of the kernel, for what the browser of a connection has not read; 0: as much as the system
    /// allows.
    /// @limit bytes of kernel memory for a stream that does not read (`--kernel-buffer`)
    std::size_t kernel_bytes = 256U << 10U;
    /// Whether streams are told that they missed messages (`--tell-gaps`).
    bool tell_gaps = true;
    WithoutBroker without_broker = WithoutBroker::kRefuse;
    Who auth = Who::kByAddress;
    Who api_auth = Who::kByAddress;
    auth::Rules token_rules;
    /// Name of the cookie that may have the token of a stream; empty: none.
    std::string token_cookie = "zcomet_token";
    /// The keys that sign tokens: read_token_keys().
    std::string token_keys;
    /// Certificates and keys of TLS, for both ports: tls::read_certificates(); empty: they speak
    /// plain HTTP. And what the keys of session tickets are made of: tls::TicketKeys.
    std::string tls_texts;
    std::string tls_tickets;
    /// The hook's address, as hook::read_url() wants it, and the time that it has for an answer.
    std::string hook_url;
    /// @limit wait for a hook's answer (`--auth-hook-timeout`)
    std::chrono::seconds hook_timeout = 2s;
    /// Of a node that ends: how long balancers have to notice before it leaves the port, and how
    /// long its streams take to go to other nodes; 0: they end all at once.
    /// @limit time in which an ending web node still takes streams (`--drain-grace`)
    std::chrono::seconds drain_grace = 5s;
    /// @limit time over which an ending web node moves its streams (`--drain-seconds`)
    std::chrono::seconds drain_within = 30s;
    /// One stream of so many is logged, when it opens and when it closes; 0: none.
    std::uint32_t access_log = 0;
};

} // namespace zcomet::webnode::worker
