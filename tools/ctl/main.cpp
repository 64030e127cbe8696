// zcomet-ctl: asks a broker things and tells it things.
#include "tools/common/broker_choice.hpp"
#include "tools/ctl/ctl.hpp"
#include "tools/ctl/ctl_reconcile.hpp"
#include "topology/program/option_table.hpp"
#include "topology/program/program.hpp"
#include "topology/wire/id.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

#include <chrono>
#include <functional>

namespace zcomet::tools::ctl {

namespace {

constexpr double kTimeoutMin = 0.001;
constexpr double kTimeoutMax = 3600;
constexpr unsigned kPingsMax = 1'000'000;
constexpr int kExitUnbalanced = 1;
constexpr double kGraceMsMax = 86'400'000;

struct Flags {
    CtlOptions ctl;
    common::BrokerChoice broker;
    double timeout_s = 3;
    unsigned ping_count = 1;
    double patience_s = 5;
    std::string id;
    std::string message;
    ReconcileOptions reconcile;
    std::function<int()> command; ///< the chosen one; returns the exit status
};

Duration to_duration(double seconds) {
    return std::chrono::round<Duration>(std::chrono::duration<double>(seconds));
}

void add_options(program::OptionTable& table, Flags& flags) {
    common::add_broker_choice(table, flags.broker);
    table.add("--timeout", &flags.timeout_s, "How long the broker may take to answer")
        .type("SECONDS")
        .show_default()
        .range(kTimeoutMin, kTimeoutMax);
    table.add("--json", &flags.ctl.json, "Print JSON, one line, for programs");
}

/// @return the command, for options of its own. Those of the program may follow it, too.
CLI::App& add_command(CLI::App& app, Flags& flags, const char* name, const char* description,
                      std::function<int()> command) {
    CLI::App* const added = app.add_subcommand(name, description);
    added->fallthrough();
    added->callback([&flags, command = std::move(command)] { flags.command = command; });
    return *added;
}

void add_id(program::OptionTable& table, CLI::App& command, Flags& flags) {
    table.add_to(command, "ID", &flags.id, "What streams log in as")
        .required()
        .check([](const std::string& id) {
            return wire::valid_id(id) ? "" : wire::why_invalid_id(id);
        });
}

/// A command that asks the broker; any failure is an exception.
std::function<int()> question(std::function<void()> ask) {
    return [ask = std::move(ask)] {
        ask();
        return 0;
    };
}

void add_ledger(program::OptionTable& table, CLI::App& app, Flags& flags) {
    CLI::App& ledger = add_command(
        app, flags, "ledger",
        "Add up what happened to every message; exit status 1 if some are unexplained", [&flags] {
            return ctl_ledger(flags.ctl, to_duration(flags.patience_s)) ? 0 : kExitUnbalanced;
        });
    table.add_to(ledger, "--wait", &flags.patience_s, "How long messages may still be on their way")
        .type("SECONDS")
        .show_default()
        .range(0.0, kTimeoutMax);
}

void add_reconcile(program::OptionTable& table, CLI::App& app, Flags& flags) {
    CLI::App& reconcile = add_command(
        app, flags, "reconcile",
        "Compare logs: name each message that is missing, twice or out of order", [&flags] {
            flags.reconcile.json = flags.ctl.json;
            return ctl_reconcile(flags.reconcile);
        });
    table.add_to(reconcile, "SENT", &flags.reconcile.sent, "Log of zcomet-msggen --log").required();
    table.add_to(reconcile, "RECEIVED", &flags.reconcile.received, "Logs of zcomet-floodtest --log")
        .required();
    table
        .add_to(reconcile, "--grace", &flags.reconcile.grace_ms,
                "A message sent so soon after its stream opened, or so shortly before it closed, "
                "need not have come")
        .type("MS")
        .show_default()
        .range(0.0, kGraceMsMax);
}

void add_commands(program::OptionTable& table, CLI::App& app, Flags& flags) {
    app.require_subcommand(1);
    add_command(app, flags, "nodes", "List the nodes that the broker knows",
                question([&flags] { ctl_nodes(flags.ctl); }));
    CLI::App& ping = add_command(app, flags, "ping", "Measure the round trip to the broker",
                                 question([&flags] { ctl_ping(flags.ctl, flags.ping_count); }));
    table.add_to(ping, "--count", &flags.ping_count, "Round trips, a second apart")
        .type("N")
        .show_default()
        .range(1U, kPingsMax);
    CLI::App& send =
        add_command(app, flags, "send", "Send MESSAGE to everyone who is logged in as ID",
                    question([&flags] { ctl_send(flags.ctl, flags.id, flags.message); }));
    add_id(table, send, flags);
    table.add_to(send, "MESSAGE", &flags.message, "At most 65,536 bytes").required();
    CLI::App& who = add_command(app, flags, "who", "List the nodes with streams of ID",
                                question([&flags] { ctl_who(flags.ctl, flags.id); }));
    add_id(table, who, flags);
    add_command(app, flags, "stats", "Show the broker's counters",
                question([&flags] { ctl_stats(flags.ctl); }));
    add_ledger(table, app, flags);
    add_reconcile(table, app, flags);
}

int run(Flags& flags, const program::OptionTable& table) {
    flags.ctl.broker = common::settle_broker(flags.broker);
    spdlog::debug("event=settings {}", table.settings());
    flags.ctl.timeout = to_duration(flags.timeout_s);
    return flags.command();
}

} // namespace

} // namespace zcomet::tools::ctl

int main(int argc, char** argv) {
    CLI::App app{"Asks and tells a Zcomet broker things, and compares logs", "zcomet-ctl"};
    zcomet::tools::ctl::Flags flags;
    zcomet::program::OptionTable table(app);
    zcomet::tools::ctl::add_options(table, flags);
    zcomet::program::add_common_options(app);
    zcomet::tools::ctl::add_commands(table, app, flags);
    return zcomet::program::run_program(app, argc, argv,
                                        [&] { return zcomet::tools::ctl::run(flags, table); });
}
