#include "webnode/route/ids_of_request.hpp"

#include "topology/wire/id.hpp"
#include "webnode/stream/stream_table.hpp"

#include <absl/container/flat_hash_set.h>

#include <string_view>
#include <vector>

namespace zcomet::webnode::route {

IdsOfRequest id_in_path(const http::Request& request) {
    if (!wire::valid_id(request.rest)) {
        return {.ids = {}, .mistake = wire::why_invalid_id(request.rest)};
    }
    return {.ids = wire::OwnedIds(request.rest)};
}

IdsOfRequest ids_in_query(const http::Request& request) {
    const std::vector<std::string> values = request.parameters("id");
    absl::flat_hash_set<std::string_view> seen;
    IdsOfRequest found;
    for (const std::string& id : values) {
        if (!wire::valid_id(id)) {
            return {.ids = {}, .mistake = wire::why_invalid_id(id)};
        }
        if (seen.insert(id).second) {
            found.ids.add(id);
        }
    }
    if (found.ids.count() == 0 || found.ids.count() > stream::kIdsOfStreamMax) {
        found.mistake = "1 to " + std::to_string(stream::kIdsOfStreamMax) +
                        " ids are wanted, as in " + std::string(request.path) + "?id=a&id=b";
    }
    return found;
}

} // namespace zcomet::webnode::route
