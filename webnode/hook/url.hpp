// The address of a hook: "http://HOST[:PORT][/PATH][?QUERY]".
#pragma once

#include "topology/base/result.hpp"
#include "topology/wire/endpoint.hpp"

#include <string>
#include <string_view>

namespace zcomet::webnode::hook {

struct Url {
    wire::HostPort where;
    std::string authority; ///< the value of Host
    std::string target;    ///< of the request line: "/PATH?QUERY"
};

/// Errors: it is none; https, which this release does not speak; a name and a password in it.
[[nodiscard]] Result<Url> read_url(std::string_view text);

} // namespace zcomet::webnode::hook
