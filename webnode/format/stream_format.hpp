// What a stream says, in bytes: how it opens, how a message looks in it, how it ends. Everything
// else about streams is the same for all formats.
#pragma once

#include "topology/http/http_front.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace zcomet::webnode::format {

/// How the body of a stream's answer is framed.
enum class Framing : std::uint8_t {
    kBare,    ///< not at all: the end of the connection is the end of the body (HTTP/1.0)
    kChunked, ///< HTTP/1.1
};

/// What a format made of bytes that the browser sent on an open stream.
struct Input {
    /// Bytes that are done with. The rest comes again, with more behind it.
    std::size_t used = 0;
    /// The stream is over: it gets its farewell and is closed.
    bool ends = false;
};

/// Stateless: one object for each format, which serves all its streams.
/// Thread: any.
class StreamFormat {
  public:
    StreamFormat() = default;
    virtual ~StreamFormat() = default;
    StreamFormat(const StreamFormat&) = delete;
    StreamFormat& operator=(const StreamFormat&) = delete;

    /// A lower-case word, for options and logs.
    [[nodiscard]] virtual std::string_view name() const = 0;

    /// The head that opens a stream, or a refusal: then the reply's body is kWhole. A reply with
    /// kChunked makes a stream with chunked framing, one with kBare a stream without.
    [[nodiscard]] virtual http::Reply open(const http::Request& request) const = 0;
    /// What a stream begins with, behind the head.
    [[nodiscard]] virtual std::string_view greeting(Framing /*framing*/) const { return {}; }

    /// Puts into `shared`, in place of what is there, all of a message that its streams share.
    /// Called once for each message, however many streams show it.
    virtual void prepare(std::string_view text, std::string& shared) const = 0;
    /// Appends the stream's `number`-th message (from 1) to `out`.
    /// Cost: a copy of `shared`; no allocation unless `out` has to grow.
    virtual void append(std::string& out, std::string_view shared, std::uint32_t number,
                        Framing framing) const = 0;

    /// What a stream that we end ends with.
    [[nodiscard]] virtual std::string_view farewell(Framing framing) const = 0;
    /// What tells the browser that the stream lives when there is no message; empty if the format
    /// has nothing for that.
    [[nodiscard]] virtual std::string_view sign_of_life(Framing /*framing*/) const { return {}; }

    /// The browser sent `bytes`. What the format appends to `out` is written to the stream.
    [[nodiscard]] virtual Input on_input(std::string_view bytes, std::string& /*out*/) const {
        return {.used = bytes.size(), .ends = false};
    }
};

} // namespace zcomet::webnode::format
