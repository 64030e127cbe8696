#include "webnode/format/events.hpp"

#include "topology/base/time.hpp"
#include "webnode/format/json_text.hpp"
#include "webnode/format/unnumbered_format.hpp"

#include <algorithm>
#include <chrono>

namespace zcomet::webnode::format {

namespace {

constexpr std::string_view kType = "text/event-stream";

/// A browser that lost its stream comes back after this at the earliest, and after twice this at
/// the latest.
/// @limit least time after which an EventSource comes back
constexpr std::chrono::milliseconds kRetryMin = 1500ms;
/// The same where it is moved to another node, which is there. They are moved at an even pace.
/// @limit least time after which an EventSource that is moved comes back
constexpr std::chrono::milliseconds kRetryOfMoveMin = 500ms;

/// Appends a "data:" line for each line of `text`: CR, LF and CR LF end one.
void append_data(std::string& out, std::string_view text) {
    while (true) {
        // find_first_of() would search its two characters for each byte, which took a third of a
        // microsecond for a message of a hundred bytes.
        const auto* const line_end =
            std::find_if(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n'; });
        const auto end = static_cast<std::size_t>(line_end - text.begin());
        out.append("data: ").append(text.substr(0, end)).append("\n");
        if (end == text.size()) {
            return;
        }
        text.remove_prefix(end + (text.substr(end, 2) == "\r\n" ? 2 : 1));
    }
}

/// The browser sends the id of the last event when it comes back.
void append_id(std::string& out, const history::Cursor& cursor) {
    if (cursor.epoch != 0) {
        out.append("id: ");
        history::append_cursor(out, cursor);
        out.append("\n");
    }
}

/// Says when to come back. The line counts at once. No empty line follows it: a client such as
/// fetch-event-source would take that for the end of an event, and show an empty one.
std::string retry(std::uint32_t random, std::chrono::milliseconds least = kRetryMin) {
    const auto spread = static_cast<std::uint32_t>(least.count());
    return "retry: " + std::to_string(spread + random % spread) + "\n";
}

class Events final : public UnnumberedFormat {
  public:
    Events() : UnnumberedFormat(kType) {}

    [[nodiscard]] std::string_view name() const override { return "events"; }

    /// An EventSource never comes back after any status but 200 (and HTTP errors are all the same
    /// to the page): it gets a stream that ends at once. Other clients get the error.
    [[nodiscard]] http::Reply turn_away(const http::Request& request, std::uint32_t random,
                                        http::Reply busy) const override {
        if (request.header("Accept").find(kType) == std::string_view::npos) {
            return busy;
        }
        http::Reply reply;
        reply.type = kType;
        reply.headers = {{"Cache-Control", "no-store"}};
        reply.text = retry(random);
        return reply;
    }

    void greet(const http::Request& /*request*/, Framing framing, std::uint32_t random,
               std::string& out) const override {
        append_framed(out, retry(random), framing);
    }

    void prepare(const Message& message, std::string& shared) const override {
        shared.clear();
        if (!message.event.empty()) {
            shared.append("event: ").append(message.event).append("\n");
        }
        append_id(shared, message.cursor);
        append_data(shared, message.text);
        shared.append("\n");
        make_chunk(shared);
    }

    void append_gap(std::string& out, const Gap& gap, Framing framing) const override {
        std::string block = "event: gap\n";
        append_id(block, gap.cursor);
        block.append("data: ").append(gap_json(gap)).append("\n\n");
        append_framed(out, block, framing);
    }

    [[nodiscard]] bool has_position() const override { return true; }
    /// Of a name of its own, so that no onmessage is called: of a block without data some clients
    /// lose the id.
    void append_position(std::string& out, const history::Cursor& cursor,
                         Framing framing) const override {
        std::string block = "event: position\n";
        append_id(block, cursor);
        block.append("data: {}\n\n");
        append_framed(out, block, framing);
    }

    void append_come_back(std::string& out, std::uint32_t random, Framing framing) const override {
        append_framed(out, retry(random), framing);
    }

    void append_move(std::string& out, std::uint32_t random, Framing framing) const override {
        append_framed(out, retry(random, kRetryOfMoveMin), framing);
    }

    [[nodiscard]] std::string_view sign_of_life(Framing framing) const override {
        return framing == Framing::kChunked ? "2\r\n:\n\r\n" : ":\n";
    }
};

} // namespace

const StreamFormat& events_format() {
    static const Events format;
    return format;
}

} // namespace zcomet::webnode::format
