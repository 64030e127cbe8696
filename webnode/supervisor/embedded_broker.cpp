#include "webnode/supervisor/embedded_broker.hpp"

#include "topology/loop/loop.hpp"
#include "topology/wire/endpoint.hpp"
#include "webnode/port/http_port.hpp"
#include "webnode/supervisor/options.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::webnode::supervisor {

namespace {

constexpr const char* kBrokerName = "zcomet-broker";
/// @limit time for a web node's own broker to start
constexpr Duration kReadyMax = 10s;

std::vector<std::filesystem::path> candidate_paths() {
    std::vector<std::filesystem::path> paths;
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    if (!error) {
        paths.push_back(self.parent_path() / kBrokerName);
        paths.push_back(self.parent_path().parent_path() / "broker" / kBrokerName);
    }
    const char* path = std::getenv("PATH");
    std::string_view rest = path == nullptr ? "" : path;
    while (!rest.empty()) {
        const std::size_t colon = std::min(rest.find(':'), rest.size());
        paths.push_back(std::filesystem::path(rest.substr(0, colon)) / kBrokerName);
        rest.remove_prefix(std::min(colon + 1, rest.size()));
    }
    return paths;
}

/// Why a broker that ended at once did so, as far as can be seen from here.
Error explain_end(const std::string& program, const process::ProcessEnd& end) {
    for (const char* endpoint : {kEmbeddedBroker, kEmbeddedFeed}) {
        const wire::HostPort address = wire::parse_tcp_endpoint(endpoint).value();
        if (!port::port_is_free(address)) {
            return {"cannot start a broker: " + address.text() +
                    " is in use; if a broker runs there, join it with --broker " + kEmbeddedBroker};
        }
    }
    return {"cannot start a broker: " + program + " ended with " + end.text()};
}

} // namespace

Result<std::string> find_broker_program() {
    for (const auto& path : candidate_paths()) {
        std::error_code error;
        if (std::filesystem::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0) {
            return path.string();
        }
    }
    return Error{"cannot find zcomet-broker beside this program or in PATH; name a running broker "
                 "with --broker tcp://HOST:PORT"};
}

Status EmbeddedBroker::start(const std::vector<std::string>& histories, Duration hang_after,
                             Time now) {
    Result<std::string> program = find_broker_program();
    if (!program.ok()) {
        return program.error();
    }
    program_ = std::move(program).value();
    process::KeptBroker::Command command;
    command.program = program_;
    command.arguments = {std::string("--listen=") + kEmbeddedBroker,
                         std::string("--feed=") + kEmbeddedFeed};
    for (const std::string& rule : histories) {
        command.arguments.push_back("--history=" + rule);
    }
    command.own_group = true;
    command.hang_after = hang_after;
    if (Status started = broker_.start(std::move(command), now); !started.ok()) {
        return started;
    }
    return wait_until_it_listens(now + kReadyMax);
}

Status EmbeddedBroker::wait_until_it_listens(Time deadline) {
    loop::Loop loop;
    loop.add(broker_, loop::Order::kBroker);
    loop.run_until([this] { return broker_.has_listened() || broker_.given_up(); }, deadline);
    if (broker_.given_up()) {
        return explain_end(program_, *broker_.given_up());
    }
    if (!broker_.has_listened()) {
        return Error{"the broker " + program_ + " does not begin to listen"};
    }
    return Done{};
}

} // namespace zcomet::webnode::supervisor
