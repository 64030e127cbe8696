// Fuzz target: the body that a server sends to floodtest. The first byte says how the rest is cut
// into pieces.
//
// However the body is cut, ChunkParser finds the same chunks, data and stamps, and the same ones
// have a message. The stamp of each chunk is the one that a plain search of its data finds.
#include "test/fuzz/target.hpp"
#include "tools/floodtest/chunk_parser.hpp"
#include "topology/base/check.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace zcomet;
using tools::floodtest::ChunkParser;

namespace {

struct Chunk {
    std::string data;
    std::optional<std::uint64_t> stamp;
    bool has_message = false;
    friend bool operator==(const Chunk&, const Chunk&) = default;
};

struct Body {
    std::vector<Chunk> chunks;
    std::string unfinished; // data of a chunk that is not complete
    ChunkParser::Event end = ChunkParser::Event::kNeedMore;
    friend bool operator==(const Body&, const Body&) = default;
};

/// The parser's result for a body that comes in pieces of `step` bytes.
Body parse(std::string_view bytes, std::size_t step) {
    ChunkParser parser;
    Body body;
    while (body.end == ChunkParser::Event::kNeedMore && !bytes.empty()) {
        std::string_view piece = bytes.substr(0, step);
        bytes.remove_prefix(piece.size());
        while ((body.end = parser.next(piece, &body.unfinished)) == ChunkParser::Event::kChunk) {
            body.chunks.push_back(
                {std::exchange(body.unfinished, {}), parser.stamp(), parser.has_message()});
        }
        ZCOMET_ASSERT(body.end != ChunkParser::Event::kNeedMore || piece.empty());
    }
    // Nothing further is read after the end.
    std::string_view more = "1\r\nx\r\n";
    ZCOMET_ASSERT(body.end == ChunkParser::Event::kNeedMore || parser.next(more) == body.end);
    return body;
}

/// The last stamp of some data, by a plain search.
std::optional<std::uint64_t> stamp_in(const std::string& data) {
    constexpr std::string_view kMark = " ts=";
    constexpr std::size_t kDigitsMax = 19;
    std::uint64_t stamp = 0;
    for (std::size_t at = data.find(kMark); at != std::string::npos;
         at = data.find(kMark, at + 1)) {
        const std::size_t from = at + kMark.size();
        const std::size_t end = std::min(data.find_first_not_of("0123456789", from), data.size());
        if (end > from && end - from <= kDigitsMax) {
            stamp = std::stoull(data.substr(from, end - from));
        }
    }
    return stamp == 0 ? std::nullopt : std::optional(stamp);
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) {
        return 0;
    }
    const std::size_t step = std::size_t{data[0]} + 1;
    const std::string_view bytes = fuzz::text_of(data, size).substr(1);
    const Body body = parse(bytes, bytes.size());
    ZCOMET_ASSERT(body == parse(bytes, step));
    for (const Chunk& chunk : body.chunks) {
        ZCOMET_ASSERT(!chunk.data.empty());
        ZCOMET_ASSERT(chunk.stamp == stamp_in(chunk.data));
    }
    return 0;
}
