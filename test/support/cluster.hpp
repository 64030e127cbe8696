// A whole cluster of real processes for one test: a broker and web nodes on free ports.
#pragma once

#include "test/support/comet_client.hpp"
#include "test/support/process.hpp"
#include "topology/client/client.hpp"
#include "topology/link/link_context.hpp"
#include "topology/wire/endpoint.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::test {

/// A loopback address that only this test process uses. A port on it is never the source port of
/// another connection, so a program that was killed can be started again on its former ports.
[[nodiscard]] std::string own_address();
/// Another one, for what stands in front of a program at its port.
[[nodiscard]] std::string address_in_front();

/// Starts a program and waits for its ready line. Throws std::runtime_error with its log if it
/// does not become ready.
class ReadyProgram {
  public:
    ReadyProgram(const std::string& program, std::vector<std::string> arguments,
                 ProcessOptions options = {});

    [[nodiscard]] Process& process() { return *process_; }
    /// A value of the ready line "PROGRAM ready KEY=VALUE …". Throws if there is none.
    [[nodiscard]] std::string field(std::string_view key) const;

  private:
    std::unique_ptr<Process> process_;
    std::string ready_;
};

struct ClusterShape {
    unsigned web_nodes = 2;
    unsigned workers = 1;
    std::vector<std::string> broker_options = {};
    std::vector<std::string> web_node_options = {};
    /// Whether streams are told of gaps. Such a line comes at a time of its own among the chunks.
    bool tells_gaps = false;
    /// Whether SIGTERM has web nodes take their time.
    bool drains = false;
    ProcessOptions web_node_process = {};
};

/// Thread: one, for its whole life. Web nodes are named "a", "b", …
class Cluster {
  public:
    explicit Cluster(ClusterShape shape = {});
    /// Ends every program that still runs with SIGTERM, web nodes first, and checks that each ends
    /// in order (a sanitizer's complaint shows here) and that the broker's ledger balances then.
    /// Prints the logs if the test fails. Web nodes take their time if the shape says so.
    ~Cluster();
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    [[nodiscard]] Process& broker() { return broker_->process(); }
    [[nodiscard]] Process& web_node(std::size_t index) { return web_nodes_[index].process(); }
    [[nodiscard]] const std::string& broker_endpoint() const { return listen_; }
    [[nodiscard]] const std::string& feed_endpoint() const { return feed_; }
    [[nodiscard]] const wire::HostPort& http(std::size_t index) const { return http_[index]; }
    /// HOST:PORT of the admin page of the broker, or of a web node.
    [[nodiscard]] std::string broker_admin() const { return broker_->field("admin"); }
    [[nodiscard]] std::string admin(std::size_t index) const;
    /// Where a web node takes messages by HTTP, if it was started with --api.
    [[nodiscard]] wire::HostPort api(std::size_t index) const;

    /// Starts the broker again at its address. The old one must have ended.
    void start_broker();
    void start_web_node(std::size_t index);

    /// Opens a comet stream and waits until the broker knows of it. The web node must have no other
    /// stream of this id.
    [[nodiscard]] CometClient open_stream(std::size_t web_node, std::string_view id);

    /// How many nodes hold `id` according to the broker; nothing while it does not answer.
    [[nodiscard]] std::optional<std::size_t> holders(std::string_view id);
    /// Waits until `count` nodes hold `id`.
    [[nodiscard]] bool await_holders(std::string_view id, std::size_t count,
                                     Duration timeout = kSoon);
    /// The broker's answer to a query. Throws std::runtime_error if it does not answer.
    [[nodiscard]] nlohmann::json query(std::string_view what, std::string_view argument = {});
    /// One of the broker's counters.
    [[nodiscard]] std::uint64_t counter(const std::string& name);

    /// A new client of the library. Throws if the broker does not answer.
    [[nodiscard]] std::unique_ptr<client::Client> connect();
    /// Sends one message, and waits until the broker has it. @return how many nodes held the id.
    std::uint32_t send(std::string_view id, std::string_view text);

  private:
    void end();
    void check_ledger();
    void end_in_order(std::vector<Process*> running);
    void print_logs();
    [[nodiscard]] ReadyProgram launch_web_node(std::size_t index, const std::string& http);

    ClusterShape shape_;
    std::string listen_ = "tcp://" + own_address() + ":*";
    std::string feed_ = listen_;
    std::unique_ptr<ReadyProgram> broker_;
    std::vector<ReadyProgram> web_nodes_;
    std::vector<wire::HostPort> http_;
    link::LinkContext context_;
    std::unique_ptr<client::Client> sender_;
};

} // namespace zcomet::test
