#include "webnode/format/lines.hpp"

#include "webnode/format/json_text.hpp"
#include "webnode/format/unnumbered_format.hpp"

namespace zcomet::webnode::format {

namespace {

class Lines final : public UnnumberedFormat {
  public:
    Lines() : UnnumberedFormat("application/x-ndjson") {}

    [[nodiscard]] std::string_view name() const override { return "lines"; }

    void prepare(const Message& message, std::string& shared) const override {
        shared.assign("{\"id\":");
        append_json_text(shared, message.id);
        if (!message.event.empty()) {
            shared.append(",\"event\":");
            append_json_text(shared, message.event);
        }
        shared.append(",\"data\":");
        append_json_text(shared, message.text);
        append_cursor_member(shared, message.cursor);
        shared.append("}\n");
        make_chunk(shared);
    }

    void append_gap(std::string& out, const Gap& gap, Framing framing) const override {
        std::string line = "{\"gap\":" + gap_json(gap);
        append_cursor_member(line, gap.cursor);
        append_framed(out, line + "}\n", framing);
    }

    [[nodiscard]] std::string_view sign_of_life(Framing framing) const override {
        return framing == Framing::kChunked ? "1\r\n\n\r\n" : "\n";
    }
};

} // namespace

const StreamFormat& lines_format() {
    static const Lines format;
    return format;
}

} // namespace zcomet::webnode::format
