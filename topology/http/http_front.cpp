#include "topology/http/http_front.hpp"

#include "topology/base/check.hpp"
#include "topology/http/cors.hpp"
#include "topology/http/date.hpp"
#include "topology/http/headers.hpp"
#include "topology/http/httplib_server.hpp"
#include "topology/http/page_guard.hpp"
#include "topology/http/target.hpp"

#include <absl/container/inlined_vector.h>
#include <httplib.h>

#include <algorithm>
#include <cctype>
#include <exception>
#include <utility>

namespace zcomet::http {

namespace {

constexpr const char* kServer = "zcomet/" ZCOMET_VERSION;
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kPost = "POST";

/// Browsers then take a page for what its Content-Type says, and show the beginning of a stream at
/// once: they need not collect bytes to guess from.
constexpr const char* kNoSniff = "X-Content-Type-Options";
constexpr const char* kNoSniffValue = "nosniff";
/// Keeps what a page of another site embeds without CORS (an image, a script) out of that page's
/// memory (WHATWG Fetch, "Cross-Origin-Resource-Policy").
constexpr const char* kResourcePolicy = "Cross-Origin-Resource-Policy";
constexpr const char* kResourcePolicyValue = "same-origin";

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

/// The request line in the form meant for the library: with the path alone. The library would
/// refuse a query that has a "?", and knows no absolute form.
void copy_request_line(std::string& out, std::string_view line) {
    const std::size_t method_end = line.find(' ');
    const std::size_t target_end = line.rfind(' ');
    if (method_end < target_end && target_end != std::string_view::npos) {
        const auto target = split_target(line.substr(method_end + 1, target_end - method_end - 1));
        if (target) {
            out.append(line.substr(0, method_end + 1));
            out.append(target->path);
            line.remove_prefix(target_end);
        }
    }
    out.append(line);
}

/// Puts the request's head into `out` in the form meant for the library. The library does not get
/// the body: a route sees that as it came.
void copy_for_library(std::string& out, std::string_view request) {
    out.clear();
    const std::size_t line_end = std::min(request.find('\n'), request.size());
    copy_request_line(out, request.substr(0, line_end));
    request.remove_prefix(line_end);
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
            return;
        }
    }
}

std::string_view query_of(std::string_view request) {
    const std::size_t begin = request.find(' ') + 1;
    const auto target = split_target(request.substr(begin, request.find(' ', begin) - begin));
    return target ? target->query : std::string_view();
}

std::string_view body_of(std::string_view request) {
    const std::size_t end = request.find(kHeadEnd);
    return end == std::string_view::npos ? std::string_view()
                                         : request.substr(end + kHeadEnd.size());
}

/// Whether one of the request's Connection headers has the token, "close" or "keep-alive".
bool wants_connection(const httplib::Request& request, std::string_view token) {
    const auto [first, last] = request.headers.equal_range("Connection");
    return std::any_of(first, last,
                       [token](const auto& header) { return list_has(header.second, token); });
}

bool keeps_alive(const httplib::Request& request) {
    if (request.version == "HTTP/1.1") {
        return !wants_connection(request, "close");
    }
    return request.version == "HTTP/1.0" && wants_connection(request, "keep-alive") &&
           !wants_connection(request, "close");
}

/// The request line of most requests: "GET" or "POST", a path without a query and with nothing to
/// decode, and HTTP/1.1.
struct PlainLine {
    std::string_view method;
    std::string_view path;
};

/// @return nothing: the library has to read it.
std::optional<PlainLine> read_plain_line(std::string_view request) {
    constexpr std::string_view kAfter = " HTTP/1.1\r\n";
    const std::string_view method = request.substr(0, request.find(' '));
    if (method != "GET" && method != kPost) {
        return std::nullopt;
    }
    request.remove_prefix(std::min(method.size() + 1, request.size()));
    const std::string_view path = request.substr(0, request.find_first_of(" %?#\r"));
    request.remove_prefix(path.size());
    const bool is_plain = path.starts_with('/') && request.starts_with(kAfter);
    return is_plain ? std::optional(PlainLine{method, path}) : std::nullopt;
}

