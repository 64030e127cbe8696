#include "webnode/route/comet.hpp"

#include "webnode/format/comet.hpp"
#include "webnode/route/open_stream.hpp"

namespace zcomet::webnode::route {

request::Route comet_route() {
    return stream_route("/test/*", format::comet_format());
}

} // namespace zcomet::webnode::route
