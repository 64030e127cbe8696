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

void append_cursor_member(std::string& out, const history::Cursor& cursor) {
    if (cursor.epoch != 0) {
        out.append(",\"cursor\":\"");
        history::append_cursor(out, cursor);
        out.append("\"");
    }
}

} // namespace zcomet::webnode::format
