#include "webnode/request/stream_input.hpp"

#include "webnode/format/formats.hpp"

namespace zcomet::webnode::request {

namespace {

/// How much of a browser's input a format may leave unused: a frame with the longest message fits.
/// @limit bytes of a stream's input that its format has not used yet
constexpr std::size_t kStreamInputBytesMax = 131'072;

} // namespace

StreamInput::Heard StreamInput::hear(connection::Handle handle,
                                     const connection::Connection& stream, std::string_view bytes) {
    std::string earlier = kept_.take(handle);
    if (!earlier.empty()) {
        earlier.append(bytes);
        bytes = earlier;
    }
    const format::Form form = format::Form::unpack(stream.form());
    Heard heard;
    const format::Input input = format::format_at(form.format).on_input(bytes, heard.answer);
    if (input.is_unwanted && !kept_.tolerates(handle, input.used)) {
        heard.after = After::kTooMuch;
        return heard;
    }
    bytes.remove_prefix(input.used);
    if (input.ends || bytes.size() > kStreamInputBytesMax) {
        heard.after = After::kEnds;
    } else if (!bytes.empty()) {
        heard.kept_bytes = kept_.keep(handle, std::string(bytes));
    }
    return heard;
}

} // namespace zcomet::webnode::request
