// The bytes of a stream: its opening, the form of a message, its end. Everything else about streams
// is the same for all formats.
#pragma once

#include "topology/history/cursor.hpp"
#include "topology/http/http_front.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace zcomet::webnode::format {

/// How the body of a stream's answer is framed.
enum class Framing : std::uint8_t {
    kBare,    ///< unframed: the body ends with the connection (HTTP/1.0)
    kChunked, ///< HTTP/1.1
};

/// A message, as formats see it. Borrowed for the call.
struct Message {
    std::string_view id;
    std::string_view text;
    std::string_view event = {};      ///< its name, a line; empty: none
    std::string_view attributes = {}; ///< as the sender gave them, the event among them
    history::Cursor cursor = {};      ///< where a client goes on after it; epoch 0: it has none
    std::uint64_t number = 0;         ///< StreamTable::number_messages()
};

/// Messages that a stream has missed. Borrowed for the call.
struct Gap {
    std::span<const std::string_view> ids; ///< that it may concern, of those of the stream
    std::string_view reason;               ///< a word: history::name_of()
    history::Cursor cursor = {};           ///< where the stream goes on; epoch 0: not known
};

/// What a format did with bytes that the browser sent on an open stream.
struct Input {
    /// Bytes that were used. The rest is passed again, together with the bytes that follow.
    std::size_t used = 0;
    /// The stream ends: it gets its farewell and is closed.
    bool ends = false;
    /// The format has no use for them: a stream that sends much of this ends.
    bool is_unwanted = false;
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
    /// kChunked makes a stream with chunked framing, one with kBare a stream without framing.
    [[nodiscard]] virtual http::Reply open(const http::Request& request) const = 0;
    /// The answer to a request for a stream while the node takes none.
    /// @param busy    503, with the reason and the time after which to try again.
    /// @param random  as for greet().
    [[nodiscard]] virtual http::Reply turn_away(const http::Request& /*request*/,
                                                std::uint32_t /*random*/, http::Reply busy) const {
        return busy;
    }
    /// Appends the first bytes of a stream, after the head.
    /// @param random  any number: formats that ask browsers to come back later spread them by it.
    virtual void greet(const http::Request& /*request*/, Framing /*framing*/,
                       std::uint32_t /*random*/, std::string& /*out*/) const {}

    /// Replaces `shared` by the part of a message that is the same for all its streams. Called once
    /// for each message, however many streams show it.
    virtual void prepare(const Message& message, std::string& shared) const = 0;
    /// Appends the stream's `number`-th message (from 1) to `out`.
    /// Cost: a copy of `shared`; no allocation unless `out` has to grow.
    virtual void append(std::string& out, std::string_view shared, std::uint32_t number,
                        Framing framing) const = 0;

    /// Appends words that tell the browser that it missed messages. The numbers of messages go on.
    virtual void append_gap(std::string& out, const Gap& gap, Framing framing) const = 0;
    /// Whether a stream is told its cursor before its first message, by append_position().
    [[nodiscard]] virtual bool has_position() const { return false; }
    virtual void append_position(std::string& /*out*/, const history::Cursor& /*cursor*/,
                                 Framing /*framing*/) const {}
    /// The last bytes of a stream that the worker ends. The end of a chunked answer tells the
    /// browser that it was not cut off.
    [[nodiscard]] virtual std::string_view farewell(Framing framing) const {
        return framing == Framing::kChunked ? "0\r\n\r\n" : std::string_view();
    }
    /// Appends what a client is told before the farewell of a stream that ends in order to be
    /// opened again: its token has expired.
    /// @param random  as for greet().
    virtual void append_come_back(std::string& /*out*/, std::uint32_t /*random*/,
                                  Framing /*framing*/) const {}
    /// The same for a stream that ends since its node does: another one takes it at once.
    virtual void append_move(std::string& /*out*/, std::uint32_t /*random*/,
                             Framing /*framing*/) const {}
    /// Tells the browser that the stream is alive when there is no message; empty if the format has
    /// nothing for that.
    [[nodiscard]] virtual std::string_view sign_of_life(Framing /*framing*/) const { return {}; }

    /// The browser sent `bytes`. Bytes that the format appends to `out` are written to the stream.
    [[nodiscard]] virtual Input on_input(std::string_view bytes, std::string& /*out*/) const {
        return {.used = bytes.size(), .ends = false, .is_unwanted = true};
    }
};

} // namespace zcomet::webnode::format
