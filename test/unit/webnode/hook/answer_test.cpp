// Goal: only an answer that is right in every byte lets somebody in.
#include "webnode/hook/answer.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace zcomet::webnode::hook {
namespace {

using Verdict = AnswerHead::Verdict;

std::string head(const std::string& status, const std::string& headers = {}) {
    return "HTTP/1.1 " + status + "\r\n" + headers + "\r\n";
}

Decision decision_of(const std::string& status, const std::string& headers = {}) {
    const std::string bytes = head(status, headers);
    const AnswerHead answer = read_answer(bytes);
    REQUIRE(answer.verdict == Verdict::kComplete);
    return decide(answer);
}

TEST_CASE("heads of answers", "[hook]") {
    CHECK(read_answer(head("200 OK")).verdict == Verdict::kComplete);
    CHECK(read_answer(head("200 OK")).status == 200);
    CHECK(read_answer(head("401")).status == 401);
    CHECK(read_answer("HTTP/1.0 403 \r\nA: b\r\n\r\n").status == 403);
    CHECK(read_answer(head("599 \xC3\xBC", "A:\r\nB: \t c\r\n")).status == 599);
    const std::vector<std::string> bad{
        "\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 600 OK\r\n\r\n",
        "HTTP/1.1 +20 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        head("101 Switching Protocols"),
        head("200 OK", "no colon\r\n"),
        head("200 OK", ": no name\r\n"),
        head("200 OK", "A : b\r\n"),
        head("200 OK", "A: b\r\n c\r\n"),
        head("200 OK", "A: b\rc\r\n"),
        head("200 OK", "A: b\nZcomet-Ids: a\r\n"),
        head("200 OK", std::string("A: \0\r\n", 6)),
        head("200 OK", "A: " + std::string(kAnswerHeadBytesMax, 'x') + "\r\n"),
        std::string(kAnswerHeadBytesMax + 1, 'x'),
    };
    for (const std::string& bytes : bad) {
        CAPTURE(bytes);
        CHECK(read_answer(bytes).verdict == Verdict::kRefuse);
    }
    const std::string whole = head("200 OK", "A: b\r\n");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CHECK(read_answer(whole.substr(0, size)).verdict == Verdict::kNeedMore);
    }
}

TEST_CASE("interim answers are skipped", "[hook]") {
    const std::string first = head("100 Continue") + head("103 Early Hints", "Zcomet-Ids: a\r\n");
    CHECK(read_answer(first).verdict == Verdict::kNeedMore);
    const std::string all = first + head("200 OK", "B: c\r\n") + "body";
    const AnswerHead answer = read_answer(all);
    CHECK(answer.status == 200);
    CHECK(answer.head == head("200 OK", "B: c\r\n"));
    CHECK(all.substr(answer.head_end) == "body");
    CHECK_FALSE(decide(answer).has_patterns);
}

TEST_CASE("a connection is kept only where its end is beyond doubt", "[hook]") {
    const auto keeps = [](const std::string& headers) {
        return read_answer(head("200 OK", headers)).keeps_connection;
    };
    CHECK(keeps("Content-Length: 0\r\n"));
    CHECK(read_answer(head("401 No", "Content-Length: 12\r\n")).body_bytes == 12);
    CHECK_FALSE(keeps(""));
    CHECK_FALSE(keeps("Content-Length: -1\r\n"));
    CHECK_FALSE(keeps("Content-Length: 1, 1\r\n"));
    CHECK_FALSE(keeps("Content-Length: 1\r\nContent-Length: 1\r\n"));
    CHECK_FALSE(keeps("Content-Length: 65537\r\n"));
    CHECK_FALSE(keeps("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"));
    CHECK_FALSE(keeps("Content-Length: 1\r\nConnection: Close\r\n"));
    CHECK_FALSE(read_answer("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").keeps_connection);
}

TEST_CASE("what answers mean", "[hook]") {
    const Decision all = decision_of("200 OK");
    CHECK(all.kind == Decision::Kind::kLetIn);
    CHECK_FALSE(all.has_patterns);
    CHECK(all.claims == nullptr);
    CHECK(all.max_age == std::chrono::seconds(0));

    const Decision some =
        decision_of("200 OK", "zcomet-ids: chat.* news\r\nZcomet-Expires: 1790000000\r\n");
    CHECK(some.kind == Decision::Kind::kLetIn);
    CHECK(some.has_patterns);
    CHECK(some.claims->ids == std::vector<std::string>{"chat.*", "news"});
    CHECK(some.claims->expires == 1'790'000'000);
    CHECK(decision_of("200 OK", "Zcomet-Ids: a\r\nZcomet-Ids: b\r\n").claims->ids.size() == 2);

    const Decision none = decision_of("200 OK", "Zcomet-Ids:\r\n");
    CHECK(none.has_patterns);
    CHECK(none.claims->ids.empty());

    for (const int status : {401, 403}) {
        const Decision refused =
            decision_of(std::to_string(status), "WWW-Authenticate: Basic realm=\"x\"\r\n");
        CHECK(refused.kind == Decision::Kind::kRefused);
        CHECK(refused.status == status);
        CHECK(refused.challenge == "Basic realm=\"x\"");
    }
    for (const char* const status : {"201", "204", "302", "400", "404", "429", "500", "503"}) {
        const Decision failed = decision_of(status, "Cache-Control: max-age=60\r\n");
        CHECK(failed.kind == Decision::Kind::kFailed);
        CHECK(failed.failure == failure::kStatus);
        CHECK(failed.max_age == std::chrono::seconds(0));
    }
}

TEST_CASE("a header that cannot be read lets nobody in", "[hook]") {
    for (const std::string headers :
         {"Zcomet-Ids: a,b\r\n", "Zcomet-Ids: \xC3\xBC\r\n", "Zcomet-Expires: soon\r\n",
          "Zcomet-Expires:\r\n", "Zcomet-Expires: -1\r\n", "Zcomet-Expires: 1e9\r\n",
          "Zcomet-Expires: 99999999999999999999\r\n", "Zcomet-Expires: 253402300800\r\n",
          "Zcomet-Expires: 1\r\nZcomet-Expires: 1\r\n"}) {
        CAPTURE(headers);
        CHECK(decision_of("200 OK", headers).failure == failure::kHeader);
    }
    std::string many;
    for (std::size_t i = 0; i <= auth::kClaimPatternsMax; ++i) {
        many.append("a ");
    }
    CHECK(decision_of("200 OK", "Zcomet-Ids: " + many + "\r\n").failure == failure::kHeader);
}

TEST_CASE("for how long an answer is remembered", "[hook]") {
    const auto max_age = [](const std::string& value, const std::string& status = "200 OK") {
        return decision_of(status, "Cache-Control: " + value + "\r\n").max_age.count();
    };
    CHECK(max_age("max-age=60") == 60);
    CHECK(max_age("private, Max-Age=60") == 60);
    CHECK(max_age("max-age=60", "403 Forbidden") == 60);
    CHECK(max_age("max-age=60, max-age=5") == 5);
    CHECK(max_age("max-age=99999999") == 86'400);
    CHECK(max_age("max-age=60, no-store") == 0);
    CHECK(max_age("no-cache=\"a\", max-age=60") == 0);
    for (const char* const value : {"", "max-age", "max-age=", "max-age=-5", "max-age=\"60\"",
                                    "max-age=6x", "s-maxage=60", "max-age=99999999999999999999"}) {
        CAPTURE(value);
        CHECK(max_age(value) == 0);
    }
}

} // namespace
} // namespace zcomet::webnode::hook
