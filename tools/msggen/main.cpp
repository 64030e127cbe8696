// zcomet-msggen: sends messages to random ids at a steady pace.
#include "tools/common/broker_choice.hpp"
#include "tools/logs/message_tag.hpp"
#include "tools/msggen/msggen.hpp"
#include "topology/link/zmq_socket.hpp"
#include "topology/program/program.hpp"
#include "topology/wire/frames.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>
#include <limits>
#include <stdexcept>
#include <string>

namespace zcomet::tools::msggen {

namespace {

constexpr double kIntervalMsMax =
    std::chrono::duration<double, std::milli>(kGeneratorIntervalMax).count();
constexpr std::uint64_t kNumberMax = std::numeric_limits<std::int64_t>::max() / kGeneratorsMax;
/// What a stamp adds to a message: " ts=" and 19 digits.
constexpr std::size_t kStampBytes = 23;
constexpr std::size_t kMessageBytesMax = wire::kPayloadBytesMax - kStampBytes;

struct Flags {
    MsggenOptions msggen;
    common::BrokerChoice broker;
    double interval_ms = 0;
};

void add_options(CLI::App& app, Flags& flags) {
    GeneratorOptions& generator = flags.msggen.generator;
    app.add_option("--count", generator.count, "Messages of each generator")
        ->type_name("N")
        ->required()
        ->check(CLI::Range(std::uint64_t{1}, kNumberMax, ""));
    app.add_option("--interval", flags.interval_ms,
                   "Milliseconds between two messages of a generator, fractions allowed; 0: as "
                   "fast as the broker takes them")
        ->type_name("MS")
        ->required()
        ->check(CLI::Range(0.0, kIntervalMsMax, ""));
    app.add_option("--max", generator.id_max, "Each message goes to a random id from 1 to M")
        ->type_name("M")
        ->required()
        ->check(CLI::Range(std::uint64_t{1}, kNumberMax, ""));
    app.add_option("--first-id", generator.id_first,
                   "Draw from the M ids that begin with I instead")
        ->type_name("I")
        ->capture_default_str()
        ->check(CLI::Range(std::uint64_t{0}, kNumberMax, ""));
    app.add_option("--processes", generator.generators, "Run P such generators side by side")
        ->type_name("P")
        ->capture_default_str()
        ->check(CLI::Range(1U, kGeneratorsMax, ""));
    common::add_broker_options(app, flags.broker);
    app.add_option("--message", generator.message, "Send TEXT instead of \"Fake message Num = K\"")
        ->type_name("TEXT")
        ->check([](const std::string& text) {
            return text.size() <= kMessageBytesMax ? "" : "the message has more than 65513 bytes";
        });
    app.add_option("--size", generator.size_bytes, "Pad each message to BYTES")
        ->type_name("BYTES")
        ->check(CLI::Range(std::size_t{0}, wire::kPayloadBytesMax, ""));
    app.add_flag("--stamp", generator.stamp,
                 "End each message with \" ts=NANOSECONDS\", the time (CLOCK_REALTIME) of sending");
    app.add_option("--seed", generator.seed,
                   "Of the random ids: the same seed draws the same ids; random if left out")
        ->type_name("S");
    app.add_option("--sent", flags.msggen.sent_file,
                   "Write how many messages went to each id: id, tab, count")
        ->type_name("FILE");
    app.add_flag("--ack", flags.msggen.acknowledged,
                 "Ask at how many nodes each message arrived; send again what is not answered");
    app.add_option("--log", flags.msggen.log_file,
                   "Write a line for each message, and what became of it, for zcomet-ctl reconcile")
        ->type_name("FILE");
    app.add_flag("--json", flags.msggen.json, "Print nothing but a summary in JSON");
    app.add_flag("--quiet", flags.msggen.quiet, "Print nothing but the summary");
}

/// A message that is found again in logs is longer by its tag.
void check_size(const MsggenOptions& options) {
    constexpr std::size_t kSenderBytes = 8;
    constexpr std::size_t kBytesMax = kMessageBytesMax - logs::tag_bytes_max(kSenderBytes);
    if (!options.log_file.empty() && options.generator.message.size() > kBytesMax) {
        throw std::runtime_error("--message: with --log it may have " + std::to_string(kBytesMax) +
                                 " bytes");
    }
}

int run(Flags& flags) {
    check_size(flags.msggen);
    flags.msggen.generator.interval =
        std::chrono::round<Duration>(std::chrono::duration<double, std::milli>(flags.interval_ms));
    flags.msggen.broker = common::chosen_broker(flags.broker);
    link::keep_freed_frames(0);
    // A line for each generator that finishes, when it does, even through a pipe.
    static_cast<void>(std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ));
    const UniqueFd signal_fd = program::catch_termination_signals();
    zmq::context_t context;
    return Msggen(context, flags.msggen, signal_fd.get()).run();
}

} // namespace

} // namespace zcomet::tools::msggen

int main(int argc, char** argv) {
    CLI::App app{"Sends messages to random ids through a Zcomet broker, at a steady pace",
                 "zcomet-msggen"};
    zcomet::tools::msggen::Flags flags;
    flags.msggen.generator.seed = zcomet::link::random_u64();
    zcomet::tools::msggen::add_options(app, flags);
    zcomet::program::add_common_options(app);
    return zcomet::program::run_program(app, argc, argv,
                                        [&flags] { return zcomet::tools::msggen::run(flags); });
}
