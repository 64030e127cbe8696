#include "topology/auth/json_object.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace zcomet::auth {

namespace {

/// @return the most brackets around each other, those in strings not counted. The text need not be
/// JSON.
std::size_t depth_of(std::string_view text) {
    std::size_t depth = 0;
    std::size_t most = 0;
    bool in_string = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '"') {
            in_string = !in_string;
        } else if (in_string) {
            at += c == '\\' ? 1 : 0;
        } else if (c == '[' || c == '{') {
            most = std::max(most, ++depth);
        } else if (c == ']' || c == '}') {
            depth -= depth > 0 ? 1 : 0;
        }
    }
    return most;
}

} // namespace

bool read_object(std::string_view text, nlohmann::json& out) {
    if (depth_of(text) > kJsonDepthMax) {
        return false;
    }
    std::set<std::string> names;
    bool has_one_twice = false;
    const auto look = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& part) {
        if (depth == 1 && event == nlohmann::json::parse_event_t::key) {
            has_one_twice = !names.insert(part.get<std::string>()).second || has_one_twice;
        }
        return true;
    };
    out = nlohmann::json::parse(text, look, false);
    return out.is_object() && !has_one_twice;
}

std::string text_member(const nlohmann::json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

} // namespace zcomet::auth
