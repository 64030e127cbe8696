// What browsers say on open streams. Their formats hear it; what no format has used yet is kept.
#pragma once

#include "webnode/connection/connection_table.hpp"
#include "webnode/layer/unfinished.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace zcomet::webnode::request {

/// Thread: the worker's loop only.
class StreamInput {
  public:
    /// @param sum  of what is kept; lives longer than this.
    explicit StreamInput(layer::UnfinishedBytes& sum) : kept_(sum) {}

    enum class After : std::uint8_t {
        kOpen,
        kEnds,    ///< `answer` is to be written, and then the stream's end
        kTooMuch, ///< the stream has sent too much that nobody wants: it is to be ended
    };
    struct Heard {
        After after = After::kOpen;
        std::string answer{};       ///< what the format says to it; mostly empty
        std::size_t kept_bytes = 0; ///< memory of what is kept now
    };
    /// @param bytes  what the browser has said after all that was heard before.
    [[nodiscard]] Heard hear(connection::Handle handle, const connection::Connection& stream,
                             std::string_view bytes);
    /// The stream is closed.
    void forget(connection::Handle handle) { kept_.forget(handle); }

  private:
    layer::StreamInputs kept_;
};

} // namespace zcomet::webnode::request
