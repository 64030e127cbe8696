// Makes text from outside safe inside an HTML page.
#pragma once

#include <string>
#include <string_view>

namespace zcomet::webnode::format {

/// Appends `text` to `out` so that HTML content and quoted attributes show it unchanged: & < > " '
/// become character references. Control characters other than tab, LF and CR become U+FFFD, the
/// replacement character: HTML does not allow them, and they could steer the terminal of someone
/// who reads the stream with curl. All other bytes stay, UTF-8 or not: a browser shows broken UTF-8
/// as U+FFFD itself.
/// Thread: any.   Cost: O(size); allocates only as `out` grows.
void append_html_escaped(std::string& out, std::string_view text);

} // namespace zcomet::webnode::format