/// Calls `visit` with the decoded value of each parameter with this name, until it returns false.
template <typename Visit>
void for_each_value(std::string_view query, std::string_view name, Visit&& visit) {
    while (!query.empty()) {
        const std::string_view one = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(one.size() + 1, query.size()));
        const std::string_view key = one.substr(0, one.find('='));
        if (key == name) {
            const std::string_view value = one.substr(std::min(key.size() + 1, one.size()));
            if (!visit(httplib::detail::decode_url(std::string(value), true))) {
                return;
            }
        }
    }
}

constexpr std::string_view kOptions = "OPTIONS";
constexpr int kNoContent = 204;

/// RFC 9112, section 2.2: some clients send an empty line after the body of a POST.
std::string_view without_empty_lines(std::string_view request) {
    while (request.starts_with("\r\n")) {
        request.remove_prefix(2);
    }
    return request;
}

/// Whether a connection may go on after an answer with this status.
bool understood(int status) {
    return status < 400 || status == 404;
}

std::string_view reason_of(int status) {
    switch (status) {
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 404:
        return "Not Found";
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 415:
        return "Unsupported Media Type";
    case 421:
        return "Misdirected Request";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 200:
        return "OK";
    case 202:
        return "Accepted";
    case 204:
        return "No Content";
    case 403:
        return "Forbidden";
    case 500:
        return "Internal Server Error";
    case 501:
        return "Not Implemented";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Error";
    }
}

/// "404 Not Found", and the sentence with details, if there is one.
std::string error_text(int status, std::string_view sentence = {}) {
    std::string text = std::to_string(status) + ' ';
    text.append(reason_of(status));
    if (!sentence.empty()) {
        text.append(": ").append(sentence);
    }
    return text + '\n';
}

Answer error_of(int status, std::string_view request) {
    return {.bytes = error_answer(status, request.starts_with("HEAD ")),
            .status = status,
            .keeps_connection = false};
}

/// Header lines in the order in which the library writes them: by name, in any case.
class HeaderLines {
  public:
    /// Both are borrowed.
    void add(std::string_view name, std::string_view value) {
        const auto place = std::upper_bound(
            lines_.begin(), lines_.end(), name,
            [](std::string_view one, const Line& other) { return is_before(one, other.name); });
        lines_.insert(place, {name, value});
    }
    void append_to(std::string& out) const {
        for (const Line& line : lines_) {
            out.append(line.name).append(": ").append(line.value).append("\r\n");
        }
    }

  private:
    struct Line {
        std::string_view name;
        std::string_view value;
    };
    static bool is_before(std::string_view one, std::string_view other) {
        return std::lexicographical_compare(
            one.begin(), one.end(), other.begin(), other.end(),
            [](unsigned char c, unsigned char d) { return std::tolower(c) < std::tolower(d); });
    }

    absl::InlinedVector<Line, 12> lines_; // so many need no memory of their own
};

/// Writes nothing: the library's part ends with the head.
bool no_content(std::size_t /*offset*/, httplib::DataSink& /*sink*/) {
    return false;
}

/// Hands the reply to the library.
void put(const Reply& reply, httplib::Response& response) {
    response.status = reply.status;
    for (const Reply::Header& header : reply.headers) {
        response.set_header(std::string(header.name), header.value);
    }
    const std::string type(reply.type);
    switch (reply.body) {
    case Reply::Body::kLater:
    case Reply::Body::kWhole:
        if (!reply.text.empty() || reply.status < 400) {
            response.set_content(reply.text, type);
        }
        return;
    case Reply::Body::kChunked:
        response.set_chunked_content_provider(type, no_content);
        return;
    case Reply::Body::kBare:
        response.set_content_provider(type, no_content);
        return;
    }
}

} // namespace

/// The library's server; only its answer_from() is used.
class HttpFront::Library : private HttplibServer {
  public:
    using Make = std::function<Reply(const httplib::Request&)>;

    Library();
    /// @param make  makes the reply once the library has read the request.
    [[nodiscard]] Answer ask(std::string_view whole_request, Keeping keeping, const Make& make);

  private:
    void finish_head(const httplib::Request& request, httplib::Response& response);

    std::string head_; // as the library sees it
    // Set during ask(): the library has no other way to pass something to its handlers.
    const Make* make_ = nullptr;
    Keeping keeping_ = Keeping::kAsAsked;
    Answer answer_;
};

