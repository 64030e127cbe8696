// zcomet-ctl: asks a broker things and tells it things.
#include "tools/common/broker_choice.hpp"
#include "tools/ctl/ctl.hpp"
#include "tools/ctl/ctl_brokers.hpp"
#include "tools/ctl/ctl_keys.hpp"
#include "tools/ctl/ctl_reconcile.hpp"
#include "tools/ctl/ctl_send.hpp"
#include "tools/ctl/ctl_token.hpp"
#include "tools/ctl/send_words.hpp"
#include "topology/base/age.hpp"
#include "topology/history/patterns.hpp"
#include "topology/program/option_table.hpp"
#include "topology/program/program.hpp"
#include "topology/program/shared_rows.hpp"
#include "topology/wire/id.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

namespace zcomet::tools::ctl {

namespace {

constexpr double kTimeoutMin = 0.001;
constexpr double kTimeoutMax = 3600;
constexpr unsigned kPingsMax = 1'000'000;
constexpr int kExitUnbalanced = 1;
constexpr int kExitDisagreement = 1;
constexpr int kExitNobody = 3;
constexpr double kGraceMsMax = 86'400'000;
constexpr std::array<const char*, 3> kWithoutBroker{"reconcile", "token", "keys"};
constexpr std::chrono::seconds kTokenLifeMax = std::chrono::hours(24 * 3650);

struct Flags {
    CtlOptions ctl;
    common::BrokerChoice broker;
    double timeout_s = 3;
    unsigned ping_count = 1;
    double patience_s = 5;
    SendOptions send;
    std::string id;   ///< of who
    std::string node; ///< of drain
    NewBroker added;
    std::string removed;    ///< name of a broker
    bool unchecked = false; ///< of brokers next
    bool fail_if_nobody = false;
    ReconcileOptions reconcile;
    TokenOptions token;
    KeysOptions keys;
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

/// @param app  the program, or a command that has commands of its own.
/// @return the command, for options of its own. Those of the program may follow it, too.
CLI::App& add_command(CLI::App& app, Flags& flags, const char* name, const char* description,
                      std::function<int()> command) {
    CLI::App* const added = app.add_subcommand(name, description);
    added->fallthrough();
    if (command) {
        added->callback([&flags, command = std::move(command)] { flags.command = command; });
    }
    return *added;
}

void add_id(program::OptionTable& table, CLI::App& command, std::string& id) {
    table.add_to(command, "ID", &id, "What streams log in as")
        .required()
        .check([](const std::string& given) {
            return wire::valid_id(given) ? "" : wire::why_invalid_id(given);
        });
}

void add_fail_if_nobody(program::OptionTable& table, CLI::App& command, Flags& flags) {
    table.add_to(command, "--fail-if-nobody", &flags.fail_if_nobody,
                 "Exit with status 3 if no node has a stream of ID");
}

int status_of(const Flags& flags, bool somebody) {
    return somebody || !flags.fail_if_nobody ? 0 : kExitNobody;
}

/// A command that asks the broker; any failure is an exception.
std::function<int()> question(std::function<void()> ask) {
    return [ask = std::move(ask)] {
        ask();
        return 0;
    };
}

void add_send(program::OptionTable& table, CLI::App& app, Flags& flags) {
    CLI::App& send =
        add_command(app, flags, "send", "Send MESSAGE to everyone who is logged in as ID",
                    [&flags] { return status_of(flags, ctl_send(flags.ctl, flags.send)); });
    add_id(table, send, flags.send.id);
    table.add_to(send, "MESSAGE", &flags.send.message,
                 "All that follows ID, at most 65,536 bytes. -: each line of standard input is a "
                 "message. Where ID is -, and nothing follows, each line is ID MESSAGE");
    table
        .add_to(send, "--event", &flags.send.event,
                "Which kind of event this is: pages hear it by addEventListener(\"NAME\")")
        .type("NAME");
    table.add_to(send, "--ack", &flags.send.acknowledged,
                 "Wait until the message has arrived, and say at how many nodes");
    add_fail_if_nobody(table, send, flags);
}

void add_who(program::OptionTable& table, CLI::App& app, Flags& flags) {
    CLI::App& who = add_command(app, flags, "who", "List the nodes with streams of ID", [&flags] {
        return status_of(flags, ctl_who(flags.ctl, flags.id));
    });
    add_id(table, who, flags.id);
    add_fail_if_nobody(table, who, flags);
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
    table.add_to(reconcile, "--allow-gaps", &flags.reconcile.allows_gaps,
                 "Messages may be missing where their stream was told that it missed some");
    table
        .add_to(reconcile, "--grace", &flags.reconcile.grace_ms,
                "A message sent so soon after its stream opened, or so shortly before it closed, "
                "need not have come")
        .type("MS")
        .show_default()
        .range(0.0, kGraceMsMax);
}

/// How long a token is good.
program::OptionText as_age(std::chrono::seconds& value) {
    program::OptionText text;
    text.type = "TIME";
    text.check = [](const std::string& given) {
        const auto age = read_age(given);
        return age && *age > 0s && *age <= kTokenLifeMax
                   ? std::string()
                   : "a time is 90 or 90s, 5m, 2h or 1d, up to 3650d";
    };
    text.set = [&value](const std::string& given) { value = read_age(given).value(); };
    text.get = [] { return std::string("1h"); };
    return text;
}

void add_token(program::OptionTable& table, CLI::App& app, Flags& flags) {
    CLI::App& token = add_command(app, flags, "token",
                                  "Make a token, for trying: who bears it may listen, or publish",
                                  question([&flags] {
                                      flags.token.json = flags.ctl.json;
                                      ctl_token(flags.token);
                                  }));
    table
        .add_to(token, "--key", &flags.token.key_file,
                "The key that signs it: a secret, a private key in PEM, or a JSON Web Key Set")
        .type("FILE")
        .required();
    table.add_to(token, "--kid", &flags.token.kid, "Which key of a set").type("NAME");
    table.add_to(token, "--sub", &flags.token.subject, "An id to listen to, exactly").type("ID");
    table
        .add_to(token, "--ids", &flags.token.ids,
                "Ids to listen to: * stands for any characters. May be given several times")
        .type("PATTERN")
        .check(history::why_no_pattern);
    table
        .add_to(token, "--publish", &flags.token.publish,
                "Ids to publish to, likewise. May be given several times")
        .type("PATTERN")
        .check(history::why_no_pattern);
    table
        .add_to(token, "--topics", &flags.token.topics,
                "Topics of Mercure to listen to, exactly, private updates too; * is all of them. "
                "May be given several times")
        .type("TOPIC");
    table
        .add_to(token, "--publish-topics", &flags.token.publish_topics,
                "Topics of Mercure to publish to, likewise. May be given several times")
        .type("TOPIC");
    table.add_to(token, "--for", as_age(flags.token.life), "How long it is good").show_default();
    table.add_to(token, "--issuer", &flags.token.issuer, "Who says so (iss)").type("NAME");
    table
        .add_to(token, "--audience", &flags.token.audience,
                "To whom (aud). May be given several times")
        .type("NAME");
}

program::OptionText as_roles(keys::Roles& roles) {
    program::OptionText text;
    text.type = "ROLES";
    text.check = [](const std::string& given) {
        const auto read = keys::roles_of(given);
        return read.ok() ? std::string() : read.error().text;
    };
    text.set = [&roles](const std::string& given) { roles = keys::roles_of(given).value(); };
    text.get = [&roles] { return roles.text(); };
    return text;
}

void add_key_name(program::OptionTable& table, CLI::App& command, std::string& name) {
    table.add_to(command, "NAME", &name, "Of the key").required().check(keys::why_no_key_name);
}

/// A command of `keys`.
CLI::App& add_key_command(CLI::App& keys, Flags& flags, const char* name, const char* description,
                          void (*command)(const KeysOptions&)) {
    return add_command(keys, flags, name, description, question([&flags, command] {
                           flags.keys.json = flags.ctl.json;
                           command(flags.keys);
                       }));
}

void add_directory(program::OptionTable& table, CLI::App& command, std::string& directory) {
    table.add_to(command, "--keys", &directory, "The broker's directory of keys")
        .type("DIR")
        .required();
}

void add_keys(program::OptionTable& table, CLI::App& app, Flags& flags) {
    CLI::App& keys =
        add_command(app, flags, "keys", "Say who may reach a broker: its directory of keys", {});
    keys.require_subcommand(1);
    CLI::App& init = add_key_command(keys, flags, "init",
                                     "Make a directory, with a new key for the broker", keys_init);
    table.add_to(init, "DIR", &flags.keys.directory, "The directory").required();
    table.add_to(init, "--name", &flags.keys.name, "Of the broker's key [the host's name]")
        .type("NAME")
        .check(keys::why_no_key_name);
    CLI::App& make =
        add_key_command(keys, flags, "new", "Make a key for a peer, and let the peer in", keys_new);
    add_key_name(table, make, flags.keys.name);
    add_directory(table, make, flags.keys.directory);
    table
        .add_to(make, "--role", as_roles(flags.keys.roles),
                "What it may do, with commas: node (hold streams), sender (send), operator (ask, "
                "and send)")
        .required();
    table
        .add_to(make, "--ids", &flags.keys.ids,
                "Ids that it may send to: * stands for any characters. May be given several times. "
                "Without it every id")
        .type("PATTERN")
        .check(history::why_no_pattern);
    table
        .add_to(make, "--out", &flags.keys.out,
                "Where the key goes that is to be carried to the peer's host [NAME.key]")
        .type("FILE");
    table.add_to(make, "--replace", &flags.keys.replaces, "The name may be that of a revoked key");
    add_directory(table,
                  add_key_command(keys, flags, "list", "List the keys of a directory", keys_list),
                  flags.keys.directory);
    CLI::App& revoke = add_key_command(keys, flags, "revoke",
                                       "Let the peer with this key in no more", keys_revoke);
    add_key_name(table, revoke, flags.keys.name);
    add_directory(table, revoke, flags.keys.directory);
}

void add_drain(program::OptionTable& table, CLI::App& app, Flags& flags) {
    CLI::App& drain =
        add_command(app, flags, "drain",
                    "Have a web node send its streams elsewhere, and end, as after SIGTERM",
                    [&flags] { return ctl_drain(flags.ctl, flags.node) ? 0 : kExitNobody; });
    table.add_to(drain, "NODE", &flags.node, "Name of the web node")
        .required()
        .check(program::is_name_of_at_most(wire::kNameBytesMax));
}

/// A step of a change of the list: `edit` the cluster file.
std::function<int()> list_step(Flags& flags,
                               std::function<Result<std::string>(const std::string&)> edit) {
    return [&flags, edit = std::move(edit)] {
        if (flags.broker.cluster_file.empty()) {
            throw program::Misconfigured("the list of brokers is in a cluster file: give "
                                         "--cluster FILE");
        }
        ctl_edit_list(flags.broker.cluster_file, edit);
        return 0;
    };
}

std::string why_no_name(const std::string& name) {
    return cluster::why_no_broker_name(name);
}

void add_list_additions(program::OptionTable& table, CLI::App& brokers, Flags& flags) {
    NewBroker& added = flags.added;
    CLI::App& add = add_command(
        brokers, flags, "add", "Begin to add a broker to the list, in the cluster file",
        list_step(flags, [&added](const std::string& text) { return with_added(text, added); }));
    table.add_to(add, "NAME", &added.name, "Name of the new broker").required().check(why_no_name);
    table.add_to(add, "--host", &added.host, "Its host in the cluster file")
        .type("NAME")
        .required()
        .check(why_no_name);
    table
        .add_to(add, "--address", &added.address,
                "Address of that host, if the file does not have the host yet")
        .type("ADDRESS");
    table.add_to(add, "--listen-port", &added.listen_port, "Where nodes and senders connect")
        .type("PORT")
        .show_default();
    table.add_to(add, "--feed-port", &added.feed_port, "Where nodes subscribe")
        .type("PORT")
        .show_default();
    table.add_to(add, "--weight", &added.weight, "Its share of the ids, beside those of others")
        .type("N")
        .show_default()
        .range(1U, cluster::kWeightMax);
}

void add_list_steps(program::OptionTable& table, CLI::App& brokers, Flags& flags) {
    add_list_additions(table, brokers, flags);
    CLI::App& remove = add_command(brokers, flags, "remove",
                                   "Begin to remove a broker from the list, in the cluster file",
                                   list_step(flags, [&flags](const std::string& text) {
                                       return with_removed(text, flags.removed);
                                   }));
    table.add_to(remove, "NAME", &flags.removed, "Name of the broker")
        .required()
        .check(why_no_name);
    const std::function<int()> go_on = list_step(flags, next_step);
    CLI::App& next = add_command(
        brokers, flags, "next", "Take the next step of the change, once everybody has the last one",
        [&flags, go_on] {
            if (!flags.unchecked) {
                ctl_check_list(flags.ctl);
            }
            return go_on();
        });
    table.add_to(next, "--unchecked", &flags.unchecked, "Do not ask the brokers who has it");
    add_command(brokers, flags, "back", "Take a step of the change back",
                list_step(flags, step_back));
}

void add_brokers(program::OptionTable& table, CLI::App& app, Flags& flags) {
    CLI::App& brokers =
        add_command(app, flags, "brokers", "The list of brokers that processes go by", {});
    brokers.require_subcommand(1);
    add_command(brokers, flags, "list",
                "Show which version of the list each broker, its nodes and its senders have; exit "
                "status 1 if the brokers do not agree",
                [&flags] { return ctl_brokers(flags.ctl) ? 0 : kExitDisagreement; });
    add_list_steps(table, brokers, flags);
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
    add_send(table, app, flags);
    add_who(table, app, flags);
    add_command(app, flags, "stats", "Show the broker's counters",
                question([&flags] { ctl_stats(flags.ctl); }));
    add_ledger(table, app, flags);
    add_drain(table, app, flags);
    add_brokers(table, app, flags);
    add_reconcile(table, app, flags);
    add_token(table, app, flags);
    add_keys(table, app, flags);
}

/// Commands without a broker need no key, which an operator may not even have yet.
bool uses_broker(const CLI::App& app) {
    return std::none_of(kWithoutBroker.begin(), kWithoutBroker.end(),
                        [&](const char* name) { return app.get_subcommand(name)->parsed(); });
}

int run(Flags& flags, const CLI::App& app, const program::OptionTable& table) {
    const CLI::App& send = *app.get_subcommand("send");
    if (send.parsed() && !flags.send.from_input && send.get_option("MESSAGE")->count() == 0) {
        throw program::Misconfigured("send wants a message after the id; try --help");
    }
    flags.ctl.brokers = common::settle_brokers(flags.broker);
    flags.ctl.key_file = flags.broker.key_file;
    if (uses_broker(app)) {
        flags.ctl.security = common::settle_security(flags.broker);
    }
    spdlog::debug("event=settings {}", table.settings());
    flags.ctl.timeout = to_duration(flags.timeout_s);
    return flags.command();
}

/// For programs: people get the sentence on standard error.
void print_failure(const CLI::App& app, const std::string& sentence) {
    if (app.get_option("--json")->count() > 0) {
        const nlohmann::json json = {{"error", sentence}};
        fmt::print("{}\n", json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
    }
}

} // namespace

} // namespace zcomet::tools::ctl

int main(int argc, char** argv) {
    using namespace zcomet;
    CLI::App app{"Asks and tells a Zcomet broker things, and compares logs", "zcomet-ctl"};
    tools::ctl::Flags flags;
    program::OptionTable table(app);
    tools::ctl::add_options(table, flags);
    program::add_common_options(app);
    tools::ctl::add_commands(table, app, flags);
    tools::ctl::SendWords words = tools::ctl::find_message(app, {argv + 1, argv + argc});
    flags.send.from_input = words.from_input;
    words.arguments.insert(words.arguments.begin(), argv[0]);
    std::vector<char*> arguments;
    std::transform(words.arguments.begin(), words.arguments.end(), std::back_inserter(arguments),
                   [](std::string& word) { return word.data(); });
    return program::run_program(
        app, static_cast<int>(arguments.size()), arguments.data(),
        [&] { return tools::ctl::run(flags, app, table); }, program::LogMode::kWait,
        [&](const std::string& sentence) { tools::ctl::print_failure(app, sentence); });
}
