#include "webnode/route/routes.hpp"

#include "webnode/route/comet.hpp"
#include "webnode/route/events.hpp"
#include "webnode/route/health.hpp"
#include "webnode/route/lines.hpp"

namespace zcomet::webnode::route {

/// A route is a file in this folder and a row here.
std::vector<request::Route> routes() {
    return {
        comet_route(),
        events_route(),
        lines_route(),
        alive_route(),
        ready_route(),
    };
}

} // namespace zcomet::webnode::route
