#include "topology/program/option_table.hpp"

#include "topology/base/check.hpp"
#include "topology/base/text.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <system_error>
#include <utility>

namespace zcomet::program {

namespace {

/// The keys for tokens take most of them.
constexpr std::size_t kNamedBytesMax = 393'216;

std::string joined(const std::vector<std::string>& values) {
    std::string out;
    for (const std::string& value : values) {
        out.append(out.empty() ? "" : " ").append(value);
    }
    return out;
}

/// @param text  of joined(), of values without a space.
std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> values;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        values.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return values;
}

/// Writes the value of a row.
struct ToText {
    std::string operator()(const bool* value) const { return *value ? "true" : "false"; }
    std::string operator()(const std::string* value) const { return *value; }
    std::string operator()(const std::vector<std::string>* values) const { return joined(*values); }
    std::string operator()(const std::optional<std::uint32_t>* value) const {
        return *value ? std::to_string(**value) : std::string();
    }
    std::string operator()(const OptionText& text) const { return text.get(); }
    template <typename Number> std::string operator()(const Number* value) const {
        std::ostringstream out; // 3 for 3.0, as CLI11 writes it in --help
        out << *value;
        return out.str();
    }
};

/// Sets the value of a row. @return false if the text is no such value.
struct FromText {
    const std::string& text;

    bool operator()(const OptionText& option) const {
        if (!option.check(text).empty()) {
            return false;
        }
        option.set(text);
        return true;
    }
    bool operator()(std::string* value) const {
        *value = text;
        return true;
    }
    bool operator()(std::vector<std::string>* values) const {
        *values = split(text);
        return true;
    }
    bool operator()(std::optional<std::uint32_t>* value) const {
        std::uint32_t number = 0;
        const bool is_number = CLI::detail::lexical_cast(text, number);
        *value = is_number ? std::optional(number) : *value;
        return is_number;
    }
    template <typename Value> bool operator()(Value* value) const {
        return CLI::detail::lexical_cast(text, *value);
    }
};

/// Sets the value of a row to a text that a row of the same name has given.
struct Restore {
    const std::string& text;

    void operator()(const OptionText& option) const { option.set(text); }
    void operator()(std::optional<std::uint32_t>* value) const {
        if (text.empty()) {
            value->reset();
        } else {
            ZCOMET_ASSERT(FromText{text}(value));
        }
    }
    template <typename Value> void operator()(Value* value) const {
        ZCOMET_ASSERT(FromText{text}(value));
    }
};

/// Declares a row to CLI11.
struct Declare {
    CLI::App& app;
    const std::string& name;
    const std::string& help;

    CLI::Option* operator()(bool* value) const { return app.add_flag(name, *value, help); }
    CLI::Option* operator()(const OptionText& text) const {
        return app.add_option_function<std::string>(name, text.set, help)
            ->type_name(text.type)
            ->check(CLI::Validator(text.check, ""));
    }
    CLI::Option* operator()(std::optional<std::uint32_t>* value) const {
        return app.add_option_function<std::uint32_t>(
            name, [value](const std::uint32_t& number) { *value = number; }, help);
    }
    CLI::Option* operator()(std::vector<std::string>* values) const {
        CLI::Option* const option = app.add_option(name, *values, help);
        if (name.starts_with('-')) { // one value each time that it is given
            option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
        }
        return option;
    }
    template <typename Value> CLI::Option* operator()(Value* value) const {
        return app.add_option(name, *value, help);
    }
};

template <typename Unit, typename Value> OptionText whole_number_of(Value& value) {
    OptionText text;
    text.type = "UINT";
    text.check = [](const std::string& given) {
        std::uint32_t number = 0;
        return CLI::detail::lexical_cast(given, number) ? "" : in_quotes(given) + " is no number";
    };
    text.set = [&value](const std::string& given) {
        std::uint32_t number = 0;
        static_cast<void>(CLI::detail::lexical_cast(given, number));
        value = Unit(number);
    };
    text.get = [&value] { return std::to_string(std::chrono::duration_cast<Unit>(value).count()); };
    return text;
}

/// "liveness_ms" of "--liveness-ms": keys of log lines have no hyphens.
std::string log_key(std::string_view name) {
    std::string key(name.substr(std::min(name.find_first_not_of('-'), name.size())));
    std::replace(key.begin(), key.end(), '-', '_');
    return key;
}

} // namespace

OptionText in_milliseconds(Duration& value) {
    return whole_number_of<std::chrono::milliseconds>(value);
}

