#include "webnode/request/http_front.hpp"

#include "topology/base/text.hpp"
#include "topology/wire/id.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <iterator>
#include <utility>

namespace zcomet::webnode::request {

namespace {

constexpr std::string_view kStreamPrefix = "/test/";

/// cpp-httplib matches paths with std::regex, which recurses for each character; no route is this
/// long.
constexpr std::size_t kRoutedPathBytesMax = 1024;

/// The buffer for requests is kept from one to the next up to this size.
constexpr std::size_t kKeptBufferBytes = 65'536;

/// A connection in memory: the library reads the request from it and writes the answer to it.
class MemoryStream final : public httplib::Stream {
  public:
    MemoryStream(std::string_view in, std::string& out) : in_(in), out_(out) {}

    using httplib::Stream::write;
    [[nodiscard]] bool is_readable() const override { return true; }
    [[nodiscard]] bool is_writable() const override { return true; }
    ssize_t read(char* to, std::size_t size) override {
        const std::size_t count = in_.copy(to, size);
        in_.remove_prefix(count);
        return static_cast<ssize_t>(count);
    }
    ssize_t write(const char* from, std::size_t size) override {
        out_.append(from, size);
        return static_cast<ssize_t>(size);
    }
    void get_remote_ip_and_port(std::string& /*host*/, int& /*port*/) const override {}
    void get_local_ip_and_port(std::string& /*host*/, int& /*port*/) const override {}
    [[nodiscard]] socket_t socket() const override { return INVALID_SOCKET; }