HttpFront::Library::Library() {
    set_default_headers(
        {{"Server", kServer}, {kNoSniff, kNoSniffValue}, {kResourcePolicy, kResourcePolicyValue}});
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
        put((*make_)(request), response);
        return HandlerResponse::Handled;
    });
    set_post_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
        finish_head(request, response);
    });
    set_error_handler([](const httplib::Request&, httplib::Response& response) {
        if (response.body.empty()) {
            response.set_content(error_text(response.status), std::string(kPlainText));
        }
    });
    // Without one, the library puts the exception's text into a header.
    set_exception_handler([](const httplib::Request&, httplib::Response& response,
                             const std::exception_ptr&) { response.status = 500; });
}

Answer HttpFront::Library::ask(std::string_view whole_request, Keeping keeping, const Make& make) {
    answer_ = Answer{};
    make_ = &make;
    keeping_ = keeping;
    copy_for_library(head_, whole_request);
    try {
        MemoryStream stream(head_, answer_.bytes);
        answer_from(stream);
        if (answer_.bytes.empty()) {
            answer_ = error_of(400, whole_request);
        }
    } catch (const std::exception&) {
        answer_ = error_of(500, whole_request);
    }
    return std::move(answer_);
}

void HttpFront::Library::finish_head(const httplib::Request& request, httplib::Response& response) {
    // What the library says about connections means its own, which have other limits.
    response.headers.erase("Connection");
    response.headers.erase("Keep-Alive");
    response.headers.erase("Accept-Ranges");
    const bool body_ends =
        response.has_header("Content-Length") || response.has_header("Transfer-Encoding");
    response.set_header("Date", std::string(date_now()));
    answer_.form = {.keeps_connection = keeping_ == Keeping::kAsAsked && keeps_alive(request),
                    .is_http_1_0 = request.version == "HTTP/1.0",
                    .is_head = request.method == "HEAD"};
    const bool keep = body_ends && understood(response.status) && answer_.form.keeps_connection;
    if (!keep) {
        response.set_header("Connection", "close");
    } else if (request.version == "HTTP/1.0") {
        response.set_header("Connection", "keep-alive");
    }
    answer_.status = response.status;
    answer_.keeps_connection = keep;
}

std::string_view Request::header(std::string_view name) const {
    return header_in(head, name);
}

std::string Request::parameter(std::string_view name) const {
    std::string value;
    for_each_value(query, name, [&value](std::string&& first) {
        value = std::move(first);
        return false;
    });
    return value;
}

std::vector<std::string> Request::parameters(std::string_view name) const {
    std::vector<std::string> values;
    for_each_value(query, name, [&values](std::string&& value) {
        values.push_back(std::move(value));
        return true;
    });
    return values;
}

Reply error_reply(int status, std::string_view sentence) {
    Reply reply;
    reply.status = status;
    reply.text = error_text(status, sentence);
    return reply;
}

HttpFront::HttpFront(std::vector<Pattern> patterns, Keeping keeping)
    : patterns_(std::move(patterns)), keeping_(keeping), constant_answers_(patterns_.size()),
      library_(std::make_unique<Library>()) {}

HttpFront::~HttpFront() = default;

void HttpFront::close_connections() {
    keeping_ = Keeping::kNever;
    constant_answers_.assign(patterns_.size(), {}); // they say otherwise
}

/// What the library does with a route that throws, where it is not asked.
Reply HttpFront::reply_of(std::size_t pattern, const Request& request, const Respond& respond) {
    try {
        return respond(pattern, request);
    } catch (const std::exception&) {
        return error_reply(500);
    }
}

Answer HttpFront::handle(std::string_view whole_request, const Respond& respond) {
    whole_request = without_empty_lines(whole_request);
    if (const auto refusal = refusal_of(whole_request)) {
        return late_answer(*refusal, {.is_head = whole_request.starts_with("HEAD ")});
    }
    const auto plain = read_plain_line(whole_request);
    const std::size_t pattern = plain ? match(plain->method, plain->path) : patterns_.size();
    if (pattern == patterns_.size()) {
        return ask_library(whole_request, respond);
    }
    Request request = request_for(pattern, plain->method, plain->path);
    request.version = "HTTP/1.1";
    request.head = whole_request;
    if (plain->method == kPost) {
        request.body = body_of(whole_request);
        return answer_post(pattern, request, respond);
    }
    const bool depends_on_origin = cors_ != nullptr && !request.header("Origin").empty();
    return patterns_[pattern].has_constant_head && !depends_on_origin &&
                   !says_connection_close(whole_request)
               ? answer_constant(pattern, request, respond)
               : ask_library(whole_request, respond);
}

