// Streams with a history: a broker's answers and a feed, as a test plays them, around the parts of
// a worker's loop.
#pragma once

#include "test/unit/webnode/request/loop_fixture.hpp"
#include "topology/session/history_source.hpp"
#include "topology/wire/attributes.hpp"
#include "webnode/stream/resumes.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace zcomet::webnode::stream {

constexpr std::uint64_t kEpoch = 36;

/// Ids "chat.*" have a history.
struct ResumeFixture {
    struct Source : session::HistorySource {
        void ask(const wire::History& history) override { asked.push_back(history); }
        [[nodiscard]] bool was_shown(const wire::Origin& /*origin*/) const override {
            return false;
        }

        std::vector<wire::History> asked;
    };

    request::LoopFixture loop;
    Source source;
    Resumes resumes{loop.connections, loop.presence.streams(), source, loop.counters};

    ResumeFixture() {
        loop.presence.tell_beginnings_to(resumes);
        loop.delivery.hold_for(resumes);
        resumes.use(loop.polls);
        begin_feed({});
        resumes.on_live();
    }
    void begin_feed(const history::Cursor& cursor) {
        const wire::HistoryTerms terms{kEpoch, 0, "chat.*"};
        resumes.on_feed_begun(terms, cursor);
        loop.delivery.on_feed_begun(terms);
    }
    /// @return the stream, whose head and greeting are read.
    request::Browser open(const std::string& path, const std::string& headers = "") {
        request::Browser browser =
            loop.connect("GET " + path + " HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n");
        const std::string head = browser.received();
        REQUIRE(head.starts_with("HTTP/1.1 200 OK\r\n"));
        resumes.turn(loop.now);
        return browser;
    }
    /// Answers the only question with these messages, of positions from `first` on.
    void answer(wire::Reach reach, std::uint64_t first, const std::vector<std::string>& texts) {
        REQUIRE(source.asked.size() == 1);
        wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kKept);
        wire::Kept kept{.token = source.asked[0].token,
                        .reach = reach,
                        .epoch = kEpoch,
                        .since = 1,
                        .through = first + texts.size() - 1};
        for (const std::string& text : texts) {
            const std::string attributes = wire::encode(wire::Attributes{.position = first++});
            writer.add({"chat.1", text, {}, attributes});
        }
        source.asked.clear();
        const std::string frame = writer.finish_kept(kept);
        const auto decoded = wire::decode(frame);
        resumes.on_kept(std::get<wire::Kept>(std::get<wire::Frame>(decoded)), loop.now);
        resumes.turn(loop.now);
    }
    void deliver(const std::string& text, std::uint64_t position,
                 const std::string& id = "chat.1") {
        wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kBatch);
        const std::string attributes = wire::encode(wire::Attributes{.position = position});
        writer.add({id, text, {}, attributes});
        const std::string frame = writer.finish_batch(1, 1);
        const auto decoded = wire::decode(frame);
        loop.delivery.deliver(std::get<wire::Batch>(std::get<wire::Frame>(decoded)).messages);
    }
};

} // namespace zcomet::webnode::stream
