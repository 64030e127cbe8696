#include "webnode/route/lines.hpp"

#include "webnode/format/lines.hpp"
#include "webnode/route/open_stream.hpp"

namespace zcomet::webnode::route {

request::Route lines_route() {
    return stream_route("/lines/*", format::lines_format());
}

request::Route lines_of_several_route() {
    return several_ids_route("/lines", format::lines_format());
}

} // namespace zcomet::webnode::route
