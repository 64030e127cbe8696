// Fuzz target: what a hook answers, and what it is asked. The first byte says what the rest is: A
// an answer, R a client's request, U the address of a hook.
//
// An answer that is whole stays the same with bytes behind it, and each shorter piece of its last
// head wants more. Only a 200 lets anybody in. What a hook is asked has the ids once each, is one
// head, and says nothing in our name that we have not said.
#include "test/fuzz/target.hpp"
#include "topology/base/check.hpp"
#include "topology/http/headers.hpp"
#include "topology/http/request_reader.hpp"
#include "topology/wire/owned_ids.hpp"
#include "webnode/hook/answer.hpp"
#include "webnode/hook/subrequest.hpp"
#include "webnode/hook/url.hpp"

#include <algorithm>
#include <string>

using namespace zcomet;
using namespace zcomet::webnode;

namespace {

using Verdict = hook::AnswerHead::Verdict;

void check_answer(const std::string& bytes) {
    const hook::AnswerHead answer = hook::read_answer(bytes);
    if (answer.verdict == Verdict::kNeedMore) {
        ZCOMET_ASSERT(bytes.size() <= hook::kAnswerHeadBytesMax);
        return;
    }
    const std::string longer = bytes + "x";
    const hook::AnswerHead again = hook::read_answer(longer);
    ZCOMET_ASSERT(again.verdict == answer.verdict);
    if (answer.verdict == Verdict::kRefuse) {
        return;
    }
    ZCOMET_ASSERT(again.head == answer.head && again.head_end == answer.head_end);
    ZCOMET_ASSERT(answer.head_end <= hook::kAnswerHeadBytesMax);
    ZCOMET_ASSERT(answer.body_bytes <= hook::kAnswerBodyBytesMax);
    ZCOMET_ASSERT(answer.body_bytes == 0 || answer.keeps_connection);
    ZCOMET_ASSERT(hook::read_answer(bytes.substr(0, answer.head_end - 1)).verdict ==
                  Verdict::kNeedMore);
    const hook::Decision decision = hook::decide(answer);
    ZCOMET_ASSERT((decision.kind == hook::Decision::Kind::kLetIn) <= (answer.status == 200));
    ZCOMET_ASSERT((decision.kind == hook::Decision::Kind::kFailed) != decision.failure.empty());
    ZCOMET_ASSERT(decision.challenge.find_first_of("\r\n") == std::string::npos);
    ZCOMET_ASSERT(decision.max_age >= std::chrono::seconds(0) &&
                  decision.max_age <= hook::kMaxAgeMax);
}

void check_request(const std::string& bytes) {
    http::RequestReader reader;
    const auto read = reader.read(bytes);
    if (read.verdict != http::RequestReader::Verdict::kComplete || bytes.starts_with("\r\n")) {
        return;
    }
    const wire::OwnedIds ids = [] {
        wire::OwnedIds two("a");
        two.add("b");
        return two;
    }();
    const hook::Url url = hook::read_url("http://127.0.0.1:1/may").value();
    const std::string head = bytes.substr(0, reader.head_bytes());
    const std::string asked = hook::subrequest(head, ids.list(), url);
    http::RequestReader strict;
    const auto reread = strict.read(asked);
    // A little is added, so the longest may be too long for a reader like ours.
    const bool may_be_too_long =
        asked.size() > 8000 || std::count(asked.begin(), asked.end(), '\n') > 100;
    ZCOMET_ASSERT(reread.verdict == http::RequestReader::Verdict::kComplete || may_be_too_long);
    ZCOMET_ASSERT(reread.length == asked.size() || may_be_too_long);
    const auto named = http::headers_in(asked, "Zcomet-Id");
    ZCOMET_ASSERT(named.size() == 2 && named[0] == "a" && named[1] == "b");
    ZCOMET_ASSERT(http::headers_in(asked, "X-Original-URI").size() == 1);
    ZCOMET_ASSERT(http::headers_in(asked, "Host").size() == 1);
    ZCOMET_ASSERT(http::headers_in(asked, "Content-Length").empty());
    ZCOMET_ASSERT(hook::cache_key(head, ids.list()) == hook::cache_key(head, ids.list()));
}

void check_url(const std::string& text) {
    const auto url = hook::read_url(text);
    if (url.ok()) {
        ZCOMET_ASSERT(url.value().target.starts_with('/') && url.value().where.port != 0);
        const auto again = hook::read_url("http://" + url.value().authority + url.value().target);
        ZCOMET_ASSERT(again.ok() && again.value().where.host == url.value().where.host);
    }
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto [letter, text] = fuzz::lettered(data, size);
    switch (letter) {
    case 'A':
        check_answer(text);
        break;
    case 'R':
        check_request(text);
        break;
    case 'U':
        check_url(text);
        break;
    default:
        break;
    }
    return 0;
}
