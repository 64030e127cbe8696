// Goal: what HTTP demands of a server, and nothing that two servers could read differently. Method:
// a table of bytes of one connection and what becomes of them, in the manner of conformance suites
// for HTTP/1.1 and of lists of request smuggling; each is sent whole, and byte by byte.
#include "topology/http/chunks.hpp"
#include "topology/http/date.hpp"
#include "topology/http/http_front.hpp"
#include "topology/http/request_reader.hpp"
#include "topology/http/target.hpp"

#include <catch2/catch.hpp>

#include <ctime>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::http::strict_http_test {
namespace {

using namespace std::string_literals;

/// One connection to a server with a few pages, as the web node and the admin pages serve theirs.
class Connection {
  public:
    /// More bytes from the client.
    void take(std::string_view bytes) {
        input_.append(bytes);
        while (!closed_) {
            const RequestReader::Outcome outcome = reader_.read(input_);
            if (outcome.verdict == RequestReader::Verdict::kRefuse) {
                answers.push_back(error_answer(outcome.status, reader_.is_head()));
                history_ += std::to_string(outcome.status) + ' ';
                closed_ = true;
                return;
            }
            if (reader_.take_body_wish() && refuses_body()) {
                return;
            }
            if (outcome.verdict == RequestReader::Verdict::kNeedMore) {
                return;
            }
            const std::string request = input_.substr(0, outcome.length);
            answer(reader_.is_chunked() ? join_chunks(request, reader_.head_bytes()) : request);
            input_.erase(0, outcome.length);
            reader_ = {};
        }
    }

    /// The statuses of all answers, each with the rest of its path if that has a page, and how the
    /// connection goes on: "open" for the next request, "unfinished" in the middle of one,
    /// "closed".
    [[nodiscard]] std::string history() const {
        return history_ + (closed_ ? "closed" : input_.empty() ? "open" : "unfinished");
    }

    std::vector<std::string> answers;

  private:
    void answer(const std::string& request) {
        const Answer answer = pages_.handle(request);
        answers.push_back(answer.bytes);
        const std::size_t body = answer.bytes.find("\r\n\r\n") + 4;
        history_ += std::to_string(answer.status);
        history_ += answer.status == 200 ? ":" + answer.bytes.substr(body) + ' ' : " "s;
        closed_ = !answer.keeps_connection;
    }

    bool refuses_body() {
        const auto refusal = pages_.refuse_body(
            std::string_view(input_).substr(0, reader_.head_bytes()), reader_.body_bytes());
        if (refusal) {
            answers.push_back(refusal->bytes);
            history_ += std::to_string(refusal->status) + ' ';
            closed_ = true;
        }
        return closed_;
    }

    static Reply rest_of(const Request& request) {
        Reply reply;
        reply.text = request.rest;
        return reply;
    }

    static Reply body_of(const Request& request) {
        Reply reply;
        reply.text = request.body;
        return reply;
    }

