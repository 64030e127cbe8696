// zcomet-webnode: options, then either the supervisor or, when a supervisor started it, a worker.
#include "topology/base/text.hpp"
#include "topology/base/value_or_throw.hpp"
#include "topology/process/heap.hpp"
#include "topology/program/program.hpp"
#include "topology/program/run_as.hpp"
#include "topology/tls/certificates.hpp"
#include "webnode/port/processor.hpp"
#include "webnode/supervisor/options.hpp"
#include "webnode/supervisor/supervisor.hpp"
#include "webnode/worker/token_keys.hpp"
#include "webnode/worker/worker.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace zcomet::webnode {

namespace {

/// Memory beside the table that a worker with 20,000 streams that come, go and get messages needs:
/// frames under way, buffers. Measured: the size of the heap after six times 20,000.
constexpr std::size_t kWorkingBytes = 832U << 10U;

/// What SIGHUP does in a worker: its supervisor has read the options again, and passes them on.
void take_options(supervisor::CommandLine& line, int log_level, worker::Worker& worker) {
    program::use_log_level(log_level);
    const Status taken = line.table().take_from_supervisor(supervisor::kWorkerOptionsFd);
    if (taken.ok()) {
        line.resettle();
        worker.set_options(line.options().worker);
    } else {
        spdlog::error("event=not-reloaded text={}", log_value(taken.error().text));
    }
}

/// What SIGHUP does in the supervisor.
bool reload(supervisor::CommandLine& line, int argc, char** argv) {
    CLI::App app("", "zcomet-webnode");
    program::add_common_options(app);
    supervisor::CommandLine again(app);
    const bool is_read = program::reload(
        app, argc, argv, [&] { again.settle(); }, again.table(), line.table());
    // The files are the same, and what is in them may be other keys.
    std::string& keys = line.options().worker.token_keys;
    if (is_read && keys != again.options().worker.token_keys) {
        keys = again.options().worker.token_keys;
        spdlog::info("event=token-keys keys={}", worker::keys_of(keys).size());
    }
    if (is_read) {
        line.use_brokers(again.options().worker.brokers);
    }
    // Ports that speak plain HTTP go on so until the next start, and the other way round.
    std::string& certificates = line.options().worker.tls_texts;
    const std::string& fresh = again.options().worker.tls_texts;
    if (is_read && certificates != fresh && certificates.empty() == fresh.empty()) {
        certificates = fresh;
        spdlog::info("event=tls-certificates certificates={}",
                     tls::certificates_of(certificates).size());
    }
    return is_read;
}

void run_worker(supervisor::CommandLine& line) {
    const supervisor::WorkerRole& role = line.role();
    // First of all: if the supervisor is gone already, no signal of its death would end us.
    if (::getppid() != role.supervisor) {
        return;
    }
    process::keep_freed_frames(kWorkingBytes);
    ::prctl(PR_SET_NAME, "zcomet-webnode"); // executed as /proc/self/exe, it would show as "exe"
    const slot::SharedSlots shared =
        slot::SharedSlots::attach(UniqueFd(supervisor::kWorkerSlotsFd));
    if (role.index > shared.records().size()) {
        throw std::runtime_error("--worker-index is out of bounds");
    }
    line.take_secrets(UniqueFd(supervisor::kWorkerSecretsFd).get());
    worker::WorkerOptions options = line.options().worker;
    options.name += "/" + std::to_string(role.index);
    if (line.options().pin) { // before ZeroMQ's thread is started, which then runs on the same one
        const int processor = port::stay_on_one_processor(role.index - 1);
        spdlog::info("event=pinned node={} processor={}", options.name, processor);
    }
    const UniqueFd wake(supervisor::kWorkerWakeFd);
    worker::Worker* running = nullptr;
    worker::Worker worker(
        std::move(options), shared.records()[role.index - 1], program::catch_termination_signals(),
        [&wake] { static_cast<void>(::eventfd_write(wake.get(), 1)); },
        [&](std::optional<int> passed) {
            if (passed) { // else it was not the supervisor
                take_options(line, *passed, *running);
            }
        });
    running = &worker;
    worker.run();
}

int run(supervisor::CommandLine& line, int argc, char** argv) {
    if (line.role().index == 0) { // workers are born as what their supervisor is
        throw_unless_done<program::Misconfigured>(program::run_as(line.options().user));
    }
    line.settle();
    if (line.role().index > 0) {
        run_worker(line);
    } else {
        supervisor::Supervisor(line, program::catch_termination_signals(), [&line, argc, argv] {
            return reload(line, argc, argv);
        }).run();
    }
    return 0;
}

} // namespace

} // namespace zcomet::webnode

int main(int argc, char** argv) {
    CLI::App app("Holds comet streams: browsers open GET /test/ID, and see each message that is "
                 "sent to the id.",
                 "zcomet-webnode");
    zcomet::program::add_common_options(app);
    zcomet::webnode::supervisor::CommandLine line(app);
    return zcomet::program::run_program(
        app, argc, argv, [&] { return zcomet::webnode::run(line, argc, argv); },
        zcomet::program::LogMode::kNeverWait);
}
