#include "topology/program/config_file.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <sstream>

namespace zcomet::program {

namespace {

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";
constexpr std::string_view kBlanks = " \t\r";

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) {
        return {};
    }
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::map<std::string, std::size_t> lines_of_names(const std::string& text) {
    std::map<std::string, std::size_t> lines;
    std::istringstream stream(text);
    std::string section;
    std::string line;
    for (std::size_t number = 1; std::getline(stream, line); ++number) {
        const std::string_view words = trimmed(line);
        if (words.starts_with('[')) {
            section = std::string(trimmed(words.substr(1, words.find(']') - 1))).append(".");
            lines.emplace(section + std::string(ConfigFile::kSectionBegin), number);
        } else if (!words.empty() && words.front() != '#' && words.front() != ';') {
            lines.emplace(section + std::string(trimmed(words.substr(0, words.find('=')))), number);
        }
    }
    return lines;
}

bool is_of_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-';
}

} // namespace

std::vector<CLI::ConfigItem> ConfigFile::from_config(std::istream& input) const {
    std::string text{std::istreambuf_iterator<char>(input), std::istreambuf_iterator<char>()};
    if (text.starts_with(kUtf8Mark)) {
        text.erase(0, kUtf8Mark.size());
    }
    lines_ = lines_of_names(text);
    std::erase_if(lines_, [this](const auto& line) {
        const CLI::Option* const option = app_.get_option_no_throw("--" + line.first);
        return option != nullptr && option->count() > 0;
    });
    std::istringstream stream(text);
    return CLI::ConfigBase::from_config(stream);
}

std::size_t ConfigFile::line_of(const std::string& name) const {
    const auto found = lines_.find(name);
    return found == lines_.end() ? 0 : found->second;
}

std::string ConfigFile::option_in(std::string_view text) const {
    for (std::size_t at = text.find("--"); at != std::string_view::npos; at = text.find("--", at)) {
        at += 2;
        const auto* const begin = text.begin() + at;
        std::string name(begin, std::find_if_not(begin, text.end(), is_of_name));
        if (lines_.contains(name)) {
            return name;
        }
    }
    return {};
}

} // namespace zcomet::program
