// Text from outside, made safe to stand in an HTML page.
#pragma once

#include <string>
#include <string_view>

namespace zcomet::webnode::format {

/// Appends `text` to `out` so that it shows as it is in HTML content and within quoted attributes:
/// & < > " ' become character references. Control characters other than tab, LF and CR, which HTML
/// does not allow and which could steer the terminal of someone who reads the stream with curl,
/// become U+FFFD, the replacement character. All other bytes stay, UTF-8 or not: a browser shows
/// broken UTF-8 as U+FFFD itself.
/// Thread: any.   Cost: O(size); allocates only as `out` grows.
void append_html_escaped(std::string& out, std::string_view text);

} // namespace zcomet::webnode::format
