// The options of a program, a row each. A row says everything about one option: its name, where its
// value goes, what values it takes, what --help says, what the cluster file calls it, whether a
// supervisor hands it to its workers, and whether it is a secret.
//
// The rows make the command line and --config (by CLI11), a worker's command line, the log line of
// the settings in effect, and --help, which test/docs compares with the man page. So a new option
// is a new row, and a member for its value.
#pragma once

#include "topology/base/result.hpp"
#include "topology/base/time.hpp"
#include "topology/base/unique_fd.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace CLI { // NOLINT(readability-identifier-naming): the name is CLI11's
class App;
class Option;
} // namespace CLI

namespace zcomet::program {

/// A value that has a text form of its own.
struct OptionText {
    /// What stands for it in --help, unless Row::type() says otherwise.
    std::string type = "TEXT";
    /// @return what is wrong with the text, as one sentence; empty: nothing.
    std::function<std::string(const std::string& text)> check;
    /// Takes a text that check() finds nothing wrong with, or one that get() has given.
    std::function<void(const std::string& text)> set;
    /// The text of the value; empty: there is none.
    std::function<std::string()> get;
};

/// A time that options count in whole milliseconds or seconds, up to 2^32 of them.
[[nodiscard]] OptionText in_milliseconds(Duration& value);
[[nodiscard]] OptionText in_seconds(std::chrono::seconds& value);

/// Thread: the one that parses the options.
class OptionTable {
  public:
    /// Where a value goes. It lives as long as the table, and holds the default when the row is
    /// added. A bool is a flag: an option without a value. An optional number has a text only when
    /// it is given.
    using Target = std::variant<bool*, int*, std::uint16_t*, std::uint32_t*, std::uint64_t*,
                                double*, std::string*, std::vector<std::string>*,
                                std::optional<std::uint32_t>*, OptionText>;

    /// One option. Each function returns the row, so that they can be written one after another.
    class Row {
      public:
        /// What stands for the value in --help.
        Row& type(const std::string& placeholder);
        /// The least and the greatest value; T is one of int, long, unsigned, unsigned long and
        /// double, by whose name --help calls the numbers.
        template <typename T> Row& range(T min, T max);
        /// A number greater than 0.
        Row& positive();
        /// @param complaint  as OptionText::check.
        Row& check(std::function<std::string(const std::string& text)> complaint);
        Row& one_of(std::vector<std::string> words);
        /// --help shows the value that the target has now. Without this it shows none.
        Row& show_default();
        Row& required();
        /// This text means that there is no value. The settings in effect show `-` for it, as they
        /// do for an empty text.
        Row& none(const std::string& text);
        /// Only together with the option of that name, which stands in an earlier row.
        Row& needs(const std::string& name);
        /// Not together with the option of that name, which stands in an earlier row.
        Row& excludes(const std::string& name);
        /// Not for people: neither in --help nor in the settings in effect.
        Row& hidden();
        /// A supervisor's workers get this value, in their command line.
        Row& hand_on();
        /// SIGHUP reads this value again: take_changes() takes it. The program asks its options for
        /// the value each time that it needs it, or hands them to its parts anew after that. Where
        /// there may be several values, none has a space.
        Row& reloadable();
        /// What the cluster file calls this value: OptionTable::fill_in() finds the row by it.
        Row& key(const std::string& name);
        /// A value that no other user may see, in a std::string. It is left out of the settings in
        /// effect, and of command lines, which every user of the host can read. Workers get it
        /// through a descriptor that they inherit (OptionTable::secrets()).
        Row& secret();

      private:
        friend class OptionTable;
        Row(CLI::App& app, const std::string& name, Target target, const std::string& help);
        [[nodiscard]] std::string text() const;
        /// For a log line.
        [[nodiscard]] std::string shown() const;

        CLI::App* app_;
        CLI::Option* option_;
        std::string name_;
        Target target_;
        std::string default_;
        std::string none_;
        std::string key_;
        std::string settled_; // its text at the last note_settled()
        bool hidden_ = false;
        bool handed_on_ = false;
        bool reloadable_ = false;
        bool secret_ = false;
    };

    /// @param app  lives as long as the table is used.
    explicit OptionTable(CLI::App& app) : app_(&app) {}
    OptionTable(const OptionTable&) = delete;
    OptionTable& operator=(const OptionTable&) = delete;

    /// @param name  with its hyphens, "--listen"; without any: an argument, known by its place.
    /// @return a row that is good until the next add().
    Row& add(const std::string& name, Target target, const std::string& help) {
        return add_to(*app_, name, std::move(target), help);
    }
    /// The same for an option of one of the program's commands.
    Row& add_to(CLI::App& command, const std::string& name, Target target, const std::string& help);

    /// Whether the command line or the --config file has the option.
    [[nodiscard]] bool given(std::string_view name) const;
    /// A value from elsewhere, as a text.
    struct Setting {
        std::string_view key; ///< Row::key() of one of the rows
        std::string text;     ///< empty: there is none; several: with spaces between them
    };
    /// Takes the values that were not given. The bounds of a row are not looked at.
    /// Errors: a text is not a value of its row; the error names both.
    [[nodiscard]] Status fill_in(const std::vector<Setting>& settings) const;

    /// To be called when all values are read and checked together, before the program writes what
    /// it finds out into its options: the difference to the options as they are read at another
    /// time is what the operator has changed.
    void note_settled();
    struct Changes {
        std::string taken;     ///< "queries_max=50 ids_max=7", of the rows that are reloadable
        std::string not_taken; ///< of the others, "listen workers": they are read at the start only
    };
    /// Takes the values of the rows that are reloadable from another table of this program.
    /// @param again  settled.
    Changes take_changes(const OptionTable& again);

    /// Writes the values that are both handed on and reloadable into a file (from memfd_create(2)),
    /// for take_from_supervisor() of a process that has inherited it.
    void write_for_workers(int fd) const;
    /// Takes such values.   Errors: as take_secrets(). The values are as before then.
    [[nodiscard]] Status take_from_supervisor(int fd) const;

    /// The command line that tells another process of this program the values that are handed on:
    /// "--name=value", for each that is not the default.
    [[nodiscard]] std::vector<std::string> handed_on() const;
    /// A file in memory with the secrets, for take_secrets() of a process that inherits it.
    /// Throws std::system_error if the system has no room.
    [[nodiscard]] UniqueFd secrets() const;
    /// Reads what secrets() wrote.   Errors: `fd` is no such file, or that of another program.
    [[nodiscard]] Status take_secrets(int fd);

    /// The settings in effect, for a log line: "listen=tcp://0.0.0.0:5555 liveness_ms=3000 …".
    /// `-` is a value that is not set.
    [[nodiscard]] std::string settings() const;

  private:
    [[nodiscard]] const Row* find(std::string_view name) const;
    [[nodiscard]] std::string named_values(bool Row::*kind) const;
    [[nodiscard]] Result<std::vector<std::pair<const Row*, std::string>>>
    read_named_values(int fd, bool Row::*kind) const;

    CLI::App* app_;
    std::vector<Row> rows_;
};

/// Logs settings() as event=settings.
void log_settings(const OptionTable& table);

} // namespace zcomet::program