  private:
    std::string_view in_;
    std::string& out_;
};

/// Headers that the library acts on in ways that would do harm here, so it does not get to see
/// them:
/// Range and If-Range would cut up streams, and are matched with a regular expression;
/// Expect makes it write a "100 Continue" of its own (RequestReader has seen to that);
/// Accept-Encoding makes it announce a compressed stream, whose chunks are not;
/// Content-Encoding makes it unpack bodies without a bound;
/// multipart bodies are read with regular expressions, which overflow the stack on a long line.
bool hidden_from_library(std::string_view line) {
    static constexpr std::array<std::string_view, 5> kHiddenNames = {
        "Range", "If-Range", "Expect", "Accept-Encoding", "Content-Encoding"};
    const std::string_view name = line.substr(0, line.find(':'));
    if (equals_ignoring_case(name, "Content-Type")) {
        constexpr std::string_view kMultipart = "multipart/";
        const std::size_t value =
            std::min(line.find_first_not_of(" \t", name.size() + 1), line.size());
        return equals_ignoring_case(line.substr(value, kMultipart.size()), kMultipart);
    }
    return std::any_of(kHiddenNames.begin(), kHiddenNames.end(), [name](std::string_view hidden) {
        return equals_ignoring_case(name, hidden);
    });
}

/// Puts the request into `out` as the library shall see it.
void copy_for_library(std::string& out, std::string_view request) {
    out.clear();
    while (!request.empty()) {
        const std::size_t newline = request.find('\n');
        const std::size_t line_bytes =
            newline == std::string_view::npos ? request.size() : newline + 1;
        const std::string_view line = request.substr(0, line_bytes);
        request.remove_prefix(line_bytes);
        if (!hidden_from_library(line)) {
            out.append(line);
        }
        if (line == "\r\n") {
            break; // the end of the head
        }
    }
    out.append(request);
}

/// Whether a comma-separated list has `token` as one of its items, in any case.
bool list_has(std::string_view list, std::string_view token) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        std::string_view item = list.substr(0, comma);
        item.remove_prefix(std::min(item.find_first_not_of(" \t"), item.size()));
        item = item.substr(0, item.find_last_not_of(" \t") + 1);
        if (equals_ignoring_case(item, token)) {
            return true;
        }
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return false;
}

/// Whether one of the request's Connection headers has the token, "close" or "keep-alive".
bool wants_connection(const httplib::Request& request, std::string_view token) {
    const auto [first, last] = request.headers.equal_range("Connection");
    return std::any_of(first, last,
                       [token](const auto& header) { return list_has(header.second, token); });
}

/// Whether one of the headers is Connection, with "close" in its list.
bool says_connection_close(std::string_view head) {
    constexpr std::string_view kName = "connection:";
    while (!head.empty()) {
        const std::size_t line_bytes = std::min(head.find('\n'), head.size() - 1) + 1;
        std::string_view line = head.substr(0, line_bytes);
        head.remove_prefix(line_bytes);
        if (equals_ignoring_case(line.substr(0, kName.size()), kName)) {
            line = line.substr(kName.size(), line.find_first_of("\r\n") - kName.size());
            if (list_has(line, "close")) {
                return true;
            }
        }
        if (line == "\r\n") {
            break;
        }
    }
    return false;
}

/// The id of a request that says nothing but "GET /test/<id> HTTP/1.1" and headers that do not
/// matter for a stream; empty for any other.
std::string_view id_of_plain_stream_request(std::string_view request) {
    constexpr std::string_view kBefore = "GET /test/";
    constexpr std::string_view kAfter = " HTTP/1.1\r\n";
    if (!request.starts_with(kBefore)) {
        return {};
    }
    request.remove_prefix(kBefore.size());
    const std::string_view id = request.substr(0, request.find(' '));
    request.remove_prefix(id.size());
    const bool plain =
        request.starts_with(kAfter) && wire::valid_id(id) && !says_connection_close(request);
    return plain ? id : std::string_view();
}

bool keeps_alive(const httplib::Request& request) {
    if (request.version == "HTTP/1.1") {
        return !wants_connection(request, "close");
    }
    return request.version == "HTTP/1.0" && wants_connection(request, "keep-alive") &&
           !wants_connection(request, "close");
}

/// "GET http://host/path" asks for "/path": RFC 9112, section 3.2.2.
void make_path_of_absolute_form(std::string& path) {
    constexpr std::string_view kScheme = "http://";
    if (path.starts_with(kScheme)) {
        const std::size_t slash = path.find('/', kScheme.size());
        path = slash == std::string::npos ? "/" : path.substr(slash);
    }
}

std::string_view reason_of(int status) {
    switch (status) {
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 408:
        return "Request Timeout";
    case 411:
        return "Length Required";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 415:
        return "Unsupported Media Type";
    case 431:
        return "Request Header Fields Too Large";
    case 500:
        return "Internal Server Error";
    case 501:
        return "Not Implemented";
    case 503:
        return "Service Unavailable";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Error";
    }
}

constexpr const char* kPlainText = "text/plain; charset=utf-8";
constexpr const char* kServer = "zcomet/" ZCOMET_VERSION;

/// "404 Not Found", and the sentence that says more, if there is one.
std::string error_text(int status, std::string_view sentence = {}) {
    std::string text = std::to_string(status) + ' ';
    text.append(reason_of(status));
    if (!sentence.empty()) {
        text.append(": ").append(sentence);
    }
    return text + '\n';
}

Answer error_of(int status) {
    Answer answer;
    answer.bytes = error_answer(status);
    answer.status = status;
    return answer;
}

/// Writes nothing: the library's part ends with the head of a stream.
bool no_content(std::size_t /*offset*/, httplib::DataSink& /*sink*/) {
    return false;
}

} // namespace

HttpFront::HttpFront() {
    set_default_headers({{"Server", kServer}});
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
        return route_first(request, response);
    });
    set_post_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
        finish_head(request, response);
    });
    set_error_handler([](const httplib::Request&, httplib::Response& response) {
        if (response.body.empty()) {
            response.set_content(error_text(response.status), kPlainText);
        }
    });
    // Without one, the library puts the exception's text into a header.
    set_exception_handler([](const httplib::Request&, httplib::Response& response,
                             const std::exception_ptr&) { response.status = 500; });
}

Answer HttpFront::handle(std::string_view whole_request) {
    while (whole_request.starts_with("\r\n")) {
        whole_request.remove_prefix(2);
    }
    if (const std::string_view id = id_of_plain_stream_request(whole_request); !id.empty()) {
        return open_plain_stream(id);
    }
    return ask_library(whole_request);
}