    static constexpr std::size_t kBodyBytesMax = 100;
    Pages pages_{{{"GET", "/p/*", rest_of},
                  {"POST", "/p/*", rest_of, kBodyBytesMax},
                  {"POST", "/body", body_of, kBodyBytesMax}}};
    RequestReader reader_;
    std::string input_;
    std::string history_;
    bool closed_ = false;
};

struct Case {
    std::string bytes;
    std::string history;
};

std::ostream& operator<<(std::ostream& out, const Case& test) {
    return out << test.bytes << " -> " << test.history;
}

void check(const std::vector<Case>& cases) {
    for (const Case& test : cases) {
        CAPTURE(test);
        Connection whole;
        whole.take(test.bytes);
        CHECK(whole.history() == test.history);
        Connection slow;
        for (const char byte : test.bytes) {
            slow.take({&byte, 1});
        }
        CHECK(slow.history() == test.history);
    }
}

std::string get(const std::string& target, const std::string& headers = "Host: a\r\n") {
    return "GET " + target + " HTTP/1.1\r\n" + headers + "\r\n";
}

std::string host(const std::string& value) {
    return get("/p/1", "Host: " + value + "\r\n");
}

/// A request with another one behind it: what is taken for its body is not answered.
std::string smuggle(const std::string& headers, const std::string& body) {
    return "POST /p/1 HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n" + body + get("/p/smuggled");
}

TEST_CASE("strict HTTP: Host", "[strict_http]") {
    check({
        {get("/p/1", ""), "400 closed"},
        {get("/p/1", "Host: a\r\nHost: a\r\n"), "400 closed"},
        {get("/p/1", "Host: a\r\nX: y\r\nhOST: b\r\n"), "400 closed"},
        {get("/p/1", "X-Host: a\r\n"), "400 closed"},
        {"BREW /p/1 HTTP/1.1\r\n\r\n", "400 closed"},
        {"GET /p/1 HTTP/1.0\r\n\r\n", "200:1 closed"},
        {"GET /p/1 HTTP/1.0\r\nHost: a\r\n\r\n", "200:1 closed"},
        {"GET /p/1 HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "400 closed"},
        {"GET /p/1 HTTP/1.0\r\nHost: a b\r\n\r\n", "400 closed"},
        {host("a"), "200:1 open"},
        {host(""), "200:1 open"},
        {host("\t a.example:80 "), "200:1 open"},
        {host("A.EXAMPLE."), "200:1 open"},
        {host("a_b-c~d"), "200:1 open"},
        {host("127.0.0.1"), "200:1 open"},
        {host("127.0.0.1:"), "200:1 open"},
        {host("127.0.0.1:65535"), "200:1 open"},
        {host("[::1]"), "200:1 open"},
        {host("[2001:db8::1]:8000"), "200:1 open"},
        {host("[::ffff:192.0.2.1]"), "200:1 open"},
        {host("a b"), "400 closed"},
        {host("a b/<x>"), "400 closed"},
        {host("a/b"), "400 closed"},
        {host("a?b"), "400 closed"},
        {host("a#b"), "400 closed"},
        {host("a@b"), "400 closed"},
        {host("a,b"), "400 closed"},
        {host("a, b"), "400 closed"},
        {host("a\\b"), "400 closed"},
        {host("a\tb"), "400 closed"},
        {host("<a>"), "400 closed"},
        {host("\"a\""), "400 closed"},
        {host("http://a"), "400 closed"},
        {host("a:b"), "400 closed"},
        {host("a:80:80"), "400 closed"},
        {host("a:-1"), "400 closed"},
        {host("a:123456"), "400 closed"},
        {host(":80"), "400 closed"},
        {host("::1"), "400 closed"},
        {host("[::1"), "400 closed"},
        {host("::1]"), "400 closed"},
        {host("[]"), "400 closed"},
        {host("[::1]a"), "400 closed"},
        {host("[::1]80"), "400 closed"},
        {host("[a.example]"), "400 closed"},
        {host("[fe80::1%25eth0]"), "400 closed"},
        {host("\xC3\xBC.example"), "400 closed"},
        {host("a\xFF"), "400 closed"},
        {host("a\0b"s), "400 closed"},
        {get("/p/1", "Host : a\r\n"), "400 closed"},
        {get("/p/1", "Host: a\r\n b\r\n"), "400 closed"},
    });
}

TEST_CASE("strict HTTP: targets", "[strict_http]") {
    check({
        {get("/p/1?a=b"), "200:1 open"},
        {get("/p/1?"), "200:1 open"},
        {get("/p/1??"), "200:1 open"},
        {get("/p/1?a=b?c"), "200:1 open"},
        {get("/p/1?a=b?c?d=/../.?%3F"), "200:1 open"},
        {get("/p/1?a=b&url=http://x/y?z"), "200:1 open"},
        {get("/p/1?a'b(c)*!$;,[]{}|^`\"<>\\"), "200:1 open"},
        {get("/p/1?" + std::string(8000, '?')), "200:1 open"},
        {get("/p/1;a=b"), "200:1;a=b open"},
        {get("/p/a%2Fb"), "200:a/b open"},
        {get("/p/%3F?x"), "200:? open"},
        {get("/p/%25u0031"), "200:%u0031 open"},
        {get("/p/a+b"), "200:a+b open"},
        {get("http://a/p/1"), "200:1 open"},
        {get("HTTP://a/p/1"), "200:1 open"},
        {get("hTtP://a.example:80/p/1?x?y"), "200:1 open"},
        {get("http://[::1]:80/p/1"), "200:1 open"},
        {get("http://a"), "404 open"},
        {get("http://a?/p/1"), "404 open"},
        {get("http://a/p/1", ""), "400 closed"},
        {get("http:///p/1"), "400 closed"},
        {get("http://"), "400 closed"},
        {get("http://?"), "400 closed"},
        {get("http:/p/1"), "400 closed"},
        {get("http://u@a/p/1"), "400 closed"},
        {get("http://a b/p/1"), "400 closed"},
        {get("http://a/p/1#x"), "400 closed"},
        {get("http://a#x"), "400 closed"},
        {get("http://a/p/../p/1"), "400 closed"},
        {get("https://a/p/1"), "400 closed"},
        {get("ftp://a/p/1"), "400 closed"},
        {get("file:///p/1"), "400 closed"},
        {get("data:,x"), "400 closed"},
        {get("a:80"), "400 closed"},
        {get("*"), "400 closed"},
        {"HEAD * HTTP/1.1\r\nHost: a\r\n\r\n", "400 closed"},
        {get("p/1"), "400 closed"},
        {get("?a=b"), "400 closed"},
        {get("#"), "400 closed"},
        {get("/p/1#x"), "400 closed"},
        {get("/p/1?a#x"), "400 closed"},
        {get("/p/%u0031"), "400 closed"},
        {get("/p/%U0031"), "400 closed"},
        {get("/p/%"), "400 closed"},
        {get("/p/%1"), "400 closed"},
        {get("/p/%1g"), "400 closed"},
        {get("/p/%-1"), "400 closed"},
        {get("/p/1?%zz"), "400 closed"},
        {get("/p/1?a=%u0031"), "400 closed"},
        {get("/p/1?%"), "400 closed"},
        {get("/p/."), "400 closed"},
        {get("/p/.."), "400 closed"},
        {get("/."), "400 closed"},
        {get("/.."), "400 closed"},
        {get("/p/./1"), "400 closed"},
        {get("/p/../p/1"), "400 closed"},
        {get("/../p/1"), "400 closed"},
        {get("/p/..?x"), "400 closed"},
        {get("/p/%2e"), "400 closed"},
        {get("/p/%2E%2e"), "400 closed"},
        {get("/p/.%2E/1"), "400 closed"},
        {get("/p/x%2f..%2Fy"), "400 closed"},
        {get("/p/..%2fy"), "400 closed"},
        {get("/p/..."), "200:... open"},
        {get("/p/..a"), "200:..a open"},
        {get("/p/a.."), "200:a.. open"},
        {get("/p/.a"), "200:.a open"},
        {get("/p/\xC3\xBC"), "400 closed"},
        {get("/p/1?\xC3\xBC"), "400 closed"},
        {get("/p/\xC0\xAE\xC0\xAE/"), "400 closed"},
        {get("/p/%C3%BC"), "200:\xC3\xBC open"},
        {get("//p/1"), "404 open"},
        {get("/P/1"), "404 open"},
        {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "501 closed"},
        {"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "501 closed"},
        {"PUT /p/1 HTTP/1.1\r\nHost: a\r\n\r\n", "501 closed"},
        {"TRACE /p/1 HTTP/1.1\r\nHost: a\r\n\r\n", "501 closed"},
        {"get /p/1 HTTP/1.1\r\nHost: a\r\n\r\n", "501 closed"},
        {"GETS /p/1 HTTP/1.1\r\nHost: a\r\n\r\n", "501 closed"},
    });
}

TEST_CASE("strict HTTP: request lines and versions", "[strict_http]") {
    const std::string rest = "Host: a\r\n\r\n";
    check({
        {"\r\n\r\n" + get("/p/1"), "200:1 open"},
        {"\n" + get("/p/1"), "400 closed"},
        {" " + get("/p/1"), "400 closed"},
        {"GET  /p/1 HTTP/1.1\r\n" + rest, "400 closed"},
        {"GET /p/1  HTTP/1.1\r\n" + rest, "400 closed"},
        {"GET\t/p/1 HTTP/1.1\r\n" + rest, "400 closed"},
        {"GET /p/1\tHTTP/1.1\r\n" + rest, "400 closed"},
        {"GET /p/1\vHTTP/1.1\r\n" + rest, "400 closed"},
        {"GET /p/1 HTTP/1.1 \r\n" + rest, "400 closed"},
        {"GET /p/1 x HTTP/1.1\r\n" + rest, "400 closed"},
        {"GET /p/1 HTTP/1.1\n" + rest, "400 closed"},
        {"GET /p/1 HTTP/1.1\r" + rest, "400 closed"},
        {"GET /p/1 HTTP/1.1\r\r\n" + rest, "400 closed"},
        {"GET /p/1\0 HTTP/1.1\r\n"s + rest, "400 closed"},
        {"GET /p/1\x7F HTTP/1.1\r\n" + rest, "400 closed"},
        {"G\0T /p/1 HTTP/1.1\r\n"s + rest, "400 closed"},
        {"GET,POST /p/1 HTTP/1.1\r\n" + rest, "400 closed"},
        {"GET /p/1\r\n", "400 closed"},
        {"GET /p/1\r\n" + rest, "400 closed"},
        {"GET\r\n" + rest, "400 closed"},
        {"GET HTTP/1.1\r\n" + rest, "400 closed"},
        {"GET /p/1 HTTP\r\n" + rest, "400 closed"},
        {"GET /p/1 HTTP/\r\n" + rest, "505 closed"},
        {"GET /p/1 http/1.1\r\n" + rest, "400 closed"},
        {"GET /p/1 HTTPS/1.1\r\n" + rest, "400 closed"},
        {"GET /p/1 XHTTP/1.1\r\n" + rest, "400 closed"},
        {"GET /p/1 HTTP/1\r\n" + rest, "505 closed"},
        {"GET /p/1 HTTP/01.1\r\n" + rest, "505 closed"},
        {"GET /p/1 HTTP/1.01\r\n" + rest, "505 closed"},
        {"GET /p/1 HTTP/1.2\r\n" + rest, "505 closed"},
        {"GET /p/1 HTTP/0.9\r\n" + rest, "505 closed"},
        {"GET /p/1 HTTP/9.9\r\n" + rest, "505 closed"},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 closed"},
        {"GET /p/1 HTTP/1.1\r\nHost: a\r\n", "unfinished"},
        {"GET /p/1 HTTP/1.1\r\nHost: a\r\n\r", "unfinished"},
    });
}

TEST_CASE("strict HTTP: header lines", "[strict_http]") {
    const auto with = [](const std::string& header) { return get("/p/1", "Host: a\r\n" + header); };
    check({
        {with("X: y\r\n"), "200:1 open"},
        {with("X:y\r\n"), "200:1 open"},
        {with("X:\r\n"), "200:1 open"},
        {with("X: \t y \t \r\n"), "200:1 open"},
        {with("X: \xC3\xBC\xFF\r\n"), "200:1 open"},
        {with("!#$%&'*+-.^_`|~: y\r\n"), "200:1 open"},
        {with("X\r\n"), "400 closed"},
        {with(": y\r\n"), "400 closed"},
        {with(":\r\n"), "400 closed"},
        {with("X : y\r\n"), "400 closed"},
        {with("X\t: y\r\n"), "400 closed"},
        {with(" X: y\r\n"), "400 closed"},
        {with("\tX: y\r\n"), "400 closed"},
        {with("X: y\r\n z\r\n"), "400 closed"},
        {with("X: y\r\n\tz\r\n"), "400 closed"},
        {with("X: y\r\n \r\n"), "400 closed"},
        {with("X: y\n"), "400 closed"},
        {with("X: y\nZ: z\r\n"), "400 closed"},
        {with("X: y\rZ: z\r\n"), "400 closed"},
        {with("X: y\r\r\n"), "400 closed"},
        {with("X: y\0\r\n"s), "400 closed"},
        {with("X\0: y\r\n"s), "400 closed"},
        {with("X: \x01\r\n"), "400 closed"},
        {with("X: \x1B[31m\r\n"), "400 closed"},
        {with("X: \x7F\r\n"), "400 closed"},
        {with("X\xC3\xBC: y\r\n"), "400 closed"},
        {with("X(y): z\r\n"), "400 closed"},
        {with("\"X\": z\r\n"), "400 closed"},
        {with("X/Y: z\r\n"), "400 closed"},
        {"GET /p/1 HTTP/1.1\r\n Host: a\r\n\r\n", "400 closed"},
        {"GET /p/1 HTTP/1.1\r\n\r\nHost: a\r\n\r\n", "400 closed"},
    });
}

TEST_CASE("strict HTTP: requests behind each other", "[strict_http]") {
    const std::string one = get("/p/1");
    check({
        {one + get("/p/2") + get("/p/3"), "200:1 200:2 200:3 open"},
        {one + "\r\n" + get("/p/2"), "200:1 200:2 open"},
        {one + "GET /p/2", "200:1 unfinished"},
        {one + "\0"s, "200:1 400 closed"},
        {get("/p/1", "Host: a\r\nConnection: close\r\n") + one, "200:1 closed"},
        {get("/p/1", "Host: a\r\nConnection: x, CLOSE\r\n") + one, "200:1 closed"},
        {get("/no") + one, "404 200:1 open"},
        {get("/p/..") + one, "400 closed"},
        {"GET /p/1 HTTP/1.0\r\n\r\n" + one, "200:1 closed"},
        {"GET /p/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + one, "200:1 200:1 open"},
        {"HEAD /p/1 HTTP/1.1\r\nHost: a\r\n\r\n" + one, "200: 200:1 open"},
        {"PUT /p/1 HTTP/1.1\r\nHost: a\r\n\r\n" + one, "501 closed"},
    });
}

TEST_CASE("strict HTTP: the length of a body", "[strict_http]") {
    const std::string one = get("/p/1");
    const auto length = [&one](const std::string& value, const std::string& more = "") {
        return "POST /p/2 HTTP/1.1\r\nHost: a\r\nContent-Length: " + value + "\r\n" + more +
               "\r\n" + one;
    };
    check({
        {length("0"), "200:2 200:1 open"},
        {length("00"), "200:2 200:1 open"},
        {length(std::to_string(one.size())), "200:2 open"},
        {length(std::to_string(one.size() + 1)), "unfinished"},
        {length("\t0 "), "200:2 200:1 open"},
        {length(""), "400 closed"},
        {length("+0"), "400 closed"},
        {length("-0"), "400 closed"},
        {length("-1"), "400 closed"},
        {length("0x0"), "400 closed"},
        {length("0x10"), "400 closed"},
        {length("1e1"), "400 closed"},
        {length("0.0"), "400 closed"},
        {length("0 0"), "400 closed"},
        {length("0,0"), "400 closed"},
        {length("0, 5"), "400 closed"},
        {length("0;x"), "400 closed"},
        {length("'0'"), "400 closed"},
        {length("\"0\""), "400 closed"},
        {length("_0"), "400 closed"},
        {length("0_0"), "400 closed"},
        {length("\v0"), "400 closed"},
        {length("0\0"s), "400 closed"},
        {length("\xEF\xBC\x90"), "400 closed"},
        {length("4294967301"), "413 closed"},
        {length("18446744073709551621"), "413 closed"},
        {length("99999999999999999999999999"), "413 closed"},
        {length("0", "Content-Length: 0\r\n"), "400 closed"},
        {length("0", "Content-Length: 5\r\n"), "400 closed"},
        {length("5", "content-length: 0\r\n"), "400 closed"},
        {length("0", "Content-Length:\r\n"), "400 closed"},
        {length("0", "X: y\r\n folded\r\n"), "400 closed"},
        {length("0\r\n 5"), "400 closed"},
        {length("0\r\n\t5"), "400 closed"},
        {smuggle("Content-Length : 5\r\n", "hello"), "400 closed"},
        {smuggle("Content-Length\t: 5\r\n", "hello"), "400 closed"},
        {smuggle(" Content-Length: 5\r\n", "hello"), "400 closed"},
        {smuggle("Content-Length: 5\n", "hello"), "400 closed"},
        {smuggle("X: y\nContent-Length: 5\r\n", "hello"), "400 closed"},
        {smuggle("X: y\rContent-Length: 5\r\n", "hello"), "400 closed"},
        {smuggle("Content_Length: 5\r\n", ""), "200:1 200:smuggled open"},
        {smuggle("X-Content-Length: 5\r\n", ""), "200:1 200:smuggled open"},
    });
}

TEST_CASE("strict HTTP: a body that nothing takes is refused before it comes", "[strict_http]") {
    const auto with_body = [](const std::string& request_line, const std::string& length) {
        return request_line + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + length + "\r\n\r\n";
    };
    check({
        {with_body("POST /no", "5"), "404 closed"},
        {with_body("POST /no", "5") + "hello", "404 closed"},
        {with_body("POST /no", "0"), "404 open"},
        {with_body("GET /p/1", "5") + "hello", "413 closed"},
        {with_body("HEAD /p/1", "5") + "hello", "413 closed"},
        {with_body("GET /p/1", "0"), "200:1 open"},
        {with_body("PUT /p/1", "5"), "501 closed"},
        {with_body("POST /p/1", "101"), "413 closed"},
        {with_body("POST /p/1", "100") + std::string(100, 'x'), "200:1 open"},
        {with_body("POST /p/1", "100") + std::string(99, 'x'), "unfinished"},
        {"\r\n" + with_body("POST /no", "5"), "404 closed"},
        {with_body("POST /p/1", "5") + "hello" + with_body("POST /no", "5"), "200:1 404 closed"},
    });
}

TEST_CASE("strict HTTP: a body in chunks", "[strict_http]") {
    const std::string one = get("/p/1");
    const auto chunked = [&one](const std::string& body, const std::string& headers = "") {
        return "POST /body HTTP/1.1\r\nHost: a\r\n" + headers +
               "Transfer-Encoding: chunked\r\n\r\n" + body + one;
    };
    const auto extended = [&chunked](const std::string& extension) {
        return chunked("2" + extension + "\r\nhi\r\n0\r\n\r\n");
    };
    const auto trailed = [&chunked](const std::string& trailers) {
        return chunked("2\r\nhi\r\n0\r\n" + trailers + "\r\n");
    };
    const std::string good = "200:hi 200:1 open";
    const std::string hundred(100, 'x');
    check({
        {chunked("2\r\nhi\r\n0\r\n\r\n"), good},
        {chunked("1\r\nh\r\n1\r\ni\r\n0\r\n\r\n"), good},
        {chunked("002\r\nhi\r\n000\r\n\r\n"), good},
        {chunked("0\r\n\r\n"), "200: 200:1 open"},
        {chunked("4\r\n\r\n\r\n\r\n0\r\n\r\n"), "200:\r\n\r\n 200:1 open"},
        {chunked("a\r\n0123456789\r\n0\r\n\r\n"), "200:0123456789 200:1 open"},
        {chunked("A\r\n0123456789\r\n0\r\n\r\n"), "200:0123456789 200:1 open"},
        {chunked("2\r\nhi\r\n0\r\n\r\n", "Expect: 100-continue\r\n"), good},
        {chunked("2\r\nhi\r\n0\r\n\r\n", "Connection: close\r\n"), "200:hi closed"},
        // Sizes.
        {chunked("\r\nhi\r\n0\r\n\r\n"), "400 closed"},
        {chunked("0x2\r\nhi\r\n0\r\n\r\n"), "400 closed"},
        {chunked("+2\r\nhi\r\n0\r\n\r\n"), "400 closed"},
        {chunked("-2\r\nhi\r\n0\r\n\r\n"), "400 closed"},
        {chunked("2h\r\nhi\r\n0\r\n\r\n"), "400 closed"},
        {chunked("2_0\r\nhi\r\n0\r\n\r\n"), "400 closed"},
        {chunked("2,2\r\nhi\r\n0\r\n\r\n"), "400 closed"},
        {chunked(" 2\r\nhi\r\n0\r\n\r\n"), "400 closed"},
        {chunked("2 \r\nhi\r\n0\r\n\r\n"), "400 closed"},
        {chunked("2\t\r\nhi\r\n0\r\n\r\n"), "400 closed"},
        {chunked("2\0\r\nhi\r\n0\r\n\r\n"s), "400 closed"},
        {chunked("\xEF\xBC\x92\r\nhi\r\n0\r\n\r\n"), "400 closed"},
        {chunked("100000002\r\nhi\r\n0\r\n\r\n"), "413 closed"},
        {chunked("10000000000000002\r\nhi\r\n0\r\n\r\n"), "413 closed"},
        {chunked("fffffffe\r\nhi\r\n0\r\n\r\n"), "413 closed"},
        {chunked(std::string(1022, '0') + "2\r\nhi\r\n0\r\n\r\n"), good},
        {chunked(std::string(1024, '0') + "2\r\nhi\r\n0\r\n\r\n"), "413 closed"},
        {chunked(std::string(2000, '0')), "413 closed"},
        // Ends of lines and of chunks.
        {chunked("2\nhi\r\n0\r\n\r\n"), "400 closed"},
        {chunked("2\rhi\r\n0\r\n\r\n"), "400 closed"},
        {chunked("2\r\nhi0\r\n\r\n"), "400 closed"},
        {chunked("2\r\nhi\n0\r\n\r\n"), "400 closed"},
        {chunked("2\r\nhi\r0\r\n\r\n"), "400 closed"},
        {chunked("2\r\nhigh\r\n0\r\n\r\n"), "400 closed"},
        {chunked("3\r\nhi\r\n0\r\n\r\n"), "400 closed"},
        {chunked("2\r\nhi\r\n\r\n0\r\n\r\n"), "400 closed"},
        {chunked("2\r\nhi\r\n0\n\r\n"), "400 closed"},
        {chunked("2\r\nhi\r\n0\r\n\n"), "400 closed"},
        {chunked("2\r\nhi\r\n0\r\n"), "400 closed"}, // the next request as trailers
        // Extensions: each is well formed, or the request is refused.
        {extended(";a"), good},
        {extended(";a=b"), good},
        {extended(";a=\"b\""), good},
        {extended(" ; a = b\t;\tc"), good},
        {extended(";a=\"\\\"; \\\\ \xC3\xBC\t\";b"), good},
        {extended(";a=\"\""), good},
        {chunked("2\r\nhi\r\n0;a=b\r\n\r\n"), good},
        {extended(";"), "400 closed"},
        {extended(";;a"), "400 closed"},
        {extended(";a;"), "400 closed"},
        {extended(";a "), "400 closed"},
        {extended(";a="), "400 closed"},
        {extended(";a=b c"), "400 closed"},
        {extended(";=b"), "400 closed"},
        {extended(";a=\"b"), "400 closed"},
        {extended(";a=\"b\\\""), "400 closed"},
        {extended(";a=\"b\"c"), "400 closed"},
        {extended(";a=b\"c\""), "400 closed"},
        {extended(";a\nb"), "400 closed"},
        {extended(";a\rb"), "400 closed"},
        {extended(";a=\"\n\""), "400 closed"},
        {extended(";a=\"\r\n\""), "400 closed"},
        {extended(";a\0"s), "400 closed"},
        {extended(";" + std::string(1022, 'a')), good},
        {extended(";" + std::string(1023, 'a')), "413 closed"},
        // Trailers: read and thrown away, whatever they say.
        {trailed("A: b\r\n"), good},
        {trailed("A: b\r\nC:\r\n"), good},
        {trailed("Content-Length: 5\r\nTransfer-Encoding: x\r\nHost: b\r\n"), good},
        {trailed("A b\r\n"), "400 closed"},
        {trailed(": b\r\n"), "400 closed"},
        {trailed("A : b\r\n"), "400 closed"},
        {trailed("A: b\r\n c\r\n"), "400 closed"},
        {trailed("A: b\n"), "400 closed"},
        {trailed("A: b\0\r\n"s), "400 closed"},
        {trailed("A: " + std::string(9000, 'b') + "\r\n"), "431 closed"},
        {trailed("A: " + std::string(9000, 'b')), "431 closed"},
        // The bound of a path counts what the chunks have.
        {chunked("64\r\n" + hundred + "\r\n0\r\n\r\n"), "200:" + hundred + " 200:1 open"},
        {chunked("65\r\n" + hundred + "x\r\n0\r\n\r\n"), "413 closed"},
        {chunked("64\r\n" + hundred + "\r\n1\r\nx\r\n0\r\n\r\n"), "413 closed"},
    });
}

TEST_CASE("strict HTTP: a body in chunks that nothing takes is refused before it comes",
          "[strict_http]") {
    const auto with_chunks = [](const std::string& request_line) {
        return request_line + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    };
    check({
        {with_chunks("POST /no"), "404 closed"},
        {with_chunks("GET /p/1"), "413 closed"},
        {with_chunks("HEAD /p/1"), "413 closed"},
        {with_chunks("PUT /p/1"), "501 closed"},
        {with_chunks("POST /p/1"), "unfinished"},
        {with_chunks("POST /p/1") + "5\r\nhello\r\n0\r\n", "unfinished"},
        {with_chunks("POST /p/1") + "65\r\n", "413 closed"},
    });
}

TEST_CASE("strict HTTP: no body that two readers could end differently", "[strict_http]") {
    const std::string chunked = "0\r\n\r\n";
    const auto encoding = [&chunked](const std::string& header) {
        return smuggle(header, chunked);
    };
    check({
        {encoding("Transfer-Encoding: chunked\r\n"), "200:1 200:smuggled open"},
        {encoding("TRANSFER-ENCODING: CHUNKED\r\n"), "200:1 200:smuggled open"},
        {encoding("Transfer-Encoding:chunked\r\n"), "200:1 200:smuggled open"},
        {encoding("Transfer-Encoding:\tchunked \r\n"), "200:1 200:smuggled open"},
        // Chunks are the one coding, and the last.
        {encoding("Transfer-Encoding: gzip, chunked\r\n"), "501 closed"},
        {encoding("Transfer-Encoding: chunked, gzip, chunked\r\n"), "400 closed"},
        {encoding("Transfer-Encoding: chunked, chunked\r\n"), "400 closed"},
        {encoding("Transfer-Encoding: chunked, identity\r\n"), "400 closed"},
        {encoding("Transfer-Encoding: chunked,\r\n"), "400 closed"},
        {encoding("Transfer-Encoding: chunked;q=1\r\n"), "400 closed"},
        {encoding("Transfer-Encoding: identity\r\n"), "400 closed"},
        {encoding("Transfer-Encoding: xchunked\r\n"), "400 closed"},
        {encoding("Transfer-Encoding: x chunked\r\n"), "400 closed"},
        {encoding("Transfer-Encoding: \"chunked\"\r\n"), "400 closed"},
        {encoding("Transfer-Encoding:\r\n"), "400 closed"},
        {encoding("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"), "400 closed"},
        {encoding("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), "400 closed"},
        {encoding("Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n"), "400 closed"},
        {"POST /p/1 HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked, "400 closed"},
        // CL.TE, TE.CL and their disguises.
        {encoding("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), "400 closed"},
        {encoding("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), "400 closed"},
        {encoding("Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n"), "400 closed"},
        {encoding("Content-Length: 5\r\nTransfer-Encoding: identity\r\n"), "400 closed"},
        {encoding("Content-Length: 5\r\nTransfer-Encoding:\r\n"), "400 closed"},
        {encoding("Content-Length: 5\r\nTransfer-Encoding : chunked\r\n"), "400 closed"},
        {encoding("Content-Length: 5\r\n Transfer-Encoding: chunked\r\n"), "400 closed"},
        {encoding("Content-Length: 5\r\nX: y\r\n Transfer-Encoding: chunked\r\n"), "400 closed"},
        {encoding("Content-Length: 5\r\nTransfer-Encoding:\r\n chunked\r\n"), "400 closed"},
        {encoding("Content-Length: 5\r\nTransfer-Encoding\r\n: chunked\r\n"), "400 closed"},
        {encoding("Content-Length: 5\r\nX: y\nTransfer-Encoding: chunked\r\n"), "400 closed"},
        {encoding("Content-Length: 5\r\nX: y\rTransfer-Encoding: chunked\r\n"), "400 closed"},
        {encoding("Content-Length: 5\r\nTransfer-Encoding: \vchunked\r\n"), "400 closed"},
        {encoding("Content-Length: 5\r\nTransfer-Encoding: chunked\0\r\n"s), "400 closed"},
        {encoding("Content-Length: 5\r\nTransfer-Encoding\0: chunked\r\n"s), "400 closed"},
        {encoding("Content-Length: 5\r\nTransfer-Encoding: chunked\n"), "400 closed"},
        // A body that is compressed is none of ours to unpack.
        {smuggle("Content-Length: 5\r\nContent-Encoding: gzip\r\n", "hello"), "415 closed"},
        // Other names are other headers: the length alone counts, and everybody must see it so.
        {smuggle("Content-Length: 5\r\nTransfer_Encoding: chunked\r\n", chunked),
         "200:1 200:smuggled open"},
        {smuggle("Content-Length: 5\r\nX-Transfer-Encoding: chunked\r\n", chunked),
         "200:1 200:smuggled open"},
        {smuggle("Content-Length: 5\r\nTE: chunked\r\n", chunked), "200:1 200:smuggled open"},
        {smuggle("Content-Length: 5\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n", chunked),
         "200:1 200:smuggled open"},
    });
}

TEST_CASE("strict HTTP: what each answer says of itself", "[strict_http]") {
    const std::string from = date_text(std::time(nullptr));
    Connection connection;
    connection.take(get("/p/1") + get("/no") + "HEAD /p/1 HTTP/1.1\r\nHost: a\r\n\r\n" +
                    "PUT / HTTP/1.1\r\nHost: a\r\n\r\n");
    Connection refused;
    refused.take(get("/p/.."));
    std::vector<std::string> answers = connection.answers;
    answers.push_back(refused.answers.at(0));
    answers.push_back(error_answer(408));
    REQUIRE(answers.size() == 6);
    const std::string to = date_text(std::time(nullptr));
    for (const std::string& answer : answers) {
        CAPTURE(answer);
        const std::size_t date = answer.find("\r\nDate: ") + 8;
        REQUIRE(date < answer.find("\r\n\r\n"));
        const std::string text = answer.substr(date, kDateBytes);
        CHECK((text == from || text == to || from.substr(0, 17) != to.substr(0, 17)));
        CHECK(answer.substr(date + kDateBytes, 2) == "\r\n");
        CHECK(answer.find("\r\nDate: ", date) == std::string::npos);
        const std::size_t end = answer.find("\r\n\r\n");
        CHECK(answer.find("\r\nX-Content-Type-Options: nosniff\r\n") < end);
        CHECK(answer.find("\r\nCross-Origin-Resource-Policy: same-origin\r\n") < end);
        CHECK(answer.find("\r\nServer: zcomet/") != std::string::npos);
    }
}

TEST_CASE("strict HTTP: no answer to HEAD has a body", "[strict_http]") {
    for (const std::string& request : std::vector<std::string>{
             "HEAD /p/1 HTTP/1.1\r\nHost: a\r\n\r\n"s,
             "HEAD /p/1 HTTP/1.0\r\n\r\n"s,
             "HEAD /no HTTP/1.1\r\nHost: a\r\n\r\n"s,
             "HEAD /p/1 HTTP/1.1\r\n\r\n"s,
             "HEAD /p/.. HTTP/1.1\r\nHost: a\r\n\r\n"s,
             "HEAD * HTTP/1.1\r\nHost: a\r\n\r\n"s,
             "HEAD /p/1 x HTTP/1.1\r\nHost: a\r\n\r\n"s,
             "HEAD /p/1 HTTP/3.0\r\nHost: a\r\n\r\n"s,
             "HEAD /p/1\n"s,
             "HEAD /\0"s,
             "HEAD /" + std::string(9000, 'x'),
             "HEAD /p/1 HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n"s,
             "HEAD /p/1 HTTP/1.1\r\nHost: a\r\nX: " + std::string(9000, 'x'),
             "HEAD /p/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"s,
             "HEAD /p/1 HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n\r\n"s,
             "HEAD /p/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n"s,
             "\r\nHEAD /p/1 HTTP/1.1\r\n\r\n"s,
         }) {
        CAPTURE(request);
        for (const bool is_slow : {false, true}) {
            Connection connection;
            for (std::size_t at = 0; at < request.size(); at += is_slow ? 1 : request.size()) {
                connection.take(request.substr(at, is_slow ? 1 : request.size()));
            }
            REQUIRE(connection.answers.size() == 1);
            const std::string& answer = connection.answers[0];
            CHECK(answer.find("\r\n\r\n") + 4 == answer.size());
            CHECK(answer.find("\r\nContent-Length: 0\r\n") == std::string::npos);
        }
    }
}

TEST_CASE("a target is split at its path and its first question mark", "[target]") {
    const auto split = [](std::string_view target) {
        const auto parts = split_target(target);
        return parts ? std::string(parts->path).append(" ").append(parts->query) : "none";
    };
    CHECK(split("/a/b?c?d") == "/a/b c?d");
    CHECK(split("/a") == "/a ");
    CHECK(split("/?") == "/ ");
    CHECK(split("http://h:80/a?b") == "/a b");
    CHECK(split("HTTP://h?b") == "/ b");
    CHECK(split("http://") == "/ ");
    CHECK(split("a") == "none");
    CHECK(split("") == "none");
    CHECK(split("http:/") == "none");
    CHECK_FALSE(valid_target(""));
    CHECK_FALSE(valid_target("http://"));
}

TEST_CASE("a date has the form of HTTP", "[date]") {
    CHECK(date_text(784'111'777) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(date_text(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK(date_text(1'709'164'800) == "Thu, 29 Feb 2024 00:00:00 GMT");
    CHECK(date_text(4'102'444'799) == "Thu, 31 Dec 2099 23:59:59 GMT");
    CHECK(date_now().size() == kDateBytes);
    const std::time_t before = std::time(nullptr);
    const std::string now(date_now());
    const std::time_t after = std::time(nullptr);
    CHECK((now == date_text(before) || now == date_text(after) || after > before + 1));
}

} // namespace
} // namespace zcomet::http::strict_http_test
