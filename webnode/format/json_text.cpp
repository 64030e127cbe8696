#include "webnode/format/json_text.hpp"

#include <nlohmann/json.hpp>

namespace zcomet::webnode::format {

void append_json_text(std::string& out, std::string_view text) {
    out.append(nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::string gap_json(const Gap& gap) {
    std::string json = "{\"ids\":[";
    for (const std::string_view id : gap.ids) {
        append_json_text(json, id);
        json.push_back(',');
    }
    json.back() = ']';
    json.append(",\"reason\":");
    append_json_text(json, gap.reason);
    json.append("}");
    return json;
}

void append_message_object(std::string& out, const Message& message) {
    out.append("{\"id\":");
    append_json_text(out, message.id);
    if (!message.event.empty()) {
        out.append(",\"event\":");
        append_json_text(out, message.event);
    }
    out.append(",\"data\":");
    append_json_text(out, message.text);
    append_cursor_member(out, message.cursor);
    out.push_back('}');
}

void append_gap_object(std::string& out, const Gap& gap) {
    out.append("{\"gap\":").append(gap_json(gap));
    append_cursor_member(out, gap.cursor);
    out.push_back('}');
}

void append_cursor_member(std::string& out, const history::Cursor& cursor) {
    if (cursor.epoch != 0) {
        out.append(",\"cursor\":\"");
        history::append_cursor(out, cursor);
        out.append("\"");
    }
}

} // namespace zcomet::webnode::format