/// What the library answers to all such requests is the same, so it is asked once: it costs as much
/// as three system calls, and opening streams is what a web node does most.
Answer HttpFront::open_plain_stream(std::string_view id) {
    if (plain_stream_head_.empty()) {
        plain_stream_head_ = ask_library("GET /test/0 HTTP/1.1\r\n\r\n").bytes;
    }
    Answer answer;
    answer.bytes = plain_stream_head_;
    answer.next = Answer::Next::kPark;
    answer.status = 200;
    answer.id = id;
    answer.chunked = true;
    return answer;
}

Answer HttpFront::ask_library(std::string_view whole_request) {
    const std::string_view method = whole_request.substr(0, whole_request.find(' '));
    if (method != "GET" && method != "HEAD" && method != "POST") {
        return error_of(method.size() < whole_request.size() ? 501 : 400);
    }
    answer_ = Answer{};
    copy_for_library(request_, whole_request);
    try {
        MemoryStream stream(request_, answer_.bytes);
        answer_from(stream,
                    [](httplib::Request& request) { make_path_of_absolute_form(request.path); });
        if (answer_.bytes.empty()) {
            answer_ = error_of(400);
        }
    } catch (const std::exception&) {
        answer_ = error_of(500);
    }
    if (request_.capacity() > kKeptBufferBytes) {
        request_ = std::string();
    }
    return std::move(answer_);
}

httplib::Server::HandlerResponse HttpFront::route_first(const httplib::Request& request,
                                                        httplib::Response& response) {
    if (request.method != "POST" && request.path.starts_with(kStreamPrefix)) {
        open_stream(request, response);
        return HandlerResponse::Handled;
    }
    if (request.path.size() > kRoutedPathBytesMax) {
        response.status = 404;
        return HandlerResponse::Handled;
    }
    return HandlerResponse::Unhandled;
}

void HttpFront::open_stream(const httplib::Request& request, httplib::Response& response) {
    const std::string_view id = std::string_view(request.path).substr(kStreamPrefix.size());
    if (!wire::valid_id(id)) {
        response.status = 400;
        response.set_content(error_text(400, wire::why_invalid_id(id)), kPlainText);
        return;
    }
    constexpr const char* kHtml = "text/html; charset=utf-8";
    response.status = 200;
    response.set_header("Cache-Control", "no-store");
    response.set_header("X-Accel-Buffering", "no"); // nginx and others then pass chunks on at once
    const bool chunked = request.version == "HTTP/1.1";
    if (chunked) {
        response.set_chunked_content_provider(kHtml, no_content);
    } else {
        response.set_content_provider(kHtml, no_content);
    }
    if (request.method == "GET") {
        answer_.id = id;
        answer_.chunked = chunked;
    }
}

void HttpFront::finish_head(const httplib::Request& request, httplib::Response& response) {
    // What the library says of connections is about its own, which has other limits.
    response.headers.erase("Connection");
    response.headers.erase("Keep-Alive");
    response.headers.erase("Accept-Ranges");
    const bool body_ends =
        response.has_header("Content-Length") || response.has_header("Transfer-Encoding");
    const bool understood = response.status < 400 || response.status == 404;
    const bool keep = body_ends && understood && keeps_alive(request);
    if (!keep) {
        response.set_header("Connection", "close");
    } else if (request.version == "HTTP/1.0") {
        response.set_header("Connection", "keep-alive");
    }
    answer_.status = response.status;
    answer_.next = keep ? Answer::Next::kKeepAlive : Answer::Next::kClose;
    if (!answer_.id.empty()) {
        answer_.next = Answer::Next::kPark;
    }
}

std::string error_answer(int status) {
    const std::string body = error_text(status);
    std::string bytes = "HTTP/1.1 " + std::to_string(status) + ' ';
    bytes.append(reason_of(status));
    bytes.append("\r\nConnection: close\r\nContent-Length: ");
    bytes.append(std::to_string(body.size()));
    bytes.append("\r\nContent-Type: ").append(kPlainText);
    bytes.append("\r\nServer: ").append(kServer);
    bytes.append("\r\n\r\n").append(body);
    return bytes;
}

} // namespace zcomet::webnode::request
