#include "webnode/embedded_broker.hpp"

#include "topology/endpoint.hpp"
#include "webnode/http_port.hpp"
#include "webnode/options.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet {

namespace {

constexpr const char* kBrokerName = "zcomet-broker";
constexpr int kEndMs = 2'000;
constexpr std::chrono::milliseconds kReadyMax{10'000};

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

Status EmbeddedBroker::start(Time now) {
    Result<std::string> program = find_broker_program();
    if (!program.ok()) {
        return program.error();
    }
    program_ = std::move(program).value();
    if (Status launched = launch(now); !launched.ok()) {
        return launched;
    }
    return wait_until_ready();
}

Status EmbeddedBroker::launch(Time now) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return Error{std::string("cannot start the broker: ") + std::strerror(errno)};
    }
    output_ = UniqueFd(ends[0]);
    const UniqueFd input(ends[1]);
    ChildProcess::Spec spec;
    spec.program = program_;
    spec.arguments = {kBrokerName, std::string("--listen=") + kEmbeddedBroker,
                      std::string("--feed=") + kEmbeddedFeed};
    spec.standard_output = input.get();
    spec.own_group = true;
    Result<ChildProcess> process = ChildProcess::start(spec);
    if (!process.ok()) {
        return process.error();
    }
    process_ = std::move(process).value();
    started_ = now;
    restart_at_ = kNever;
    return Done{};
}

Status EmbeddedBroker::wait_until_ready() {
    const Time end = started_ + kReadyMax;
    std::string line;
    while (line.find('\n') == std::string::npos) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
        pollfd output{output_.get(), POLLIN, 0};
        if (left.count() <= 0 || ::poll(&output, 1, static_cast<int>(left.count())) == 0) {
            return Error{"the broker " + program_ + " does not begin to listen"};
        }
        std::array<char, 512> bytes{};
        const ssize_t got = ::read(output_.get(), bytes.data(), bytes.size());
        if (got <= 0) { // it has closed its output, so it is ending
            const Duration patience = 1s;
            return explain_end(process_.end(patience));
        }
        line.append(bytes.data(), static_cast<std::size_t>(got));
    }
    return Done{};
}

Error EmbeddedBroker::explain_end(const ProcessEnd& end) const {
    for (const char* endpoint : {kEmbeddedBroker, kEmbeddedFeed}) {
        const HostPort address = parse_tcp_endpoint(endpoint).value();
        if (!port_is_free(address)) {
            return {"cannot start a broker: " + address.text() +
                    " is in use; if a broker runs there, join it with --broker " + kEmbeddedBroker};
        }
    }
    return {"cannot start a broker: " + program_ + " ended with " + end.text()};
}

void EmbeddedBroker::tick(Time now) {
    if (process_.running()) {
        const auto end = process_.reap();
        if (!end) {
            return;
        }
        restart_at_ = now + delay_.after(now - started_);
        spdlog::error(
            "event=broker-died how=\"{}\" restart_ms={}", end->text(),
            std::chrono::duration_cast<std::chrono::milliseconds>(restart_at_ - now).count());
    }
    if (restart_at_ > now) {
        return;
    }
    if (const Status launched = launch(now); !launched.ok()) {
        spdlog::error("event=broker-not-started text=\"{}\"", launched.error().text);
        restart_at_ = now + RestartDelay::kLongestPause;
    }
}

void EmbeddedBroker::end() {
    restart_at_ = kNever;
    process_.signal(SIGTERM);
    static_cast<void>(process_.end(std::chrono::milliseconds(kEndMs)));
}

} // namespace zcomet
