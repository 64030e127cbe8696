// Fuzz target: an HTTP connection. The first byte is the size of the pieces in which the rest, the
// bytes of a browser, arrives.
//
// RequestReader finds the same requests in pieces of any size. Each request is answered, or refused
// with a status that has an answer. A body that no route takes is refused before it is read; one in
// chunks has as many bytes as its chunks say.
#include "test/fuzz/target.hpp"
#include "topology/base/check.hpp"
#include "topology/http/chunks.hpp"
#include "topology/http/request_reader.hpp"
#include "topology/wire/id.hpp"
#include "webnode/route/routes.hpp"

#include <algorithm>
#include <string>

using namespace zcomet;

namespace {

using Verdict = http::RequestReader::Verdict;

/// A request with two mistakes may be refused for either, depending on the piece that ends first.
/// So the statuses are not compared.
bool same_request(const http::RequestReader::Outcome& a, const http::RequestReader::Outcome& b) {
    return a.verdict == b.verdict && a.length == b.length;
}

/// A reader's result for one request that comes in pieces of `step` bytes.
http::RequestReader::Outcome read_in_pieces(std::string_view bytes, std::size_t step) {
    http::RequestReader reader;
    http::RequestReader::Outcome outcome = reader.read({});
    for (std::size_t end = 0; end < bytes.size() && outcome.verdict == Verdict::kNeedMore;) {
        end = std::min(end + step, bytes.size());
        outcome = reader.read(bytes.substr(0, end));
        static_cast<void>(reader.take_continue_wish());
    }
    return outcome;
}

webnode::request::Routes& all_routes() {
    static webnode::request::Routes routes(webnode::route::routes(),
                                           1); // keeps nothing of a request
    return routes;
}

/// A body that no route takes is refused by the head alone, and the connection ends.
/// @return whether this one is.
bool check_body(std::string_view bytes) {
    http::RequestReader reader;
    const auto outcome = reader.read(bytes);
    if (outcome.verdict == Verdict::kRefuse || !reader.take_body_wish()) {
        return false;
    }
    ZCOMET_ASSERT(reader.head_bytes() <= bytes.size());
    const auto refusal =
        all_routes().refuse_body(bytes.substr(0, reader.head_bytes()), reader.body_bytes());
    if (refusal) {
        ZCOMET_ASSERT(refusal->bytes.starts_with("HTTP/1."));
        ZCOMET_ASSERT(refusal->status >= 400 && !refusal->keeps_connection);
    }
    return refusal.has_value();
}

/// A complete request as the routes get it.
std::string whole_request(std::string_view request) {
    http::RequestReader reader;
    if (reader.read(request).verdict != Verdict::kComplete || !reader.is_chunked()) {
        return std::string(request);
    }
    std::string joined = http::join_chunks(request, reader.head_bytes());
    const std::size_t body_bytes = joined.size() - reader.head_bytes();
    ZCOMET_ASSERT(body_bytes == 0 || body_bytes == reader.body_bytes());
    return joined;
}

void check_answer(std::string_view request) {
    webnode::request::Outcome outcome;
    const http::Answer answer = all_routes().handle(request, {}, outcome);
    ZCOMET_ASSERT(answer.bytes.starts_with("HTTP/1."));
    ZCOMET_ASSERT(answer.status >= 200);
    const bool opens = outcome.format != nullptr || outcome.poll.has_value();
    ZCOMET_ASSERT(opens == (outcome.ids.count() > 0));
    outcome.ids.list().for_each([](std::string_view id) { ZCOMET_ASSERT(wire::valid_id(id)); });
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::size_t step = std::size_t{data[0]} + 1;
    std::string_view bytes = fuzz::text_of(data, size).substr(1);
    while (!bytes.empty()) {
        const http::RequestReader::Outcome outcome = read_in_pieces(bytes, step);
        ZCOMET_ASSERT(same_request(outcome, read_in_pieces(bytes, bytes.size())));
        if (outcome.verdict == Verdict::kRefuse) {
            ZCOMET_ASSERT(http::error_answer(outcome.status).starts_with("HTTP/1.1 "));
        }
        ZCOMET_ASSERT(outcome.length <= bytes.size());
        const bool is_complete = outcome.verdict == Verdict::kComplete;
        ZCOMET_ASSERT(!is_complete || outcome.length > 0);
        const std::string request = whole_request(bytes.substr(0, outcome.length));
        if (check_body(bytes) || !is_complete) {
            return 0;
        }
        check_answer(request);
        bytes.remove_prefix(outcome.length);
    }
    return 0;
}
