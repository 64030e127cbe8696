// zcomet-broker: keeps the table id → nodes and passes messages on.
#include "broker/shell/options.hpp"
#include "broker/shell/supervise.hpp"
#include "topology/base/text.hpp"
#include "topology/base/time.hpp"
#include "topology/base/value_or_throw.hpp"
#include "topology/link/link_context.hpp"
#include "topology/loop/loop.hpp"
#include "topology/process/file_limit.hpp"
#include "topology/process/hangup.hpp"
#include "topology/process/heap.hpp"
#include "topology/process/pulse.hpp"
#include "topology/process/service.hpp"
#include "topology/program/program.hpp"
#include "topology/program/run_as.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <optional>
#include <string>

namespace {

using namespace zcomet;

void say_ready(const broker::shell::BrokerOptions& options, const broker::shell::Broker& broker) {
    const std::string admin = broker.admin_address();
    const std::string addresses = "listen=" + broker.listen_endpoint() +
                                  " feed=" + broker.feed_endpoint() +
                                  (admin.empty() ? "" : " admin=" + admin);
    spdlog::info("event=ready pid={} name={} incarnation={} {} advertise={}", ::getpid(),
                 log_value(options.router.name),
                 broker::router::hex_u64(options.router.incarnation), addresses,
                 options.advertise.empty() ? "-" : log_value(options.advertise));
    if (options.router.is_insecure) {
        spdlog::warn("event=insecure listen={} text=\"everybody who reaches this broker may listen "
                     "and send: it asks for no keys\"",
                     broker.listen_endpoint());
    }
    program::print_ready("zcomet-broker", addresses);
}

/// Memory beside the table that a broker needs with 100,000 logins that come and go, a hundred
/// senders and some thousand messages a second. Measured.
constexpr std::size_t kWorkingBytes = 2560U << 10U;

/// Reads the options again: SIGHUP.
void reload(broker::shell::CommandLine& line, int argc, char** argv,
            broker::shell::Broker& broker) {
    CLI::App app("", "zcomet-broker");
    program::add_common_options(app);
    broker::shell::CommandLine again(app);
    const auto settle = [&] { throw_unless_done<program::Misconfigured>(again.settle()); };
    if (program::reload(app, argc, argv, settle, again.table(), line.table())) {
        line.resettle();
        line.use_list(again.options().router.list);
        broker.set_options(line.options().router);
        broker.set_http_names(line.options().http_names);
    }
    broker.read_keys_again();
}

int serve(broker::shell::CommandLine& line, int argc, char** argv) {
    process::Service service;
    if (line.supervised()) { // executed as /proc/self/exe, it would show as "exe"
        ::prctl(PR_SET_NAME, "zcomet-broker");
    }
    throw_unless_done<program::Misconfigured>(line.settle());
    const UniqueFd stop = program::catch_termination_signals();
    broker::shell::Broker* running = nullptr;
    process::Hangup hangup([&](std::optional<int> passed) {
        // A web node's own broker has no options but its addresses. One that `--supervise` keeps
        // has those of its supervisor.
        if (passed && !line.supervised()) {
            program::use_log_level(*passed);
        } else {
            reload(line, argc, argv, *running);
        }
    });
    throw_unless_done<program::Misconfigured>(line.check_keys());
    const std::string key = value_or_throw<program::Misconfigured>(line.read_keys());
    process::raise_file_limit(); // each peer takes a descriptor, each node two
    process::keep_freed_frames(kWorkingBytes);
    loop::Loop loop; // before the ready line, since it may find no descriptor
    link::LinkContext context(key.empty() ? link::Security() : link::Security::of_broker(key));
    const auto broker = value_or_throw(broker::shell::Broker::open(context, line.options()));
    running = broker.get();
    program::log_settings(line.table());
    if (!line.supervised() && line.pulse_fd() < 0) { // else its supervisor says so
        program::warn_of_root();
    }
    say_ready(line.options(), *broker);
    service.ready(Clock::now());
    loop.add(service, loop::Order::kBroker);
    loop.add(hangup, loop::Order::kBroker);
    process::Pulse pulse(line.pulse_fd());
    if (line.pulse_fd() >= 0) {
        loop.add(pulse, loop::Order::kBroker);
    }
    broker->run(loop, stop.get());
    service.stopping();
    spdlog::info("event=stopping");
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("The broker of a Zcomet cluster: knows which node holds which id, and passes "
                 "messages on.",
                 "zcomet-broker");
    program::add_common_options(app);
    broker::shell::CommandLine line(app);
    const auto body = [&] {
        throw_unless_done<program::Misconfigured>(program::run_as(line.user()));
        return line.is_supervisor() ? broker::shell::supervise(argc, argv, line.hang_after())
                                    : serve(line, argc, argv);
    };
    return program::run_program(app, argc, argv, body, program::LogMode::kNeverWait);
}