Answer HttpFront::answer_post(std::size_t pattern, const Request& request, const Respond& respond) {
    AnswerForm form{.keeps_connection =
                        keeping_ == Keeping::kAsAsked && !says_connection_close(request.head)};
    const Reply reply = reply_of(pattern, request, respond);
    if (cors_ != nullptr) {
        cors_->add_headers(request.header("Origin"), form.headers);
    }
    if (reply.body == Reply::Body::kLater) {
        Answer later;
        later.form = std::move(form);
        return later;
    }
    return late_answer(reply, form);
}

Answer HttpFront::answer_constant(std::size_t pattern, const Request& request,
                                  const Respond& respond) {
    Reply reply = reply_of(pattern, request, respond);
    if (reply.body == Reply::Body::kLater) {
        Answer later;
        later.form.keeps_connection = keeping_ == Keeping::kAsAsked;
        if (cors_ != nullptr) {
            cors_->add_headers({}, later.form.headers);
        }
        return later;
    }
    if (cors_ != nullptr) {
        cors_->add_headers({}, reply.headers);
    }
    const auto ask = [&] {
        return library_->ask(request.head, keeping_,
                             [&reply](const httplib::Request&) { return reply; });
    };
    if (reply.body == Reply::Body::kWhole) {
        return ask(); // an error
    }
    ConstantAnswer& constant = constant_answers_[pattern];
    if (constant.answer.bytes.empty()) {
        constexpr std::string_view kDate = "\r\nDate: ";
        constant.answer = ask();
        constant.date = constant.answer.bytes.find(kDate) + kDate.size();
    }
    constant.answer.bytes.replace(constant.date, kDateBytes, date_now());
    return constant.answer;
}

Answer HttpFront::ask_library(std::string_view whole_request, const Respond& respond) {
    const std::string_view method = whole_request.substr(0, whole_request.find(' '));
    if (!takes_method(method)) {
        return error_of(method.size() < whole_request.size() ? 501 : 400, whole_request);
    }
    std::vector<Reply::Header> added;
    Answer answer = library_->ask(whole_request, keeping_, [&](const httplib::Request& seen) {
        Request request;
        request.head = whole_request;
        if (seen.method == kOptions) {
            return preflight(request, seen.path);
        }
        const std::size_t pattern = match(seen.method, seen.path);
        if (pattern == patterns_.size()) {
            return error_reply(404);
        }
        request = request_for(pattern, seen.method, seen.path);
        request.version = seen.version;
        request.query = query_of(whole_request);
        request.body = body_of(whole_request);
        request.head = whole_request;
        Reply reply = respond(pattern, request);
        if (cors_ != nullptr) {
            added.clear();
            cors_->add_headers(request.header("Origin"), added);
            reply.headers.insert(reply.headers.end(), added.begin(), added.end());
        }
        return reply;
    });
    answer.form.headers = std::move(added);
    return answer;
}

std::optional<Reply> HttpFront::refusal_of(std::string_view head) {
    return guard_ == nullptr ? std::nullopt : guard_->refusal(head);
}

bool HttpFront::takes_method(std::string_view method) const {
    return method == "GET" || method == "HEAD" || method == "POST" ||
           (cors_ != nullptr && method == kOptions);
}

Reply HttpFront::preflight(const Request& request, std::string_view path) const {
    for (const std::string_view method : {"GET", "POST"}) {
        const bool is_wanted = method == request.header("Access-Control-Request-Method");
        if (is_wanted && match(method, path) < patterns_.size()) {
            return cors_->preflight(request, method);
        }
    }
    return error_reply(404);
}

std::optional<Answer> HttpFront::refuse_body(std::string_view head, std::size_t body_bytes) {
    head = without_empty_lines(head);
    if (const auto refusal = refusal_of(head)) {
        return late_answer(*refusal, {.is_head = head.starts_with("HEAD ")});
    }
    if (const std::string_view method = head.substr(0, head.find(' '));
        !takes_method(method) || method == kOptions) {
        return error_of(501, head);
    }
    if (const auto plain = read_plain_line(head)) {
        const auto refusal = body_refusal(plain->method, plain->path, body_bytes);
        return refusal ? std::optional(late_answer(*refusal, {})) : std::nullopt;
    }
    bool is_taken = false;
    Answer answer = library_->ask(head, Keeping::kNever, [&](const httplib::Request& seen) {
        auto refusal = body_refusal(seen.method, seen.path, body_bytes);
        is_taken = !refusal;
        return std::move(refusal).value_or(Reply());
    });
    return is_taken ? std::nullopt : std::optional(std::move(answer));
}

