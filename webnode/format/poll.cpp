#include "webnode/format/poll.hpp"

#include "webnode/format/json_text.hpp"

namespace zcomet::webnode::format {

namespace {

class Poll final : public StreamFormat {
  public:
    [[nodiscard]] std::string_view name() const override { return "poll"; }

    /// The head of an answer with messages; a poll has none before.
    [[nodiscard]] http::Reply open(const http::Request& /*request*/) const override {
        return poll_reply("", {});
    }

    void prepare(const Message& message, std::string& shared) const override {
        shared.clear();
        append_message_object(shared, message);
    }

    void append(std::string& out, std::string_view shared, std::uint32_t /*number*/,
                Framing /*framing*/) const override {
        separate(out);
        out.append(shared);
    }

    void append_gap(std::string& out, const Gap& gap, Framing /*framing*/) const override {
        separate(out);
        append_gap_object(out, gap);
    }

    [[nodiscard]] bool has_position() const override { return true; }

    [[nodiscard]] std::string_view farewell(Framing /*framing*/) const override { return {}; }

    /// The next request, before the answer to this one. Answers come in order, and nothing keeps
    /// requests while a stream is open: the poll ends, and its connection.
    [[nodiscard]] Input on_input(std::string_view bytes, std::string& /*out*/) const override {
        return {.used = bytes.size(), .ends = true, .is_unwanted = true};
    }

  private:
    static void separate(std::string& items) {
        if (!items.empty()) {
            items.push_back(',');
        }
    }
};

} // namespace

const StreamFormat& poll_format() {
    static const Poll format;
    return format;
}

http::Reply poll_reply(const std::string& items, const history::Cursor& cursor) {
    http::Reply reply;
    reply.status = items.empty() ? 204 : 200;
    reply.type = "application/json";
    reply.headers.push_back({"Cache-Control", "no-store"});
    if (cursor.epoch != 0) {
        reply.headers.push_back({kCursorHeader, history::text_of(cursor)});
    }
    if (!items.empty()) {
        reply.text = "{\"messages\":[" + items + "]";
        append_cursor_member(reply.text, cursor);
        reply.text.append("}\n");
    }
    return reply;
}

} // namespace zcomet::webnode::format
