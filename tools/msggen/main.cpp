// zcomet-msggen: sends messages to random ids at a steady pace.
#include "tools/common/broker_choice.hpp"
#include "tools/logs/message_tag.hpp"
#include "tools/msggen/msggen.hpp"
#include "topology/base/random.hpp"
#include "topology/link/link_context.hpp"
#include "topology/process/heap.hpp"
#include "topology/program/option_table.hpp"
#include "topology/program/program.hpp"
#include "topology/program/shared_rows.hpp"
#include "topology/wire/frames.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>
#include <limits>
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

void add_options(program::OptionTable& table, Flags& flags) {
    GeneratorOptions& generator = flags.msggen.generator;
    table.add("--count", &generator.count, "Messages of each generator")
        .type("N")
        .required()
        .range(std::uint64_t{1}, kNumberMax);
    table
        .add("--interval", &flags.interval_ms,
             "Milliseconds between two messages of a generator, fractions allowed; 0: as "
             "fast as the broker takes them")
        .type("MS")
        .required()
        .range(0.0, kIntervalMsMax);
    table.add("--max", &generator.id_max, "Each message goes to a random id from 1 to M")
        .type("M")
        .required()
        .range(std::uint64_t{1}, kNumberMax);
    table.add("--first-id", &generator.id_first, "Draw from the M ids that begin with I instead")
        .type("I")
        .show_default()
        .range(std::uint64_t{0}, kNumberMax);
    table.add("--processes", &generator.generators, "Run P such generators side by side")
        .type("P")
        .show_default()
        .range(1U, kGeneratorsMax);
    common::add_broker_choice(table, flags.broker);
    program::add_failover(table, flags.msggen.failover);
    table.add("--message", &generator.message, "Send TEXT instead of \"Fake message Num = K\"")
        .type("TEXT")
        .check([](const std::string& text) {
            return text.size() <= kMessageBytesMax ? "" : "the message has more than 65513 bytes";
        });
    table.add("--size", &generator.size_bytes, "Pad each message to BYTES")
        .type("BYTES")
        .range(std::size_t{0}, wire::kPayloadBytesMax)
        .none("0");
    table.add("--stamp", &generator.stamp,
              "End each message with \" ts=NANOSECONDS\", the time (CLOCK_REALTIME) of sending");
    table
        .add("--seed", &generator.seed,
             "Of the random ids: the same seed draws the same ids; random if left out")
        .type("S");
    table
        .add("--sent", &flags.msggen.sent_file,
             "Write how many messages went to each id: id, tab, count")
        .type("FILE");
    table.add("--ack", &flags.msggen.acknowledged,
              "Ask at how many nodes each message arrived; repeat messages without an answer");
    table
        .add("--log", &flags.msggen.log_file,
             "Write a line for each message, and its fate, for zcomet-ctl reconcile")
        .type("FILE");
    table.add("--json", &flags.msggen.json, "Print only a summary, in JSON");
    table.add("--quiet", &flags.msggen.quiet, "Print only the summary");
}

/// A message that is to be found in logs has a tag, which makes it longer.
void check_size(const MsggenOptions& options) {
    constexpr std::size_t kSenderBytes = 8;
    constexpr std::size_t kBytesMax = kMessageBytesMax - logs::tag_bytes_max(kSenderBytes);
    if (!options.log_file.empty() && options.generator.message.size() > kBytesMax) {
        throw program::Misconfigured("--message: with --log it may have " +
                                     std::to_string(kBytesMax) + " bytes");
    }
}

int run(Flags& flags, const program::OptionTable& table) {
    check_size(flags.msggen);
    flags.msggen.generator.interval =
        std::chrono::round<Duration>(std::chrono::duration<double, std::milli>(flags.interval_ms));
    flags.msggen.brokers = common::settle_brokers(flags.broker);
    const link::Security security = common::settle_security(flags.broker);
    process::keep_freed_frames(0);
    // Each generator's line appears when it finishes, even through a pipe.
    static_cast<void>(std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ));
    const UniqueFd signal_fd = program::catch_termination_signals();
    link::LinkContext context(security);
    Msggen msggen(context, flags.msggen, signal_fd.get());
    program::log_settings(table);
    return msggen.run();
}

} // namespace

} // namespace zcomet::tools::msggen

int main(int argc, char** argv) {
    CLI::App app{"Sends messages to random ids through a Zcomet broker, at a steady pace",
                 "zcomet-msggen"};
    zcomet::tools::msggen::Flags flags;
    flags.msggen.generator.seed = zcomet::random_u64();
    zcomet::program::OptionTable table(app);
    zcomet::tools::msggen::add_options(table, flags);
    zcomet::program::add_common_options(app);
    return zcomet::program::run_program(app, argc, argv,
                                        [&] { return zcomet::tools::msggen::run(flags, table); });
}