std::optional<Reply> HttpFront::body_refusal(std::string_view method, std::string_view path,
                                             std::size_t body_bytes) const {
    const std::size_t pattern = match(method, path);
    if (pattern == patterns_.size()) {
        return error_reply(404);
    }
    const std::size_t bytes_max = patterns_[pattern].body_bytes_max;
    if (body_bytes <= bytes_max) {
        return std::nullopt;
    }
    return error_reply(413, bytes_max == 0 ? "this path takes no body"
                                           : "this path takes a body of at most " +
                                                 std::to_string(bytes_max) + " bytes");
}

/// @return the index of the first pattern that matches, or their count if none does.
std::size_t HttpFront::match(std::string_view method, std::string_view path) const {
    const auto found =
        std::find_if(patterns_.begin(), patterns_.end(), [&](const Pattern& pattern) {
            const bool answers_method =
                method == pattern.method || (method == "HEAD" && pattern.method == "GET");
            const bool is_prefix = pattern.path.ends_with('*');
            const std::string_view prefix = pattern.path.substr(0, pattern.path.size() - 1);
            return answers_method && (is_prefix ? path.starts_with(prefix) : path == pattern.path);
        });
    return static_cast<std::size_t>(found - patterns_.begin());
}

Request HttpFront::request_for(std::size_t pattern, std::string_view method,
                               std::string_view path) const {
    const std::string_view pattern_path = patterns_[pattern].path;
    Request request;
    request.method = method;
    request.path = path;
    request.rest =
        pattern_path.ends_with('*') ? path.substr(pattern_path.size() - 1) : std::string_view();
    return request;
}

Pages::Pages(std::vector<Route> routes, Keeping keeping)
    : routes_(std::move(routes)),
      front_(
          [this] {
              std::vector<Pattern> patterns;
              for (const Route& route : routes_) {
                  patterns.push_back({.method = route.method,
                                      .path = route.path,
                                      .body_bytes_max = route.body_bytes_max});
              }
              return patterns;
          }(),
          keeping) {}

Answer Pages::handle(std::string_view whole_request) {
    return front_.handle(whole_request, [this](std::size_t route, const Request& request) {
        return routes_[route].respond(request);
    });
}

std::string error_answer(int status, bool is_head) {
    return late_answer(error_reply(status), {.is_head = is_head}).bytes;
}

Answer late_answer(const Reply& reply, const AnswerForm& form) {
    ZCOMET_ASSERT(reply.body == Reply::Body::kWhole);
    const bool is_nameless_error = reply.text.empty() && reply.status >= 400;
    const std::string error = is_nameless_error ? error_text(reply.status) : std::string();
    const std::string_view text = is_nameless_error ? error : std::string_view(reply.text);
    const std::string length = std::to_string(text.size());
    Answer answer;
    answer.status = reply.status;
    answer.form = form;
    answer.keeps_connection = form.keeps_connection && understood(reply.status);
    HeaderLines lines;
    for (const Reply::Header& header : reply.headers) {
        lines.add(header.name, header.value);
    }
    for (const Reply::Header& header : form.headers) {
        lines.add(header.name, header.value);
    }
    if (!answer.keeps_connection) {
        lines.add("Connection", "close");
    } else if (form.is_http_1_0) {
        lines.add("Connection", "keep-alive");
    }
    if (reply.status != kNoContent) { // RFC 9110, section 8.6
        lines.add("Content-Length", length);
        lines.add("Content-Type", is_nameless_error ? kPlainText : reply.type);
    }
    lines.add(kResourcePolicy, kResourcePolicyValue);
    lines.add("Date", date_now());
    lines.add("Server", kServer);
    lines.add(kNoSniff, kNoSniffValue);
    answer.bytes = "HTTP/1.1 " + std::to_string(reply.status) + ' ';
    answer.bytes.append(reason_of(reply.status)).append("\r\n");
    lines.append_to(answer.bytes);
    answer.bytes.append("\r\n");
    if (!form.is_head) {
        answer.bytes.append(text);
    }
    return answer;
}

} // namespace zcomet::http
