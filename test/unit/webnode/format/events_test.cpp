// Goal: what an EventSource reads by the rules of WHATWG HTML, "Server-sent events", is what was
// sent, for any text.
#include "webnode/format/events.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::webnode::format::events_test {
namespace {

constexpr std::array<std::string_view, 1> kIds{"123"};

std::string encoded(std::string_view text, Framing framing = Framing::kBare) {
    std::string shared;
    events_format().prepare({"123", text}, shared);
    std::string out;
    events_format().append(out, shared, 1, framing);
    return out;
}

struct Event {
    std::string type = "message";
    std::string data;
};

/// The standard's algorithm, over a whole body.
class EventReader {
  public:
    void read(std::string_view body) {
        std::string line;
        for (std::size_t i = 0; i < body.size(); ++i) {
            if (body[i] != '\r' && body[i] != '\n') {
                line += body[i];
                continue;
            }
            i += body.substr(i, 2) == "\r\n" ? 1 : 0;
            on_line(line);
            line.clear();
        }
        REQUIRE(line.empty());
    }

    std::vector<Event> events;
    std::string retry;
    int comments = 0;

  private:
    void on_line(std::string_view line) {
        if (line.empty()) {
            if (data_) {
                events.push_back({type_.empty() ? "message" : type_, *data_});
            }
            data_.reset();
            type_.clear();
            return;
        }
        const std::size_t colon = line.find(':');
        if (colon == 0) {
            ++comments;
            return;
        }
        REQUIRE(colon != std::string_view::npos);
        const std::string_view field = line.substr(0, colon);
        std::string_view value = line.substr(colon + 1);
        value.remove_prefix(value.starts_with(' ') ? 1 : 0);
        if (field == "data") {
            data_ = data_ ? *data_ + "\n" : std::string();
            data_->append(value);
        } else if (field == "event") {
            type_ = value;
        } else {
            REQUIRE(field == "retry");
            retry = value;
        }
    }

    std::optional<std::string> data_;
    std::string type_;
};

std::vector<Event> events_in(std::string_view body) {
    EventReader reader;
    reader.read(body);
    return reader.events;
}

TEST_CASE("a message is one event", "[events_format]") {
    CHECK(encoded("hi") == "data: hi\n\n");
    CHECK(encoded("hi", Framing::kChunked) == "a\r\ndata: hi\n\n\r\n");
    CHECK(encoded("") == "data: \n\n");
    CHECK(encoded(" two ") == "data:  two \n\n");
}

TEST_CASE("an event has its name", "[events_format]") {
    std::string shared;
    events_format().prepare({"123", "a\nb", "tick"}, shared);
    std::string out;
    events_format().append(out, shared, 1, Framing::kBare);
    CHECK(out == "event: tick\ndata: a\ndata: b\n\n");
}

TEST_CASE("an event of an id with a history has its cursor", "[events_format]") {
    const history::Cursor cursor{36, 37};
    std::string shared;
    events_format().prepare({"123", "a", {}, {}, cursor}, shared);
    std::string out;
    events_format().append(out, shared, 1, Framing::kBare);
    CHECK(out == "id: 10-11\ndata: a\n\n");
    out.clear();
    events_format().append_position(out, cursor, Framing::kChunked);
    CHECK(out == "24\r\nevent: position\nid: 10-11\ndata: {}\n\n\r\n");
    out.clear();
    events_format().append_gap(out, {kIds, "epoch", cursor}, Framing::kBare);
    CHECK(out == "event: gap\nid: 10-11\ndata: {\"ids\":[\"123\"],\"reason\":\"epoch\"}\n\n");
    CHECK(events_format().has_position());
}

TEST_CASE("each line of a message is a line of data, however it ends", "[events_format]") {
    CHECK(encoded("a\nb") == "data: a\ndata: b\n\n");
    CHECK(encoded("a\rb") == "data: a\ndata: b\n\n");
    CHECK(encoded("a\r\nb") == "data: a\ndata: b\n\n");
    CHECK(encoded("a\n\rb") == "data: a\ndata: \ndata: b\n\n");
    CHECK(encoded("a\n") == "data: a\ndata: \n\n");
}

TEST_CASE("property: an EventSource reads what was sent, lines ending in LF", "[events_format]") {
    const auto seed = 4711U;
    CAPTURE(seed);
    std::mt19937 random(seed);
    static constexpr std::string_view kSpice("\r\n :abc\0", 8);
    for (int round = 0; round < 2000; ++round) {
        std::string text(random() % 30, ' ');
        std::string expected;
        for (char& c : text) {
            c = kSpice[random() % kSpice.size()];
        }
        for (std::size_t i = 0; i < text.size(); ++i) {
            i += text.compare(i, 2, "\r\n") == 0 ? 1 : 0;
            expected += text[i] == '\r' ? '\n' : text[i];
        }
        const std::vector<Event> events = events_in(encoded(text));
        CAPTURE(round);
        REQUIRE(events.size() == 1);
        REQUIRE(events[0].type == "message");
        REQUIRE(events[0].data == expected);
    }
}

TEST_CASE("the first bytes say when to come back, spread over a time", "[events_format]") {
    const auto retry = [](std::uint32_t random) {
        std::string out;
        events_format().greet({}, Framing::kBare, random, out);
        EventReader reader;
        reader.read(out);
        CHECK(reader.events.empty());
        CHECK(out.find("\n\n") == std::string::npos); // some clients show an empty event for that
        return std::stoi(reader.retry);
    };
    CHECK(retry(0) == 1500);
    CHECK(retry(1499) == 2999);
    CHECK(retry(1500) == 1500);
}

TEST_CASE("a gap is an event of its own name", "[events_format]") {
    std::string out;
    events_format().append_gap(out, {kIds, "cut-off"}, Framing::kBare);
    const std::vector<Event> events = events_in(out);
    REQUIRE(events.size() == 1);
    CHECK(events[0].type == "gap");
    CHECK(events[0].data == R"({"ids":["123"],"reason":"cut-off"})");
}

TEST_CASE("a sign of life is a comment, and no event", "[events_format]") {
    CHECK(events_format().sign_of_life(Framing::kBare) == ":\n");
    CHECK(events_format().sign_of_life(Framing::kChunked) == "2\r\n:\n\r\n");
}

} // namespace
} // namespace zcomet::webnode::format::events_test
