#include "topology/program/program.hpp"

#include "topology/base/text.hpp"
#include "topology/program/config_file.hpp"
#include "topology/program/log_queue.hpp"
#include "topology/program/words.hpp"

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <sstream>
#include <system_error>
#include <vector>

namespace zcomet::program {

namespace {

constexpr int kExitFailure = 1;
constexpr int kExitBadOptions = 2;
constexpr const char* kConfigOption = "--config";
constexpr const char* kLogLevelOption = "--log-level";
constexpr const char* kDefaultLevel = "info";
constexpr const char* kCommonGroup = "Common options";
constexpr const char* kHint = "; try --help";
constexpr std::size_t kHelpColumn = 34;
constexpr std::size_t kHelpWidth = 80; // of a terminal
/// How long the last lines of a log may take before the program says why it ends.
constexpr Duration kLogPatience = 500ms;

/// CLI11's messages may span lines, and what a peer said may have any character; a mistake is told
/// in one line.
std::string one_line(std::string text) {
    while (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    std::replace(text.begin(), text.end(), '\n', ' ');
    return in_one_line(text);
}

/// Says why a program fails: to people, and to `on_failure`.
void complain(const CLI::App& app, const std::string& what, const OnFailure& on_failure) {
    const std::string sentence = one_line(what);
    const std::string line = app.get_name() + ": " + sentence + "\n";
    static_cast<void>(std::fputs(line.c_str(), stderr));
    if (on_failure) {
        on_failure(sentence);
    }
}

void append_options(const CLI::App& app, std::vector<std::string>& names) {
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames()) {
            if (!option->get_group().empty()) { // which a hidden one has not
                names.push_back("--" + name);
            }
        }
    }
}

/// The words of the command line that CLI11 knows no use for.
/// @return a sentence about the first of them; empty: it has nothing to say.
std::string explain_unknown(const CLI::App& app) {
    const std::vector<std::string> unknown = app.remaining(true);
    const std::vector<const CLI::App*> commands =
        app.get_subcommands([](const CLI::App*) { return true; });
    const std::vector<CLI::App*> chosen = app.get_subcommands();
    if (!unknown.empty() && unknown.front().starts_with('-')) {
        const std::string word = unknown.front().substr(0, unknown.front().find('='));
        std::vector<std::string> names;
        append_options(app, names);
        std::string subject = "there is";
        for (const CLI::App* command : chosen) {
            append_options(*command, names);
            subject = command->get_name() + " has";
        }
        return subject + " no option " + word + did_you_mean(word, names);
    }
    if (commands.empty() || !chosen.empty()) {
        return "";
    }
    std::vector<std::string> names;
    names.reserve(commands.size());
    for (const CLI::App* command : commands) {
        names.push_back(command->get_name());
    }
    if (unknown.empty()) {
        return "a command is missing: one of " + CLI::detail::join(names, ", ");
    }
    return "there is no command " + in_quotes(unknown.front()) +
           did_you_mean(unknown.front(), names);
}

/// "FILE:LINE: …" for a mistake in the file of --config.
std::string explain_in_file(const CLI::App& app, const ConfigFile& config, std::string text) {
    constexpr std::string_view kUnknownName = "INI was not able to parse "; // CLI11's words
    std::string name;
    if (!text.starts_with(kUnknownName)) {
        name = config.option_in(text);
    } else if (name = text.substr(kUnknownName.size()); name.ends_with(ConfigFile::kSectionBegin)) {
        const std::size_t section_bytes = name.size() - ConfigFile::kSectionBegin.size() - 1;
        text = "no section is called " + name.substr(0, section_bytes);
    } else {
        std::vector<std::string> names;
        append_options(app, names);
        for (std::string& one : names) {
            one.erase(0, 2);
        }
        text = "no option is called " + name + did_you_mean(name, names);
    }
    const std::size_t line = config.line_of(name);
    return app.get_option(kConfigOption)->as<std::string>() +
           (line == 0 ? ": " : ":" + std::to_string(line) + ": ") + text;
}

/// What is wrong with the command line or the file of --config.
std::string explain(const CLI::App& app, const CLI::ParseError& error) {
    const auto* const config =
        dynamic_cast<const ConfigFile*>(app.get_config_formatter_base().get());
    std::string text = one_line(error.what());
    if (config != nullptr && dynamic_cast<const CLI::ConfigError*>(&error) != nullptr) {
        return explain_in_file(app, *config, text);
    }
    if (std::string sentence = app.get_allow_extras() ? "" : explain_unknown(app);
        !sentence.empty()) {
        return sentence;
    }
    if (config != nullptr && !config->option_in(text).empty()) {
        return explain_in_file(app, *config, text);
    }
    return text;
}

/// @return what is wrong, in one line.
Status parse_again(CLI::App& app, int argc, const char* const* argv) {
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return Error{explain(app, error)};
    } catch (const std::exception& error) { // from a validator
        return Error{one_line(error.what())};
    }
    return Done{};
}