OptionText in_seconds(std::chrono::seconds& value) {
    return whole_number_of<std::chrono::seconds>(value);
}

OptionTable::Row::Row(CLI::App& app, const std::string& name, Target target,
                      const std::string& help)
    : app_(&app), option_(std::visit(Declare{app, name, help}, target)), name_(name),
      target_(std::move(target)), default_(text()) {}

OptionTable::Row& OptionTable::Row::type(const std::string& placeholder) {
    option_->type_name(placeholder);
    return *this;
}

template <typename T> OptionTable::Row& OptionTable::Row::range(T min, T max) {
    option_->check(CLI::Range(min, max));
    return *this;
}
template OptionTable::Row& OptionTable::Row::range(int, int);
template OptionTable::Row& OptionTable::Row::range(long, long);
template OptionTable::Row& OptionTable::Row::range(unsigned, unsigned);
template OptionTable::Row& OptionTable::Row::range(unsigned long, unsigned long);
template OptionTable::Row& OptionTable::Row::range(double, double);

OptionTable::Row& OptionTable::Row::positive() {
    option_->check(CLI::PositiveNumber);
    return *this;
}

OptionTable::Row&
OptionTable::Row::check(std::function<std::string(const std::string&)> complaint) {
    option_->check(CLI::Validator(std::move(complaint), ""));
    return *this;
}

OptionTable::Row& OptionTable::Row::one_of(std::vector<std::string> words) {
    option_->check(CLI::IsMember(std::move(words)));
    return *this;
}

OptionTable::Row& OptionTable::Row::show_default() {
    option_->default_str(default_);
    return *this;
}

OptionTable::Row& OptionTable::Row::required() {
    option_->required();
    return *this;
}

OptionTable::Row& OptionTable::Row::none(const std::string& text) {
    none_ = text;
    return *this;
}

OptionTable::Row& OptionTable::Row::needs(const std::string& name) {
    option_->needs(app_->get_option(name));
    return *this;
}

OptionTable::Row& OptionTable::Row::excludes(const std::string& name) {
    option_->excludes(app_->get_option(name));
    return *this;
}

OptionTable::Row& OptionTable::Row::hidden() {
    option_->group(""); // which --help leaves out
    hidden_ = true;
    return *this;
}

OptionTable::Row& OptionTable::Row::hand_on() {
    handed_on_ = true;
    return *this;
}

OptionTable::Row& OptionTable::Row::reloadable() {
    reloadable_ = true;
    return *this;
}

OptionTable::Row& OptionTable::Row::key(const std::string& name) {
    key_ = name;
    return *this;
}

OptionTable::Row& OptionTable::Row::secret() {
    ZCOMET_ASSERT(std::holds_alternative<std::string*>(target_));
    secret_ = true;
    return *this;
}

std::string OptionTable::Row::text() const {
    return std::visit(ToText{}, target_);
}

std::string OptionTable::Row::shown() const {
    const std::string value = text();
    return value == none_ ? "-" : log_value(value);
}

OptionTable::Row& OptionTable::add_to(CLI::App& command, const std::string& name, Target target,
                                      const std::string& help) {
    rows_.push_back(Row(command, name, std::move(target), help));
    return rows_.back();
}

const OptionTable::Row* OptionTable::find(std::string_view name) const {
    const auto row = std::find_if(rows_.begin(), rows_.end(),
                                  [name](const Row& one) { return one.name_ == name; });
    return row == rows_.end() ? nullptr : &*row;
}

bool OptionTable::given(std::string_view name) const {
    const Row* const row = find(name);
    ZCOMET_ASSERT(row != nullptr);
    return row->option_->count() > 0;
}

Status OptionTable::fill_in(const std::vector<Setting>& settings) const {
    for (const Setting& setting : settings) {
        const auto row = std::find_if(rows_.begin(), rows_.end(),
                                      [&](const Row& one) { return one.key_ == setting.key; });
        ZCOMET_ASSERT(row != rows_.end());
        const bool is_wanted = !setting.text.empty() && row->option_->count() == 0;
        if (is_wanted && !std::visit(FromText{setting.text}, row->target_)) {
            return Error{in_quotes(setting.text) + " cannot be the value of " + row->name_};
        }
    }
    return Done{};
}

std::vector<std::string> OptionTable::handed_on() const {
    std::vector<std::string> arguments;
    for (const Row& row : rows_) {
        const std::string text = row.text();
        if (!row.handed_on_ || row.secret_ || text == row.default_) {
            continue;
        }
        if (const auto* values = std::get_if<std::vector<std::string>*>(&row.target_)) {
            for (const std::string& value : **values) {
                arguments.push_back(row.name_ + "=" + value);
            }
            continue;
        }
        const bool is_flag = std::holds_alternative<bool*>(row.target_);
        arguments.push_back(is_flag ? row.name_ : row.name_ + "=" + text);
    }
    return arguments;
}

