// zcomet-broker: keeps the table id → nodes and passes messages on.
#include "broker/shell/options.hpp"
#include "broker/shell/supervise.hpp"
#include "topology/base/time.hpp"
#include "topology/link/zmq_socket.hpp"
#include "topology/loop/loop.hpp"
#include "topology/process/file_limit.hpp"
#include "topology/process/pulse.hpp"
#include "topology/process/service.hpp"
#include "topology/program/program.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace zcomet;

template <typename T> T value_or_throw(Result<T> result) {
    if (!result.ok()) {
        throw std::runtime_error(result.error().text);
    }
    return std::move(result).value();
}

void say_ready(const broker::shell::BrokerOptions& options, const broker::shell::Broker& broker) {
    const std::string admin = broker.admin_address();
    const std::string addresses = "listen=" + broker.listen_endpoint() +
                                  " feed=" + broker.feed_endpoint() +
                                  (admin.empty() ? "" : " admin=" + admin);
    const broker::router::RouterOptions& router = options.router;
    spdlog::info("event=ready pid={} name={} incarnation={} {} advertise={} liveness_ms={} "
                 "sender_window={} feed_window={} feed_bound={} peers_max={} ids_max={}",
                 ::getpid(), router.name, broker::router::hex_u64(router.incarnation), addresses,
                 options.advertise.empty() ? "-" : options.advertise,
                 std::chrono::duration_cast<std::chrono::milliseconds>(router.liveness).count(),
                 router.sender_window_bytes, router.feed.window_bytes, router.feed.bound_bytes,
                 router.peers_max, router.ids_max);
    program::print_ready("zcomet-broker", addresses);
}

/// What a broker with 100,000 logins that come and go, a hundred senders and some thousand messages
/// a second needs beside its table. Measured.
constexpr std::size_t kWorkingBytes = 2560U << 10U;

int serve(const broker::shell::BrokerFlags& flags) {
    process::Service service;
    if (flags.supervised) { // executed as /proc/self/exe, it would show as "exe"
        ::prctl(PR_SET_NAME, "zcomet-broker");
    }
    const broker::shell::BrokerOptions options =
        value_or_throw(broker::shell::to_broker_options(flags));
    const UniqueFd stop = program::catch_termination_signals();
    process::raise_file_limit(); // each peer takes a descriptor, each node two
    link::keep_freed_frames(kWorkingBytes);
    zmq::context_t context;
    const auto broker = value_or_throw(broker::shell::Broker::open(context, options));
    say_ready(options, *broker);
    service.ready(Clock::now());
    loop::Loop loop;
    loop.add(service, loop::Order::kBroker);
    process::Pulse pulse(flags.pulse_fd);
    if (flags.pulse_fd >= 0) {
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
    broker::shell::BrokerFlags flags;
    program::add_common_options(app);
    broker::shell::add_broker_options(app, flags);
    return program::run_program(app, argc, argv, [&] {
        const bool is_supervisor = flags.supervise && !flags.supervised;
        return is_supervisor
                   ? broker::shell::supervise(std::vector<std::string>(argv + 1, argv + argc),
                                              std::chrono::seconds(flags.hang_seconds))
                   : serve(flags);
    });
}