std::string chosen_level(const CLI::App& app) {
    const CLI::Option* const level = app.get_option(kLogLevelOption);
    return level->count() > 0 ? level->as<std::string>() : std::string(kDefaultLevel);
}

/// Lines that were logged before come before what is said next.
void finish_log() {
    for (const auto& sink : spdlog::default_logger_raw()->sinks()) {
        if (auto* const queue = dynamic_cast<LogQueueSink*>(sink.get())) {
            static_cast<void>(queue->wait(kLogPatience));
        }
    }
}

/// A tool whose output was not written has failed.
/// @return the exit status.
int finish_output(const CLI::App& app, int status) {
    errno = 0;
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) {
        return status;
    }
    const std::string reason = errno == 0 ? "" : ": " + std::generic_category().message(errno);
    complain(app, "cannot write to standard output" + reason, {});
    return status == 0 ? kExitFailure : status;
}

int run_body(const CLI::App& app, const std::function<int()>& body, LogMode mode,
             const OnFailure& on_failure) {
    try {
        const int status = body();
        finish_log();
        // What others print at their start is for the program that started them, which may be gone.
        return mode == LogMode::kWait ? finish_output(app, status) : status;
    } catch (const Misconfigured& error) {
        finish_log();
        complain(app, error.what(), on_failure);
        return kExitBadOptions;
    } catch (const std::exception& error) {
        finish_log();
        complain(app, error.what(), on_failure);
        return kExitFailure;
    }
}

/// --help and --version.
int print_help(const CLI::App& app, const CLI::Success& success) {
    std::ostringstream out;
    std::ostringstream err;
    const int status = app.exit(success, out, err);
    static_cast<void>(std::fputs(wrap_help(out.str(), kHelpWidth, kHelpColumn).c_str(), stdout));
    return finish_output(app, status);
}

} // namespace

void add_common_options(CLI::App& app) {
    app.get_help_ptr()->description("Explain the options, and exit");
    app.set_version_flag("--version", [&app] { return app.get_name() + " " ZCOMET_VERSION; })
        ->description("Print the release, and exit")
        ->group(kCommonGroup);
    app.set_config(kConfigOption, "", "Read options from FILE: TOML or INI, named as these flags")
        ->type_name("FILE")
        ->group(kCommonGroup);
    app.config_formatter(std::make_shared<ConfigFile>(app));
    // CLI11 ignores names that it does not know unless told: a misspelt option would go unnoticed.
    app.allow_config_extras(CLI::config_extras_mode::error);
    app.get_formatter()->column_width(kHelpColumn);
    app.add_option(kLogLevelOption, "Least important log lines to write to standard error")
        ->type_name("LEVEL")
        ->default_str(kDefaultLevel)
        ->group(kCommonGroup)
        ->check(CLI::IsMember({"trace", "debug", "info", "warning", "error", "off"}));
}

