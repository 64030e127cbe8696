#include "webnode/route/events.hpp"

#include "webnode/format/events.hpp"
#include "webnode/route/open_stream.hpp"

namespace zcomet::webnode::route {

request::Route events_route() {
    return stream_route("/events/*", format::events_format());
}

request::Route events_of_several_route() {
    return several_ids_route("/events", format::events_format());
}

} // namespace zcomet::webnode::route
