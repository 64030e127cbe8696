// Runs simulated clusters, each from a seed; says how many ran, what they did, and which promises
// they broke. Built with the cores that mutate.py writes, it does the same with a deliberate bug.
#include "test/simulation/mutants.hpp"
#include "test/simulation/schedule.hpp"
#include "test/simulation/schedule_brokers.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::sim {

namespace {

/// Further violations are counted, but not printed.
constexpr std::uint64_t kToldMax = 5;

struct Options {
    std::string seeds = "1-1000";
    std::uint64_t seed = 0;
    bool brokers = false;
    bool trace = false;
    unsigned jobs = 1;
    std::string kept;
    bool json = false;
    std::string mutant;
    bool all_mutants = false;
};

using Json = nlohmann::ordered_json;

/// The seed that is being run, in two halves, for the signal handler.
volatile std::sig_atomic_t running_low = 0;
volatile std::sig_atomic_t running_high = 0;

/// An assertion in a core ends the process. The seed repeats it.
void on_abort(int /*signal*/) {
    const auto high = static_cast<std::uint64_t>(static_cast<std::uint32_t>(running_high));
    const auto low = static_cast<std::uint64_t>(static_cast<std::uint32_t>(running_low));
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), (high << 32U) | low).ptr;
    constexpr std::string_view kSeed = "aborted in seed ";
    *end = '\n';
    for (const std::string_view part :
         {kSeed, std::string_view(text.data(), static_cast<std::size_t>(end - text.data()) + 1)}) {
        [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, part.data(), part.size());
    }
}

/// Prints a line at once, so that lines of several processes do not mix.
void print_line(const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
}

void tell_violation(std::uint64_t seed, const std::string& violation, const Options& options) {
    print_line(options.json
                   ? Json{{"seed", seed}, {"violation", violation}}.dump()
                   : fmt::format("seed {}: {}\n  see it with: simulation{} --seed {} --trace", seed,
                                 violation, options.brokers ? " --brokers" : "", seed));
}

/// @param quiet  violations are not printed.
/// @return whether every promise was kept.
template <typename AnySchedule>
bool run_schedule(AnySchedule&& schedule, std::uint64_t seed, const Options& options,
                  Totals& totals, bool quiet) {
    schedule.run();
    World& world = schedule.world();
    if (world.violated()) {
        world.totals().violations = 1;
        world.totals().first_violation = seed;
    }
    totals.add(world.totals());
    if (world.violated() && totals.violations <= kToldMax && !quiet) {
        tell_violation(seed, world.violation(), options);
    }
    return !world.violated();
}

bool run_seed(std::uint64_t seed, const Options& options, Totals& totals, bool quiet = false) {
    running_low = static_cast<std::sig_atomic_t>(seed);
    running_high = static_cast<std::sig_atomic_t>(seed >> 32U);
    return options.brokers
               ? run_schedule(BrokersSchedule(seed, options.trace), seed, options, totals, quiet)
               : run_schedule(Schedule(seed, options.trace), seed, options, totals, quiet);
}

std::string summary_json(const Totals& totals) {
    Json faults;
    for (std::size_t i = 0; i < kFaults; ++i) {
        faults[std::string(kFaultNames[i])] = totals.faults[i];
    }
    return Json{{"schedules", totals.schedules},
                {"frames", totals.frames},
                {"sent", totals.messages},
                {"shown", totals.shown},
                {"shed", totals.shed},
                {"acknowledged", totals.acknowledged},
                {"duplicates", totals.duplicates},
                {"copies", totals.copies},
                {"failed_over", totals.failed_over},
                {"kept", totals.kept},
                {"resumed", totals.resumed},
                {"gaps", totals.gaps},
                {"faults", std::move(faults)},
                {"violations", totals.violations},
                {"trace_hash", fmt::format("{:016x}", totals.trace_hash)}}
        .dump();
}

std::string summary_text(const Totals& totals) {
    std::string faults;
    for (std::size_t i = 0; i < kFaults; ++i) {
        faults += fmt::format("{}{} {}", i == 0 ? "" : ", ", kFaultNames[i], totals.faults[i]);
    }
    return fmt::format("{} schedules, {} frames, {} messages sent, {} shown, {} shed and told, "
                       "{} acknowledged, {} duplicates, {} copies, {} failed over, {} kept, {} "
                       "streams resumed, {} gaps told; "
                       "faults: {}; {} violations; trace hash {:016x}",
                       totals.schedules, totals.frames, totals.messages, totals.shown, totals.shed,
                       totals.acknowledged, totals.duplicates, totals.copies, totals.failed_over,
                       totals.kept, totals.resumed, totals.gaps, faults, totals.violations,
                       totals.trace_hash);
}

void print_summary(const Totals& totals, const Options& options) {
    print_line(options.json ? summary_json(totals) : summary_text(totals));
}

struct Range {
    std::uint64_t from = 1;
    std::uint64_t to = 1;
};

Range parse_range(const std::string& text) {
    Range range;
    const std::size_t dash = text.find('-');
    range.from = std::stoull(text.substr(0, dash));
    range.to = dash == std::string::npos ? range.from : std::stoull(text.substr(dash + 1));
    if (range.from == 0 || range.from > range.to) {
        throw std::runtime_error("--seeds wants FROM-TO, from 1");
    }
    return range;
}

/// Memory that children of this process share with it.
template <typename T> std::span<T> shared_memory(std::size_t count) {
    void* const memory = ::mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        throw std::bad_alloc();
    }
    T* const first = static_cast<T*>(memory);
    for (std::size_t i = 0; i < count; ++i) {
        new (first + i) T;
    }
    return {first, count};
}