int run_program(CLI::App& app, int argc, char** argv, const std::function<int()>& body,
                LogMode mode, const OnFailure& on_failure) {
    try {
        occupy_standard_descriptors();
        app.parse(argc, argv);
    } catch (const CLI::Success& success) { // --help and --version
        return print_help(app, success);
    } catch (const CLI::ParseError& error) {
        complain(app, explain(app, error) + kHint, on_failure);
        return kExitBadOptions;
    } catch (const std::exception& error) { // from a validator
        complain(app, error.what() + std::string(kHint), on_failure);
        return kExitBadOptions;
    }
    if (const CLI::Option* level = app.get_option_no_throw(kLogLevelOption)) {
        set_up_logging(app.get_name(),
                       level->count() > 0 ? level->as<std::string>() : kDefaultLevel, mode);
    }
    return run_body(app, body, mode, on_failure);
}

void occupy_standard_descriptors() {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) {
            continue;
        }
        // The lowest free descriptor is this one: those below are open.
        if (::open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) < 0) {
            throw std::system_error(errno, std::generic_category(), "cannot open /dev/null");
        }
    }
}

Result<std::string> read_log_level(int argc, const char* const* argv) {
    CLI::App app("", "");
    add_common_options(app);
    app.allow_extras();
    app.allow_config_extras(CLI::config_extras_mode::ignore);
    if (const Status parsed = parse_again(app, argc, argv); !parsed.ok()) {
        return parsed.error();
    }
    return chosen_level(app);
}

bool reload(CLI::App& app, int argc, const char* const* argv, const std::function<void()>& settle,
            const OptionTable& again, OptionTable& running) {
    Status read = parse_again(app, argc, argv);
    if (read.ok()) {
        try {
            settle();
        } catch (const std::exception& error) {
            read = Error{one_line(error.what())};
        }
    }
    if (!read.ok()) {
        spdlog::error("event=not-reloaded text={}", log_value(read.error().text));
        return false;
    }
    const std::string level = chosen_level(app);
    const OptionTable::Changes changes = running.take_changes(again);
    use_log_level(level);
    spdlog::info("event=reloaded log_level={} changed={} only_at_the_start={}", level,
                 changes.taken.empty() ? "-" : log_value(changes.taken),
                 changes.not_taken.empty() ? "-" : log_value(changes.not_taken));
    return true;
}

void use_log_level(const std::string& name) {
    spdlog::set_level(spdlog::level::from_str(name));
}

int log_level() {
    return static_cast<int>(spdlog::get_level());
}

void use_log_level(int number) {
    spdlog::set_level(static_cast<spdlog::level::level_enum>(
        std::clamp<int>(number, spdlog::level::trace, spdlog::level::off)));
}

void set_up_logging(std::string_view program, std::string_view level, LogMode mode) {
    spdlog::sink_ptr sink;
    if (mode == LogMode::kNeverWait) {
        sink = std::make_shared<LogQueueSink>(STDERR_FILENO, std::string(program));
    } else {
        sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    }
    auto logger = std::make_shared<spdlog::logger>(std::string(program), std::move(sink));
    logger->set_formatter(log_formatter());
    logger->set_level(spdlog::level::from_str(std::string(level)));
    spdlog::set_default_logger(std::move(logger));
}

void print_ready(std::string_view program, std::string_view fields) {
    std::string line(program);
    line.append(" ready");
    if (!fields.empty()) {
        line.append(" ").append(fields);
    }
    line.append("\n");
    static_cast<void>(std::fputs(line.c_str(), stdout));
    static_cast<void>(std::fflush(stdout));
}

UniqueFd catch_termination_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    if (const int failure = pthread_sigmask(SIG_BLOCK, &signals, nullptr); failure != 0) {
        throw std::system_error(failure, std::generic_category(), "cannot block signals");
    }
    UniqueFd fd(::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!fd.valid()) {
        throw std::system_error(errno, std::generic_category(), "cannot make a signalfd");
    }
    static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
    return fd;
}

std::optional<int> take_termination_signal(const UniqueFd& fd) {
    signalfd_siginfo signal{};
    return ::read(fd.get(), &signal, sizeof signal) == sizeof signal
               ? std::optional(static_cast<int>(signal.ssi_signo))
               : std::nullopt;
}

std::uint64_t LogLimit::pass(Time now) {
    ++held_back_;
    if (now < next_) {
        return 0;
    }
    next_ = now + kInterval;
    return std::exchange(held_back_, 0);
}

} // namespace zcomet::program
