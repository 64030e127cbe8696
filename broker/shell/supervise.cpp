#include "broker/shell/supervise.hpp"

#include "topology/base/value_or_throw.hpp"
#include "topology/loop/loop.hpp"
#include "topology/process/hangup.hpp"
#include "topology/process/kept_broker.hpp"
#include "topology/process/service.hpp"
#include "topology/program/program.hpp"
#include "topology/program/run_as.hpp"

#include <optional>
#include <utility>

namespace zcomet::broker::shell {

int supervise(int argc, char** argv, Duration hang_after) {
    process::Service service;
    const UniqueFd termination = program::catch_termination_signals();
    process::KeptBroker::Command command;
    command.program =
        "/proc/self/exe"; // this very program, even if its file was replaced meanwhile
    command.arguments.assign(argv + 1, argv + argc);
    command.arguments.emplace_back("--supervised");
    command.hang_after = hang_after;
    process::KeptBroker broker;
    process::Hangup hangup([&](std::optional<int> /*passed*/) {
        // The broker reads its options itself, and says what it found.
        if (const auto level = program::read_log_level(argc, argv); level.ok()) {
            program::use_log_level(level.value());
        }
        broker.pass_hangup_on(program::log_level());
    });
    throw_unless_done(broker.start(std::move(command), Clock::now()));
    loop::Loop loop;
    loop.stop_at(termination.get());
    loop.add(broker, loop::Order::kBroker);
    loop.add(service, loop::Order::kBroker);
    loop.add(hangup, loop::Order::kBroker);
    if (loop.run_until([&] { return broker.has_listened() || broker.given_up(); }, kNever) &&
        broker.has_listened()) {
        program::warn_of_root();
        program::print_ready("zcomet-broker", broker.addresses());
        service.ready(Clock::now());
        loop.run_until([] { return false; }, kNever);
    }
    if (broker.given_up()) {
        return broker.given_up()->code;
    }
    service.stopping();
    broker.end();
    return 0;
}

} // namespace zcomet::broker::shell
