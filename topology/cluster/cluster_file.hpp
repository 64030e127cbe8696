// The cluster file: which program runs on which host, and with what addresses. It is TOML;
// topology/examples/three-hosts.toml describes the form.
#pragma once

#include "topology/base/result.hpp"
#include "topology/cluster/broker_list.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::cluster {

struct ClusterBroker {
    std::string host; ///< name of a [[host]]
    std::string name; ///< by which ids are placed; the host's, if the file has none
    std::uint32_t weight = 1;
    std::uint16_t listen_port = 5555;
    std::uint16_t feed_port = 5556;
    std::string admin;      ///< HOST:PORT, empty: none
    std::string http_names; ///< with spaces between them
    std::string keys;       ///< directory of keys, empty: none
    Change change = Change::kNone;
    bool insecure = false; ///< without keys, although other machines reach it
};

struct ClusterWebNode {
    std::string host;
    std::string name;
    std::uint16_t http_port = 8000;
    std::uint16_t api_port = 0; ///< where backends publish; 0: nowhere
    unsigned workers = 1;
    std::string admin;
    std::string http_names; ///< with spaces between them
    std::string key;        ///< key file, empty: none
    std::string auth;       ///< who may listen: "public", "token" or "hook"; empty: not said
    std::string token_keys; ///< files of keys that sign tokens, with spaces between them
};

struct ClusterHost {
    std::string name;
    std::string address; ///< IPv4 or IPv6 address, or a name that resolves
};

struct Cluster {
    std::uint64_t version = 0;
    std::uint32_t replicas = kReplicasDefault; ///< how many brokers know an id
    Moving moving = Moving::kNothing;
    std::vector<ClusterHost> hosts;
    std::vector<ClusterBroker> brokers; ///< at least one
    std::vector<ClusterWebNode> web_nodes;

    /// The brokers, as others reach them.
    [[nodiscard]] BrokerList broker_list() const;
    /// The broker with that name, or the only one on the host of that name; empty: the only one.
    /// Errors: there is none, or there are several; the text lists them.
    [[nodiscard]] Result<ClusterBroker> broker(const std::string& name_or_host) const;
    /// The web node of that name. Errors: there is none; the text lists those there are.
    [[nodiscard]] Result<ClusterWebNode> web_node(const std::string& name) const;
    [[nodiscard]] const ClusterHost& host(const std::string& name) const;
};

/// Errors: "FILE:LINE: what is wrong", for syntax, unknown keys, wrong types, values out of bounds,
/// names that are used twice or refer to nothing.
[[nodiscard]] Result<Cluster> read_cluster_file(const std::string& path);
/// The same for a text that was read from `path`.
[[nodiscard]] Result<Cluster> parse_cluster_file(std::string_view text, const std::string& path);

} // namespace zcomet::cluster
