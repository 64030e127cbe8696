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
        shared.clear();
        append_message_object(shared, message);
        shared.push_back('\n');
        make_chunk(shared);
    }

    void append_gap(std::string& out, const Gap& gap, Framing framing) const override {
        std::string line;
        append_gap_object(line, gap);
        line.push_back('\n');
        append_framed(out, line, framing);
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
