// Fuzz target: the cluster file. The input is its text.
//
// A file that is accepted names no host that it does not have, and no address or port twice that
// would clash. A mistake is told as "FILE:LINE: what", without control characters.
#include "topology/cluster/cluster_file.hpp"

#include "test/fuzz/target.hpp"
#include "topology/base/check.hpp"
#include "topology/wire/endpoint.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>
#include <utility>

using namespace zcomet;

namespace {

constexpr std::string_view kName = "cluster.toml";

void check_cluster(const cluster::Cluster& cluster) {
    ZCOMET_ASSERT(!cluster.brokers.empty());
    std::set<std::pair<std::string, std::uint16_t>> ports;
    for (const cluster::ClusterBroker& broker : cluster.brokers) {
        ZCOMET_ASSERT(ports.emplace(broker.host, broker.listen_port).second);
        ZCOMET_ASSERT(ports.emplace(broker.host, broker.feed_port).second);
    }
    for (const cluster::ClusterWebNode& node : cluster.web_nodes) {
        ZCOMET_ASSERT(cluster.host(node.host).name == node.host);
        ZCOMET_ASSERT(cluster.web_node(node.name).ok());
        ZCOMET_ASSERT(ports.emplace(node.host, node.http_port).second);
        ZCOMET_ASSERT(node.workers >= 1);
    }
}

void check_mistake(const std::string& text, std::size_t lines) {
    ZCOMET_ASSERT(text.starts_with(std::string(kName) + ':'));
    const std::string rest = text.substr(kName.size() + 1);
    const std::size_t line = std::strtoul(rest.c_str(), nullptr, 10);
    // An end that comes too soon may be told of the line after the last.
    ZCOMET_ASSERT(line >= 1 && line <= lines + 1);
    ZCOMET_ASSERT(rest.starts_with(std::to_string(line) + ": "));
    ZCOMET_ASSERT(std::none_of(rest.begin(), rest.end(), [](unsigned char c) { return c < ' '; }));
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    const Result<cluster::Cluster> cluster = cluster::parse_cluster_file(text, std::string(kName));
    if (cluster.ok()) {
        check_cluster(cluster.value());
    } else {
        check_mistake(cluster.error().text,
                      1 + static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')));
    }
    return 0;
}
