#include "tools/logs/message_log.hpp"

#include "topology/wire/id.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <limits>

namespace zcomet::tools::logs {

namespace {

constexpr std::string_view kNoSender = "-";
constexpr std::string_view kVoid = "void";
constexpr std::string_view kUnconfirmed = "unconfirmed";
constexpr std::size_t kFieldsMax = 7;

/// A line cut at its tabs.
class Fields {
  public:
    explicit Fields(std::string_view line) {
        for (std::size_t tab = 0; tab != std::string_view::npos && count_ <= kFieldsMax; ++count_) {
            tab = line.find('\t');
            if (count_ < kFieldsMax) {
                fields_[count_] = line.substr(0, tab);
            }
            line.remove_prefix(tab == std::string_view::npos ? line.size() : tab + 1);
        }
    }
    [[nodiscard]] bool are(std::string_view kind, std::size_t count) const {
        return count_ == count && fields_[0] == kind;
    }
    [[nodiscard]] std::string_view operator[](std::size_t index) const { return fields_[index]; }

    /// A field as a number, all of it. Sets `ok` to false if it is not a number.
    template <typename Number = std::uint64_t>
    [[nodiscard]] Number number(std::size_t index, bool& ok) const {
        const std::string_view text = fields_[index];
        Number value = 0;
        const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
        ok = ok && status == std::errc{} && end == text.data() + text.size();
        return value;
    }

  private:
    std::array<std::string_view, kFieldsMax> fields_;
    std::size_t count_ = 0; // one more than there may be: too many
};

void read_fate(const Fields& fields, std::size_t index, SentLine& line, bool& ok) {
    if (fields[index] == kVoid) {
        line.fate = Fate::kVoid;
    } else if (fields[index] == kUnconfirmed) {
        line.fate = Fate::kUnconfirmed;
    } else {
        line.nodes = fields.number<std::uint32_t>(index, ok);
        ok = ok && line.nodes > 0;
    }
}

} // namespace

std::string_view name_of(Fate fate) {
    switch (fate) {
    case Fate::kVoid:
        return kVoid;
    case Fate::kUnconfirmed:
        return kUnconfirmed;
    case Fate::kHeld:
        break;
    }
    return "held";
}

void append_line(std::string& out, const SentLine& line) {
    fmt::format_to(std::back_inserter(out), "sent\t{}\t{}\t{}\t{}\t{}\t", line.sender, line.number,
                   line.id, line.time_ns, line.generator);
    if (line.fate == Fate::kHeld) {
        fmt::format_to(std::back_inserter(out), "{}\n", line.nodes);
    } else {
        out.append(name_of(line.fate)).append("\n");
    }
}

void append_line(std::string& out, const StreamLine& line) {
    constexpr std::array<std::string_view, 4> kKinds{"open", "got", "gap", "close"};
    fmt::format_to(std::back_inserter(out), "{}\t{}\t{}\t{}",
                   kKinds[static_cast<std::size_t>(line.what)], line.stream, line.id, line.time_ns);
    if (line.what == StreamLine::What::kGot) {
        fmt::format_to(std::back_inserter(out), "\t{}\t{}\t{}", line.number_on_stream,
                       line.sender.empty() ? kNoSender : line.sender, line.number);
    }
    out.append("\n");
}

std::optional<SentLine> parse_sent_line(std::string_view text) {
    const Fields fields(text);
    if (!fields.are("sent", 7)) {
        return std::nullopt;
    }
    bool ok = wire::valid_id(fields[1]) && wire::valid_id(fields[3]);
    SentLine line;
    line.sender = fields[1];
    line.number = fields.number(2, ok);
    line.id = fields[3];
    line.time_ns = fields.number(4, ok);
    line.generator = fields.number<std::uint32_t>(5, ok);
    read_fate(fields, 6, line, ok);
    return ok ? std::optional(line) : std::nullopt;
}

std::optional<StreamLine> parse_stream_line(std::string_view text) {
    using What = StreamLine::What;
    const Fields fields(text);
    StreamLine line;
    if (fields.are("got", 7)) {
        line.what = What::kGot;
    } else if (fields.are("gap", 4)) {
        line.what = What::kGap;
    } else if (fields.are("close", 4)) {
        line.what = What::kClose;
    } else if (!fields.are("open", 4)) {
        return std::nullopt;
    }
    bool ok = wire::valid_id(fields[2]);
    line.stream = fields.number(1, ok);
    line.id = fields[2];
    line.time_ns = fields.number(3, ok);
    if (line.what == What::kGot) {
        const bool is_tagged = fields[5] != kNoSender;
        line.number_on_stream = fields.number<std::uint32_t>(4, ok);
        line.sender = is_tagged ? fields[5] : std::string_view();
        line.number = fields.number(6, ok);
        ok = ok && (!is_tagged || wire::valid_id(line.sender));
    }
    return ok ? std::optional(line) : std::nullopt;
}

} // namespace zcomet::tools::logs