/// Runs `work` in a process of its own. @return the process.
template <typename Work> pid_t fork_for(Work&& work) {
    std::fflush(stdout);
    const pid_t child = ::fork();
    if (child < 0) {
        throw std::runtime_error("cannot start a process");
    }
    if (child == 0) {
        work();
        std::fflush(stdout);
        std::_Exit(EXIT_SUCCESS);
    }
    return child;
}

/// @return whether the process ended as it should.
bool ended_well(pid_t child) {
    int status = 0;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int run_range(const Options& options) {
    const Range range = parse_range(options.seeds);
    const std::span<Totals> shares = shared_memory<Totals>(options.jobs);
    std::vector<pid_t> children;
    for (unsigned job = 0; job < options.jobs; ++job) {
        children.push_back(fork_for([&] {
            for (std::uint64_t seed = range.from + job; seed <= range.to; seed += options.jobs) {
                static_cast<void>(run_seed(seed, options, shares[job]));
            }
        }));
    }
    bool good = true;
    Totals totals;
    for (unsigned job = 0; job < options.jobs; ++job) {
        good = ended_well(children[job]) && good;
        totals.add(shares[job]);
    }
    print_summary(totals, options);
    return good && totals.violations == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/// Runs the seeds of a file: each line begins with one; "#" begins a remark.
int run_kept(const Options& options) {
    std::ifstream file(options.kept);
    if (!file) {
        throw std::runtime_error("cannot read " + options.kept);
    }
    Totals totals;
    std::string line;
    while (std::getline(file, line)) {
        if (!line.empty() && line[0] != '#') {
            static_cast<void>(run_seed(std::stoull(line), options, totals));
        }
    }
    print_summary(totals, options);
    return totals.violations == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

void use_mutant(const std::string& name) {
    const auto mutants = known_mutants();
    const auto known = std::find_if(mutants.begin(), mutants.end(),
                                    [&](const Mutant& mutant) { return mutant.name == name; });
    if (known == mutants.end()) {
        throw std::runtime_error("there is no mutant " + name);
    }
    active_mutant = static_cast<std::size_t>(known - mutants.begin()) + 1;
}

/// The bugs that only a cluster of several brokers shows have names that begin so.
constexpr std::string_view kOfBrokers = "brokers-";

/// Runs schedules until one catches the mutant. A crash counts as well.
/// @param number  of the mutant, from 1.
bool is_caught(std::size_t number, const Mutant& mutant, Options options) {
    options.brokers = options.brokers || mutant.name.starts_with(kOfBrokers);
    const Range range = parse_range(options.seeds);
    const std::span<Totals> totals = shared_memory<Totals>(1);
    const pid_t child = fork_for([&] {
        active_mutant = number;
        for (std::uint64_t seed = range.from;
             seed <= range.to && run_seed(seed, options, totals[0], true); ++seed) {
        }
    });
    const bool survived = ended_well(child);
    const bool caught = !survived || totals[0].violations > 0;
    // A crash is not in the count of its schedule.
    const std::uint64_t schedules = totals[0].schedules + (survived ? 0 : 1);
    const std::string_view how = caught ? (survived ? "caught" : "crashed") : "NOT SEEN";
    print_line(options.json ? Json{{"mutant", mutant.name},
                                   {"what", mutant.what},
                                   {"caught", caught},
                                   {"crashed", !survived},
                                   {"schedules", schedules}}
                                  .dump()
                            : fmt::format("{:26} {:8} after {:5} schedules: {}", mutant.name, how,
                                          schedules, mutant.what));
    return caught;
}

int run_mutants(const Options& options) {
    std::size_t number = 0;
    std::size_t caught = 0;
    for (const Mutant& mutant : known_mutants()) {
        caught += is_caught(++number, mutant, options) ? 1 : 0;
    }
    if (!options.json) {
        fmt::print("{} of {} mutants caught\n", caught, number);
    }
    return caught == number ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run(const Options& options) {
    if (options.all_mutants) {
        return run_mutants(options);
    }
    if (!options.mutant.empty()) {
        use_mutant(options.mutant);
    }
    if (!options.kept.empty()) {
        return run_kept(options);
    }
    if (options.seed != 0) {
        Totals totals;
        const bool good = run_seed(options.seed, options, totals);
        print_summary(totals, options);
        return good ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    return run_range(options);
}

} // namespace

} // namespace zcomet::sim

int main(int argc, char** argv) {
    CLI::App app("Runs simulated clusters, and checks what they promise.", "simulation");
    zcomet::sim::Options options;
    app.add_option("--seeds", options.seeds, "which schedules: FROM-TO")->capture_default_str();
    app.add_option("--seed", options.seed, "one schedule only");
    app.add_flag("--brokers", options.brokers,
                 "schedules of several brokers, which have other seeds");
    app.add_flag("--trace", options.trace, "print every frame, fault and event");
    app.add_option("--jobs", options.jobs, "processes at once")
        ->capture_default_str()
        ->check(CLI::Range(1, 1024));
    app.add_option("--kept", options.kept, "the schedules whose seeds stand in a file");
    app.add_flag("--json", options.json,
                 "print JSON: a line for each violation or bug, and totals");
    if (!zcomet::sim::known_mutants().empty()) {
        app.add_option("--mutant", options.mutant, "run with that bug");
        app.add_flag("--all-mutants", options.all_mutants, "each bug in turn must be caught");
    }
    CLI11_PARSE(app, argc, argv);
    struct sigaction on_abort {};
    on_abort.sa_handler = zcomet::sim::on_abort;
    on_abort.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGABRT, &on_abort, nullptr);
    try {
        return zcomet::sim::run(options);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "simulation: %s\n", error.what());
        return EXIT_FAILURE;
    }
}
