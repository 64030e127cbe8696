// The shell of zcomet-msggen: a generator (generator.hpp) in front of one link to the broker, in
// one thread that sleeps until a message is due, the socket has something, or a signal came.
#pragma once

#include "tools/logs/log_file.hpp"
#include "tools/logs/sent_log.hpp"
#include "tools/msggen/generator.hpp"
#include "tools/msggen/msggen_report.hpp"
#include "tools/msggen/sent_counts.hpp"
#include "topology/link/dispatch.hpp"
#include "topology/loop/loop.hpp"

#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

namespace zcomet::tools::msggen {

struct MsggenOptions {
    GeneratorOptions generator;
    cluster::BrokerList brokers;
    Duration failover = session::Failover::kSilenceMax; ///< as in link::Dispatch::open()
    std::string sent_file;     ///< where to write how many messages went to each id; empty: nowhere
    std::string log_file;      ///< where to write a line for each message; empty: nowhere
    bool json = false;         ///< the report as JSON, and no line for each generator
    bool quiet = false;        ///< no progress, and no line for each generator
    bool acknowledged = false; ///< ask where each message arrived; send it again if it did not
};

class Msggen : private session::SenderEvents {
  public:
    /// @param signal_fd  of catch_termination_signals(); borrowed.
    /// Errors: throws std::runtime_error if the address is bad or the file cannot be written.
    Msggen(link::LinkContext& context, MsggenOptions options, int signal_fd);

    /// Sends everything, or as much as it can until a signal comes.
    /// @return the exit status: 0 if the broker took everything in (if acknowledged: if everything
    /// arrived at a node) and all of it was logged; 128 + the number of a signal that came; else 1.
    [[nodiscard]] int run();

  private:
    void on_receipt(std::uint64_t number, const wire::Outcome& outcome) override;
    void on_acknowledged(std::uint64_t number, const wire::Outcome& outcome) override;
    void on_unknown(std::uint64_t number) override;
    void on_welcome(std::string_view broker_name) override;
    void on_lost() override;
    void on_refused(wire::ErrorCode code, std::string_view text) override;
    void on_no_broker(std::string_view text) override;

    void wait_for_broker();
    void send_all(Generator& generator);
    void send_due(Generator& generator);
    /// Whether the broker's window has room for the next message, whatever its size.
    [[nodiscard]] bool may_send(Generator& generator) const;
    void send_one(Generator& generator, Time now);
    void wait_until_taken_in();
    [[nodiscard]] bool all_confirmed() const;

    void open_log();
    void watch_log();
    void finish_log();
    /// Works on the link at once.
    void turn_link();
    /// Sleeps until the link has something to do, a signal comes, or `until`; then does it.
    void wait(Time until);
    void show_progress(Time now);
    void end_progress() const;
    void report();

    [[nodiscard]] bool stopped() const { return signal_ != 0; }

    MsggenOptions options_;
    int signal_fd_;
    int signal_ = 0;       ///< number of the signal that came; 0: none
    bool refused_ = false; ///< the broker has answered, and refused something
    bool progress_;
    std::ofstream sent_file_;
    SentCounts sent_counts_;
    std::optional<logs::LogFile> log_file_;
    std::optional<logs::SentLog> log_;                // writes to log_file_
    bool log_failed_ = false;                         // and a line has said so
    wire::Confirm confirm_ = wire::Confirm::kReceipt; // what the log and the report need
    std::unique_ptr<link::Dispatch> link_;
    loop::Loop loop_;
    MsggenReport report_;
    Time first_sent_;
    Time last_sent_;
    Time next_progress_ = kNever;
    std::uint64_t progress_sent_ = 0;
};

} // namespace zcomet::tools::msggen
