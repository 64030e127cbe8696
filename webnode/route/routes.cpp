#include "webnode/route/routes.hpp"

#include "webnode/route/comet.hpp"

namespace zcomet::webnode::route {

/// A route is a file in this folder and a row here.
std::vector<request::Route> routes() {
    return {
        comet_route(),
    };
}

} // namespace zcomet::webnode::route
