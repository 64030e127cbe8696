#include "webnode/route/routes.hpp"

#include "webnode/route/comet.hpp"
#include "webnode/route/demo.hpp"
#include "webnode/route/events.hpp"
#include "webnode/route/grip.hpp"
#include "webnode/route/health.hpp"
#include "webnode/route/history.hpp"
#include "webnode/route/lines.hpp"
#include "webnode/route/mercure.hpp"
#include "webnode/route/poll.hpp"
#include "webnode/route/send.hpp"
#include "webnode/route/who.hpp"

namespace zcomet::webnode::route {

// A route is a file in this folder and a row here.

std::vector<request::Route> routes(const std::optional<Demo>& demo) {
    std::vector<request::Route> routes{
        comet_route(),
        events_route(),
        events_of_several_route(),
        lines_route(),
        lines_of_several_route(),
        poll_route(),
        poll_of_several_route(),
        mercure_subscribe_route(),
        alive_route(),
        ready_route(),
    };
    if (demo) {
        routes.push_back(demo_route(*demo));
    }
    return routes;
}

std::vector<request::Route> api_routes(publish::Publisher& publisher, ask::Who& who,
                                       ask::Replays& replays) {
    return {
        send_route(publisher),
        send_many_route(publisher),
        grip_route(publisher, "/publish/"),
        grip_route(publisher, "/publish"),
        mercure_publish_route(publisher),
        who_route(who),
        history_route(replays),
        alive_route(),
        ready_route(),
    };
}

} // namespace zcomet::webnode::route
