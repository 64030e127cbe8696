// The options of zcomet-broker.
#pragma once

#include "broker/shell/broker.hpp"
#include "topology/program/option_table.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace zcomet::broker::shell {

/// Options from the command line, --config and the cluster file: those of a Broker, and those of
/// the program around it. Thread: the main thread.
class CommandLine {
  public:
    /// Declares the options to `app`, which must live as long as this.
    explicit CommandLine(CLI::App& app);

    /// To be called after the parsing: reads the cluster file, checks that the options fit
    /// together, draws the random numbers. Given options win over the cluster file.
    /// Errors: a cluster file with a mistake, or without this host's broker; bounds that contradict
    /// each other.
    [[nodiscard]] Status settle();

    /// To be called after settle().   Errors: other machines could reach the broker, which has
    /// neither keys nor the word that it needs none. Waits for the name service, if the broker is
    /// to listen at a name.
    [[nodiscard]] Status check_keys() const;

    /// Complete after settle().
    [[nodiscard]] const BrokerOptions& options() const { return options_; }
    /// The key of this broker, of --keys; empty: there is none. To be called once, before options()
    /// are used: what the directory has goes to them.
    /// Errors: there is no such directory, or something in it is wrong.
    [[nodiscard]] Result<std::string> read_keys();
    /// Whether to run the broker as a child, and keep it running.
    [[nodiscard]] bool is_supervisor() const { return supervise_ && !supervised_; }
    /// Whether this process is such a child.
    [[nodiscard]] bool supervised() const { return supervised_; }
    /// With is_supervisor(): a broker whose loop has stood still for this long is killed; 0: never.
    [[nodiscard]] Duration hang_after() const { return hang_after_; }
    /// As whom to run; empty: as whoever has started it.
    [[nodiscard]] const std::string& user() const { return user_; }
    /// Where a kept broker gives signs of life; -1: nowhere.
    [[nodiscard]] int pulse_fd() const { return pulse_fd_; }
    [[nodiscard]] const program::OptionTable& table() const { return table_; }
    [[nodiscard]] program::OptionTable& table() { return table_; }
    /// After OptionTable::take_changes(): what the values that were taken mean for options().
    void resettle();
    /// After SIGHUP: goes by that list of brokers if it is newer; if it is another one and not
    /// newer, a line in the log says so.
    void use_list(const wire::ListMark& list);

  private:
    void add_addresses();
    void add_limits();
    void add_history();
    void add_supervision();
    [[nodiscard]] Status apply_cluster_file();
    void place_listen();
    [[nodiscard]] Status place_feed();
    [[nodiscard]] Status settle_history();
    void apply_bound_addresses();

    BrokerOptions options_;
    std::string cluster_file_;
    std::string host_;
    bool supervise_ = false;
    bool supervised_ = false;
    std::chrono::seconds hang_after_{10};
    int pulse_fd_ = -1;
    std::string user_;
    std::uint64_t memory_max_ = 0; // 0: not given
    std::vector<std::string> histories_;
    /// The addresses that an earlier process of this broker had; they win over all others.
    wire::HostPort bound_listen_;
    wire::HostPort bound_feed_;
    wire::HostPort bound_admin_;
    program::OptionTable table_;
};

} // namespace zcomet::broker::shell