void OptionTable::note_settled() {
    for (Row& row : rows_) {
        row.settled_ = row.text();
    }
}

OptionTable::Changes OptionTable::take_changes(const OptionTable& again) {
    Changes changes;
    for (Row& row : rows_) {
        const Row* const fresh = again.find(row.name_);
        ZCOMET_ASSERT(fresh != nullptr);
        if (fresh->settled_ == row.settled_ || row.hidden_) {
            continue;
        }
        std::string& words = row.reloadable_ ? changes.taken : changes.not_taken;
        words.append(words.empty() ? "" : " ").append(log_key(row.name_));
        if (row.reloadable_) {
            row.settled_ = fresh->settled_;
            std::visit(Restore{row.settled_}, row.target_);
            words.append("=").append(row.shown());
        }
    }
    return changes;
}

/// NAME, zero byte, VALUE, zero byte, for each row of the kind that workers get.
std::string OptionTable::named_values(bool Row::*kind) const {
    std::string text;
    for (const Row& row : rows_) {
        if (row.*kind && (row.handed_on_ || row.secret_)) {
            text.append(row.name_).append(1, '\0').append(row.text()).append(1, '\0');
        }
    }
    return text;
}

Result<std::vector<std::pair<const OptionTable::Row*, std::string>>>
OptionTable::read_named_values(int fd, bool Row::*kind) const {
    std::string text(kNamedBytesMax, '\0');
    // From the beginning: workers share the position of the descriptor, so it may be anywhere.
    const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
    if (size < 0) {
        return Error{"the supervisor's values cannot be read"};
    }
    text.resize(static_cast<std::size_t>(size));
    std::vector<std::pair<const Row*, std::string>> values;
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::size_t name_end = rest.find('\0');
        const std::size_t value_end =
            name_end == std::string_view::npos ? name_end : rest.find('\0', name_end + 1);
        const Row* const row =
            value_end == std::string_view::npos ? nullptr : find(rest.substr(0, name_end));
        if (row == nullptr || !(row->*kind)) {
            return Error{"the supervisor's values are not those of this program"};
        }
        values.emplace_back(row, rest.substr(name_end + 1, value_end - name_end - 1));
        rest.remove_prefix(value_end + 1);
    }
    return values;
}

UniqueFd OptionTable::secrets() const {
    const std::string text = named_values(&Row::secret_);
    UniqueFd file(::memfd_create("zcomet-secrets", MFD_CLOEXEC));
    const auto size = static_cast<ssize_t>(text.size());
    if (!file.valid() || ::write(file.get(), text.data(), text.size()) != size) {
        throw std::system_error(errno, std::generic_category(), "memory for the workers' secrets");
    }
    return file;
}

Status OptionTable::take_secrets(int fd) {
    const auto values = read_named_values(fd, &Row::secret_);
    if (!values.ok()) {
        return values.error();
    }
    for (const auto& [row, text] : values.value()) {
        *std::get<std::string*>(row->target_) = text;
    }
    return Done{};
}

void OptionTable::write_for_workers(int fd) const {
    const std::string text = named_values(&Row::reloadable_);
    const auto size = static_cast<ssize_t>(text.size());
    if (::ftruncate(fd, size) != 0 || ::pwrite(fd, text.data(), text.size(), 0) != size) {
        throw std::system_error(errno, std::generic_category(), "memory for the workers' options");
    }
}

Status OptionTable::take_from_supervisor(int fd) const {
    const auto values = read_named_values(fd, &Row::reloadable_);
    if (!values.ok()) {
        return values.error();
    }
    for (const auto& [row, text] : values.value()) {
        std::visit(Restore{text}, row->target_);
    }
    return Done{};
}

std::string OptionTable::settings() const {
    std::string out;
    for (const Row& row : rows_) {
        const bool is_of_other_command = row.app_ != app_ && !row.app_->parsed();
        if (row.hidden_ || row.secret_ || is_of_other_command) {
            continue;
        }
        out.append(out.empty() ? "" : " ").append(log_key(row.name_)).append("=");
        out.append(row.shown());
    }
    return out;
}

void log_settings(const OptionTable& table) {
    spdlog::info("event=settings {}", table.settings());
}

} // namespace zcomet::program
