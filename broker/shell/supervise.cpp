#include "broker/shell/supervise.hpp"

#include "topology/base/value_or_throw.hpp"
#include "topology/process/kept_broker.hpp"
#include "topology/program/program.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

namespace zcomet::broker::shell {

namespace {

/// Sleeps until the broker wants attention. @return false when it is time to stop.
bool wait_for_events(const process::KeptBroker& broker, const UniqueFd& termination) {
    const auto [end_fd, output_fd] = broker.fds();
    std::array<pollfd, 3> polled{
        {{termination.get(), POLLIN, 0}, {end_fd, POLLIN, 0}, {output_fd, POLLIN, 0}}};
    const Time now = Clock::now();
    const auto sleep =
        std::chrono::ceil<std::chrono::milliseconds>(std::max(broker.due(), now) - now);
    const int timeout_ms = broker.due() == kNever ? -1 : static_cast<int>(sleep.count());
    ::poll(polled.data(), polled.size(), timeout_ms);
    return polled[0].revents == 0;
}

} // namespace

int supervise(std::vector<std::string> arguments) {
    const UniqueFd termination = program::catch_termination_signals();
    process::KeptBroker::Command command;
    command.program =
        "/proc/self/exe"; // this very program, even if its file was replaced meanwhile
    command.arguments = std::move(arguments);
    command.arguments.emplace_back("--supervised");
    process::KeptBroker broker;
    throw_unless_done(broker.start(std::move(command), Clock::now()));
    bool announced = false;
    while (wait_for_events(broker, termination)) {
        broker.tick(Clock::now());
        if (broker.given_up()) {
            return broker.given_up()->code;
        }
        if (!announced && broker.has_listened()) {
            announced = true;
            program::print_ready("zcomet-broker", broker.addresses());
        }
    }
    broker.end();
    return 0;
}

} // namespace zcomet::broker::shell
