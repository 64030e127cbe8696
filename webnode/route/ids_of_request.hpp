// The ids that a request for a stream names.
#pragma once

#include "topology/http/http_front.hpp"
#include "topology/wire/owned_ids.hpp"

#include <string>

namespace zcomet::webnode::route {

struct IdsOfRequest {
    wire::OwnedIds ids;
    std::string mistake{}; ///< a sentence; empty: these are 1 to stream::kIdsOfStreamMax valid ids
};

/// The id that stands for the "*" of the route's path.
[[nodiscard]] IdsOfRequest id_in_path(const http::Request& request);

/// The values of the query's parameters "id". An id that comes twice counts once.
[[nodiscard]] IdsOfRequest ids_in_query(const http::Request& request);

} // namespace zcomet::webnode::route
