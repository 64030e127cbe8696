#include "webnode/format/json_text.hpp"

#include <nlohmann/json.hpp>

namespace zcomet::webnode::format {

void append_json_text(std::string& out, std::string_view text) {
    out.append(nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::string gap_json(std::string_view id) {
    std::string json = "{\"ids\":[";
    append_json_text(json, id);
    json.append("],\"reason\":\"cut-off\"}");
    return json;
}

} // namespace zcomet::webnode::format
