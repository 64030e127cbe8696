// The options of a worker.
#pragma once

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

namespace zcomet::webnode::worker {

/// What happens to new streams while the node has no live feed (`--without-broker`). Those that are
/// open stay open under both.
enum class WithoutBroker : std::uint8_t {
    kRefuse, ///< 503, once that has lasted for the liveness time: a balancer finds another node
    kAccept, ///< they open, and get messages when the broker is back: where there is no other node
};

/// In the order of WithoutBroker.
inline constexpr std::array<std::string_view, 2> kWithoutBrokerNames{"refuse", "accept"};

struct WorkerOptions {
    std::string broker;  ///< "tcp://HOST:PORT"
    wire::HostPort http; ///< with the port that the web node has reserved
    /// Where backends publish, with the port that the web node has reserved; no host: nowhere.
    wire::HostPort api{};
    /// Whether everybody gets the demo page (`--demo-page`). On a local port it is there anyway,
    /// for this machine.
    bool demo_page = false;
    /// Whether only this machine reaches `http`, and `api`: the supervisor finds out.
    bool is_http_local = false;
    bool is_api_local = false;
    /// Whether nobody asked for the API: then a developer has it, and no proxy stands before it.
    bool is_api_unasked = false;
    std::string name; ///< of the node, unique in the cluster
    /// Most connections at a time; 0: as many as the limit of open files allows.
    std::uint32_t connections_max = 0;
    /// Most connections of one host, once the worker is half full; 0: as many as there are places.
    /// Not set: port::kPerAddressPart.
    std::optional<std::uint32_t> per_address;
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
    /// One stream of so many is logged, when it opens and when it closes; 0: none.
    std::uint32_t access_log = 0;
};

} // namespace zcomet::webnode::worker
