#include "tools/ctl/send_words.hpp"

#include <CLI/CLI.hpp>

#include <cstddef>
#include <utility>

namespace zcomet::tools::ctl {

namespace {

constexpr const char* kSend = "send";
constexpr const char* kFromInput = "-";
constexpr const char* kEndOfOptions = "--";

/// Whether the word after `word` is its value.
bool takes_value(const CLI::App& app, const std::string& word) {
    const CLI::App& send = *app.get_subcommand(kSend);
    for (const CLI::App* const one : {&send, &app}) {
        if (const CLI::Option* const option = one->get_option_no_throw(word)) {
            return option->get_items_expected_min() > 0;
        }
    }
    return false; // it is not an option, or "--option=value"
}

/// The place of the word `index` (from 0) that is neither an option nor its value, or the size.
std::size_t place_of(const CLI::App& app, const std::vector<std::string>& arguments,
                     std::size_t index) {
    std::size_t place = 0;
    bool options_ended = false;
    for (; place < arguments.size(); ++place) {
        const std::string& word = arguments[place];
        if (!options_ended && word == kEndOfOptions) {
            options_ended = true;
        } else if (!options_ended && word.size() > 1 && word.front() == '-') {
            place += takes_value(app, word) ? 1U : 0U;
        } else if (index-- == 0) {
            break;
        }
    }
    return place;
}

} // namespace

SendWords find_message(const CLI::App& app, std::vector<std::string> arguments) {
    SendWords words;
    const std::size_t command = place_of(app, arguments, 0);
    const std::size_t id = place_of(app, arguments, 1);
    if (command >= arguments.size() || arguments[command] != kSend || id >= arguments.size()) {
        words.arguments = std::move(arguments);
        return words;
    }
    const auto after_id = arguments.begin() + static_cast<std::ptrdiff_t>(id) + 1;
    std::vector<std::string> message(after_id, arguments.end());
    words.arguments.assign(arguments.begin(), after_id);
    if (message.empty() ? arguments[id] == kFromInput
                        : message.size() == 1 && message.front() == kFromInput) {
        words.from_input = true;
        return words;
    }
    if (message.size() > 1 && message.front() == kEndOfOptions) {
        message.erase(message.begin());
    }
    if (!message.empty()) {
        words.arguments.emplace_back(kEndOfOptions);
        words.arguments.push_back(CLI::detail::join(message, " "));
    }
    return words;
}

} // namespace zcomet::tools::ctl
