#include "webnode/route/json_parts.hpp"

#include "topology/base/check.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>

namespace zcomet::webnode::route {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF"; // which the library takes as a blank

std::string_view without_blanks_around(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

/// @param at  of the string's first quotation mark.   @return after its last one.
std::size_t string_end(std::string_view json, std::size_t at) {
    for (++at; at < json.size() && json[at] != '"'; ++at) {
        at += json[at] == '\\' ? 1 : 0;
    }
    return std::min(at + 1, json.size());
}

/// @return where the comma, or the bracket, stands that ends the value or the member at `at`.
std::size_t part_end(std::string_view json, std::size_t at) {
    std::size_t depth = 0;
    while (at < json.size()) {
        const char c = json[at];
        if (c == '"') {
            at = string_end(json, at);
            continue;
        }
        const bool closes = c == ']' || c == '}';
        if (depth == 0 && (closes || c == ',')) {
            break;
        }
        depth += c == '[' || c == '{' ? 1 : 0;
        depth -= closes ? 1 : 0;
        ++at;
    }
    return at;
}

template <typename Visit> void for_each_part(std::string_view container, Visit&& visit) {
    std::size_t at = 1; // after the bracket
    while (at < container.size()) {
        const std::size_t end = part_end(container, at);
        const std::string_view part = without_blanks_around(container.substr(at, end - at));
        if (part.empty() || !visit(part)) { // the container is empty
            return;
        }
        at = end + 1;
    }
}

} // namespace

bool cut_to_json(std::string_view& text) {
    // The library takes a NUL for the end of its input, whatever follows.
    if (text.find('\0') != std::string_view::npos || !nlohmann::json::accept(text)) {
        return false;
    }
    if (text.starts_with(kByteOrderMark)) {
        text.remove_prefix(kByteOrderMark.size());
    }
    text = without_blanks_around(text);
    return true;
}

void for_each_value(std::string_view list, const std::function<bool(std::string_view)>& visit) {
    ZCOMET_ASSERT(list.starts_with('['));
    for_each_part(list, visit);
}

void for_each_member(std::string_view object,
                     const std::function<void(const std::string& name, std::string_view)>& visit) {
    ZCOMET_ASSERT(object.starts_with('{'));
    for_each_part(object, [&visit](std::string_view member) {
        const std::size_t name_end = string_end(member, 0);
        const std::size_t colon = member.find(':', name_end);
        visit(text_of(member.substr(0, name_end)), without_blanks_around(member.substr(colon + 1)));
        return true;
    });
}

std::string text_of(std::string_view quoted) {
    return nlohmann::json::parse(quoted).get<std::string>();
}

std::string without_blanks(std::string_view json) {
    std::string text;
    text.reserve(json.size());
    for (std::size_t at = 0; at < json.size();) {
        const std::size_t end = json[at] == '"' ? string_end(json, at) : at + 1;
        if (kBlanks.find(json[at]) == std::string_view::npos) {
            text.append(json.substr(at, end - at));
        }
        at = end;
    }
    return text;
}

} // namespace zcomet::webnode::route
