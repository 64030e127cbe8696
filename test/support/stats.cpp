#include "test/support/stats.hpp"

#include <stdexcept>

namespace zcomet::test {

nlohmann::json read_stats(const std::string& admin) {
    CometClient client(wire::parse_host_port(admin).value());
    client.request("GET", "/stats");
    const auto status = client.await_status();
    const auto body = client.await_body();
    if (status != 200 || !body) {
        throw std::runtime_error("no statistics at " + admin);
    }
    return nlohmann::json::parse(*body);
}

std::uint64_t stat(const Cluster& cluster, std::size_t index, const std::string& name) {
    return read_stats(cluster.admin(index))
        .at("totals")
        .at("counters")
        .at(name)
        .get<std::uint64_t>();
}

bool await_stat(const Cluster& cluster, std::size_t index, const std::string& name,
                std::uint64_t value) {
    return eventually([&] { return stat(cluster, index, name) == value; });
}

pid_t worker_pid(const Cluster& cluster, std::size_t index, std::size_t number) {
    const auto stats = read_stats(cluster.admin(index));
    const auto pid = stats.at("workers").at(number - 1).at("pid").get<pid_t>();
    if (pid <= 0) { // no process at the moment; kill(2) takes 0 for our own group
        throw std::runtime_error("worker " + std::to_string(number) + " has no process");
    }
    return pid;
}

std::size_t live_workers(const Cluster& cluster, std::size_t index) {
    std::size_t count = 0;
    const auto stats = read_stats(cluster.admin(index));
    for (const auto& worker : stats.at("workers")) {
        count += worker.at("state") == "live" ? 1U : 0U;
    }
    return count;
}

} // namespace zcomet::test
