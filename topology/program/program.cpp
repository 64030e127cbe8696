#include "topology/program/program.hpp"

#include "topology/base/text.hpp"
#include "topology/program/log_queue.hpp"

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
#include <system_error>

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
/// How long the last lines of a log may take before the program says why it ends.
constexpr Duration kLogPatience = 500ms;

/// CLI11's messages may span lines; a mistake is told in one.
std::string one_line(std::string text) {
    while (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

void complain(const CLI::App& app, const std::string& what) {
    const std::string line = app.get_name() + ": " + one_line(what) + "\n";
    static_cast<void>(std::fputs(line.c_str(), stderr));
}

/// CLI11 says "INI was not able to parse NAME" when the file has a name that is not an option.
std::string explain(const CLI::App& app, const CLI::ConfigError& error) {
    constexpr std::string_view kUnknownName = "INI was not able to parse ";
    const std::string_view text = error.what();
    const auto file = app.get_option(kConfigOption)->as<std::string>();
    if (!text.starts_with(kUnknownName)) {
        return file + ": " + one_line(std::string(text));
    }
    return file + ": no option is called " + std::string(text.substr(kUnknownName.size()));
}

/// Lines that were logged before come before what is said next.
void finish_log() {
    for (const auto& sink : spdlog::default_logger_raw()->sinks()) {
        if (auto* const queue = dynamic_cast<LogQueueSink*>(sink.get())) {
            static_cast<void>(queue->wait(kLogPatience));
        }
    }
}

int run_body(const CLI::App& app, const std::function<int()>& body) {
    try {
        const int status = body();
        finish_log();
        return status;
    } catch (const Misconfigured& error) {
        finish_log();
        complain(app, error.what());
        return kExitBadOptions;
    } catch (const std::exception& error) {
        finish_log();
        complain(app, error.what());
        return kExitFailure;
    }
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
                LogMode mode) {
    try {
        occupy_standard_descriptors();
        app.parse(argc, argv);
    } catch (const CLI::Success& success) { // --help and --version
        return app.exit(success);
    } catch (const CLI::ConfigError& error) {
        complain(app, explain(app, error) + kHint);
        return kExitBadOptions;
    } catch (const std::exception& error) { // CLI::ParseError, or from a validator
        complain(app, one_line(error.what()) + kHint);
        return kExitBadOptions;
    }
    if (const CLI::Option* level = app.get_option_no_throw(kLogLevelOption)) {
        set_up_logging(app.get_name(),
                       level->count() > 0 ? level->as<std::string>() : kDefaultLevel, mode);
    }
    return run_body(app, body);
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
    try {
        app.parse(argc, argv);
    } catch (const CLI::ConfigError& error) {
        return Error{explain(app, error)};
    } catch (const std::exception& error) {
        return Error{one_line(error.what())};
    }
    const CLI::Option* const level = app.get_option(kLogLevelOption);
    return level->count() > 0 ? level->as<std::string>() : std::string(kDefaultLevel);
}

int reload_log_level(int argc, const char* const* argv) {
    const Result<std::string> level = read_log_level(argc, argv);
    if (level.ok()) {
        spdlog::set_level(spdlog::level::from_str(level.value()));
        spdlog::info(
            "event=reloaded log_level={} text=\"other options are read at the start only\"",
            level.value());
    } else {
        spdlog::error("event=not-reloaded text={}", log_value(level.error().text));
    }
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

std::uint64_t LogLimit::pass(Time now) {
    ++held_back_;
    if (now < next_) {
        return 0;
    }
    next_ = now + kInterval;
    return std::exchange(held_back_, 0);
}

} // namespace zcomet::program
