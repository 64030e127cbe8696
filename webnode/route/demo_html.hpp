// The text of demo.html, which the build puts into the program.
#pragma once

#include <string_view>

namespace zcomet::webnode::route {

/// With {{nonce}}, {{api}} and {{send}} where demo_route() puts something.
extern const std::string_view kDemoHtml;

} // namespace zcomet::webnode::route
