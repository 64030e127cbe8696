#include "test/support/cluster.hpp"

#include "test/support/programs.hpp"
#include "topology/link/query.hpp"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <exception>
#include <iostream>
#include <stdexcept>
#include <utility>

namespace zcomet::test {
namespace {

/// How long a question to the broker may take before it counts as not answered.
constexpr Duration kQueryTimeout = 1s;

wire::HostPort http_address(const std::string& url) {
    constexpr std::string_view kScheme = "http://";
    if (!url.starts_with(kScheme)) {
        throw std::runtime_error("not an HTTP address: " + url);
    }
    return wire::parse_host_port(std::string_view(url).substr(kScheme.size())).value();
}

/// @param first  of the 64 networks that the addresses of all processes fill; 127.0.x.y is left to
///     everyone else.
std::string loopback_address(unsigned first) {
    const auto pid = static_cast<unsigned>(::getpid()); // of at most 22 bits
    return "127." + std::to_string(first + (pid >> 16U)) + "." +
           std::to_string((pid >> 8U) & 0xFFU) + "." + std::to_string(pid & 0xFFU);
}

void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
    to.insert(to.end(), more.begin(), more.end());
}

} // namespace

std::string own_address() {
    return loopback_address(1);
}

std::string address_in_front() {
    return loopback_address(128);
}

ReadyProgram::ReadyProgram(const std::string& program, std::vector<std::string> arguments,
                           ProcessOptions options)
    : process_(std::make_unique<Process>(path_of(program), std::move(arguments), options)) {
    const auto line = process_->await_line(program + " ready");
    if (!line) {
        throw std::runtime_error(program + " did not become ready:\n" + process_->log());
    }
    ready_ = *line + " ";
}

std::string ReadyProgram::field(std::string_view key) const {
    const std::string pattern = " " + std::string(key) + "=";
    const auto at = ready_.find(pattern);
    if (at == std::string::npos) {
        throw std::runtime_error("no " + std::string(key) + " in: " + ready_);
    }
    const auto begin = at + pattern.size();
    return ready_.substr(begin, ready_.find(' ', begin) - begin);
}

Cluster::Cluster(ClusterShape shape) : shape_(std::move(shape)) {
    start_broker();
    for (std::size_t index = 0; index < shape_.web_nodes; ++index) {
        web_nodes_.push_back(launch_web_node(index, own_address() + ":0"));
        http_.push_back(http_address(web_nodes_.back().field("http")));
    }
}

Cluster::~Cluster() {
    if (std::uncaught_exceptions() > 0) {
        print_logs();
    } else {
        end();
    }
}

void Cluster::end() {
    std::vector<Process*> nodes;
    for (ReadyProgram& web_node : web_nodes_) {
        nodes.push_back(&web_node.process());
    }
    end_in_order(std::move(nodes));
    check_ledger();
    end_in_order({&broker()});
}

/// Whatever the test did, the broker knows by now what became of every message.
void Cluster::check_ledger() {
    sender_.reset();
    const auto unexplained = [this]() -> std::string {
        const auto answer = link::query_broker(context_, listen_, "ledger", "", kQueryTimeout);
        if (!answer.ok()) {
            return ""; // the test has ended the broker, or stopped it
        }
        const auto ledger = nlohmann::json::parse(answer.value());
        const bool balances = std::all_of(ledger.begin(), ledger.end(), [](const auto& part) {
            return part.at("remainder") == 0;
        });
        return balances ? "" : ledger.dump(1);
    };
    CHECK(eventually([&] { return unexplained().empty(); }));
}

void Cluster::end_in_order(std::vector<Process*> running) {
    std::erase_if(running, [](Process* process) { return process->wait(0ms).has_value(); });
    for (const Process* process : running) {
        process->signal(SIGTERM);
    }
    for (Process* process : running) {
        const auto status = process->wait();
        INFO(process->log());
        CHECK(status == 0);
    }
}

void Cluster::print_logs() {
    std::cerr << "broker:\n" << broker().log();
    for (std::size_t index = 0; index < web_nodes_.size(); ++index) {
        std::cerr << "web node " << index << ":\n" << web_node(index).log();
    }
}

void Cluster::start_broker() {
    std::vector<std::string> arguments{"--listen", listen_,   "--feed",
                                       feed_,      "--admin", own_address() + ":0"};
    append(arguments, shape_.broker_options);
    broker_ = std::make_unique<ReadyProgram>("zcomet-broker", std::move(arguments));
    listen_ = broker_->field("listen");
    feed_ = broker_->field("feed");
}

void Cluster::start_web_node(std::size_t index) {
    web_nodes_[index] = launch_web_node(index, http_[index].text());
}

ReadyProgram Cluster::launch_web_node(std::size_t index, const std::string& http) {
    std::vector<std::string> arguments{"--broker",  listen_,
                                       "--http",    http,
                                       "--admin",   own_address() + ":0",
                                       "--workers", std::to_string(shape_.workers),
                                       "--name",    std::string(1, static_cast<char>('a' + index))};
    if (!shape_.tells_gaps) {
        append(arguments, {"--tell-gaps", "none"});
    }
    if (!shape_.drains) {
        append(arguments, {"--drain-grace", "0", "--drain-seconds", "0"});
    }
    append(arguments, shape_.web_node_options);
    return {"zcomet-webnode", std::move(arguments), shape_.web_node_process};
}

wire::HostPort Cluster::api(std::size_t index) const {
    return wire::parse_http_address(web_nodes_[index].field("api")).value();
}

std::string Cluster::admin(std::size_t index) const {
    return web_nodes_[index].field("admin");
}

CometClient Cluster::open_stream(std::size_t web_node, std::string_view id) {
    const std::size_t before = holders(id).value_or(0);
    CometClient stream = test::open_stream(http_[web_node], id);
    if (!await_holders(id, before + 1)) {
        throw std::runtime_error("the broker never heard of a stream for id " + std::string(id));
    }
    return stream;
}

std::optional<std::size_t> Cluster::holders(std::string_view id) {
    const auto answer = link::query_broker(context_, listen_, "who", id, kQueryTimeout);
    if (!answer.ok()) {
        return std::nullopt;
    }
    return nlohmann::json::parse(answer.value()).at("nodes").size();
}

bool Cluster::await_holders(std::string_view id, std::size_t count, Duration timeout) {
    return eventually([&] { return holders(id) == count; }, timeout);
}

nlohmann::json Cluster::query(std::string_view what, std::string_view argument) {
    const auto answer = link::query_broker(context_, listen_, what, argument, kQueryTimeout);
    if (!answer.ok()) {
        throw std::runtime_error(answer.error().text);
    }
    return nlohmann::json::parse(answer.value());
}

std::uint64_t Cluster::counter(const std::string& name) {
    return query("stats").at("counters").at(name).get<std::uint64_t>();
}

std::unique_ptr<client::Client> Cluster::connect() {
    auto client = client::Client::connect({.broker = listen_, .name = "", .timeout = kSoon});
    if (!client.ok()) {
        throw std::runtime_error(client.error().text);
    }
    return std::move(client).value();
}

std::uint32_t Cluster::send(std::string_view id, std::string_view text) {
    if (!sender_) {
        sender_ = connect();
    }
    const auto sent = sender_->send_with_receipt(id, text);
    if (!sent.ok()) {
        throw std::runtime_error(sent.error().text);
    }
    return sent.value().nodes.value();
}

} // namespace zcomet::test
