// cpp-httplib without its sockets and threads: a whole request in, the bytes of the answer out. The
// library reads the request and writes the answer; the caller holds the connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::http {

inline constexpr std::string_view kPlainText = "text/plain; charset=utf-8";

/// One request, as a route sees it. All of it is borrowed for the call.
struct Request {
    std::string_view method;  ///< "GET", "HEAD" or "POST"
    std::string_view path;    ///< percent-decoded, without the query
    std::string_view rest;    ///< the part of the path that matched the pattern's "*"
    std::string_view query;   ///< as it came, without its "?"
    std::string_view version; ///< "HTTP/1.1" or "HTTP/1.0"
    std::string_view body;
    std::string_view head; ///< the request as it came, for header()

    /// The value of the first header with this name, in any case; empty if there is none.
    [[nodiscard]] std::string_view header(std::string_view name) const;
    /// The decoded value of the first parameter of the query with this name; empty if there is
    /// none.
    [[nodiscard]] std::string parameter(std::string_view name) const;
    /// The decoded values of all parameters of the query with this name, in their order.
    [[nodiscard]] std::vector<std::string> parameters(std::string_view name) const;
    [[nodiscard]] bool is_http_1_0() const { return version == "HTTP/1.0"; }
};

/// What a route answers.
struct Reply {
    enum class Body : std::uint8_t {
        kWhole,   ///< `text` is the body
        kChunked, ///< the caller writes it after the head, in chunks (HTTP/1.1 only)
        kBare,    ///< the caller writes it after the head; it ends with the connection
        kLater,   ///< nothing is known yet: late_answer() makes the answer
    };
    struct Header {
        std::string_view name; ///< a constant
        std::string value;
    };

    int status = 200;
    std::string text;                   ///< an error without a text gets its name: "404 Not Found"
    std::string_view type = kPlainText; ///< a constant
    std::vector<Header> headers;
    Body body = Body::kWhole;
};

/// An error as plain text: "400 Bad Request", and a sentence with details, if there is one.
[[nodiscard]] Reply error_reply(int status, std::string_view sentence = {});

/// Which requests a route answers.
struct Pattern {
    /// "GET", which includes HEAD, or "POST", to which every reply is Reply::Body::kWhole or
    /// kLater.
    std::string_view method;
    /// A path. With "*" at its end it matches every path that begins with the part before the "*".
    std::string_view path;
    /// The route gives the same head to every GET in HTTP/1.1, with Reply::body kChunked, and looks
    /// only at the request's path. The head is then made once, and the library is not asked again:
    /// its 4 µs would be a fifth of the cost of opening a stream.
    bool has_constant_head = false;
    /// The largest body that the route takes; at most kRequestBodyBytesMax.
    std::size_t body_bytes_max = 0;
};

/// What a late answer needs to know about its request.
struct AnswerForm {
    bool keeps_connection = false; ///< if the answer allows it
    bool is_http_1_0 = false;
    bool is_head = false;                 ///< the head is all of the answer
    std::vector<Reply::Header> headers{}; ///< that the front adds to each answer
};

/// What to write, and whether the connection stays open afterwards.
struct Answer {
    std::string bytes;
    int status = 0;
    /// Whether the next request may follow on the connection. If not, it is closed after the
    /// answer.
    bool keeps_connection = false;
    AnswerForm form{}; ///< for late_answer()
};

/// Whether a connection may carry another request after an answer.
enum class Keeping : std::uint8_t {
    kAsAsked, ///< if the client wants it, and the answer allows it
    kNever,   ///< every answer says `Connection: close`
};

class Cors;
class PageGuard;

/// Every answer has a Date, which is the system's clock at the time, and tells browsers not to
/// guess types. Thread: one at a time. Nothing is kept from one request to the next.
class HttpFront {
  public:
    /// Makes the reply to a request that matches the pattern with this index. May throw: the
    /// answer is then 500, without the exception's text.
    using Respond = std::function<Reply(std::size_t pattern, const Request& request)>;

    /// @param patterns  the first that matches a request answers it.
    explicit HttpFront(std::vector<Pattern> patterns, Keeping keeping = Keeping::kAsAsked);
    ~HttpFront();

    /// From now on answers say which pages of other sites may read them, and OPTIONS is answered as
    /// a preflight. `cors` lives longer than this.
    void allow_origins(const Cors& cors) { cors_ = &cors; }
    /// From now on nothing is served that `guard` refuses. It lives longer than this.
    void guard(PageGuard& guard) { guard_ = &guard; }

    /// From now on every answer says `Connection: close`.
    void close_connections();

    /// Answers one request.
    /// @param whole_request  exactly the bytes that RequestReader found complete; borrowed until
    ///     return.
    /// @param respond        called at most once.
    /// Errors: none thrown. Bytes that are not a request are answered with 400, a method other than
    /// GET, HEAD and POST with 501, a path without a route with 404.
    /// Cost: about 4 µs where the library is asked. It is not asked for a plain request to a
    /// pattern with a constant head, or to one of POST.
    [[nodiscard]] Answer handle(std::string_view whole_request, const Respond& respond);

    /// Decides by a request's head whether to read its body.
    /// @param head        the request line and the header lines, with the empty line.
    /// @param body_bytes  as the head announces; not 0.
    /// @return the answer to a request that no route takes with such a body, or that is not served
    /// at all: 403, 404, 413, 421 or 501.
    /// The connection is closed after it, since the body may still come. Nothing: read the body.
    [[nodiscard]] std::optional<Answer> refuse_body(std::string_view head, std::size_t body_bytes);

  private:
    class Library;
    struct ConstantAnswer {
        Answer answer;        // no bytes until the library was asked
        std::size_t date = 0; // where the Date is in its bytes
    };
    [[nodiscard]] std::size_t match(std::string_view method, std::string_view path) const;
    [[nodiscard]] Request request_for(std::size_t pattern, std::string_view method,
                                      std::string_view path) const;
    [[nodiscard]] static Reply reply_of(std::size_t pattern, const Request& request,
                                        const Respond& respond);
    [[nodiscard]] Answer answer_constant(std::size_t pattern, const Request& request,
                                         const Respond& respond);
    /// Without the library: nothing is to be decoded, and late_answer() writes what it would write.
    [[nodiscard]] Answer answer_post(std::size_t pattern, const Request& request,
                                     const Respond& respond);
    [[nodiscard]] Answer ask_library(std::string_view whole_request, const Respond& respond);
    [[nodiscard]] std::optional<Reply> refusal_of(std::string_view head);
    /// Why a body is not read; nothing: read it.
    [[nodiscard]] std::optional<Reply> body_refusal(std::string_view method, std::string_view path,
                                                    std::size_t body_bytes) const;
    [[nodiscard]] bool takes_method(std::string_view method) const;
    [[nodiscard]] Reply preflight(const Request& request, std::string_view path) const;

    std::vector<Pattern> patterns_;
    Keeping keeping_;
    const Cors* cors_ = nullptr;                   // nullptr: answers say nothing of origins
    PageGuard* guard_ = nullptr;                   // nullptr: every page may ask
    std::vector<ConstantAnswer> constant_answers_; // by pattern
    std::unique_ptr<Library> library_;
};

/// A route that needs only its request.
struct Route {
    std::string_view method;
    std::string_view path; ///< as in Pattern
    std::function<Reply(const Request& request)> respond;
    std::size_t body_bytes_max = 0; ///< as in Pattern
};

/// A list of such routes, for an admin page. Thread: one at a time.
class Pages {
  public:
    explicit Pages(std::vector<Route> routes, Keeping keeping = Keeping::kAsAsked);
    /// As HttpFront::handle().
    [[nodiscard]] Answer handle(std::string_view whole_request);
    /// As HttpFront::refuse_body().
    [[nodiscard]] std::optional<Answer> refuse_body(std::string_view head, std::size_t body_bytes) {
        return front_.refuse_body(head, body_bytes);
    }
    /// As HttpFront::guard().
    void guard(PageGuard& guard) { front_.guard(guard); }

  private:
    std::vector<Route> routes_;
    HttpFront front_;
};

/// The answer to a request that never became complete: a status from RequestReader, 408 after the
/// deadline, 503 when there is no room. Short plain text, `Connection: close`.
/// @param is_head  the head alone, without the text: RequestReader::is_head().
[[nodiscard]] std::string error_answer(int status, bool is_head = false);

/// The answer to a request for which handle() was given a preliminary reply that was not written.
/// It equals the answer that handle() would have made of `reply`.
/// @param reply  its body is Reply::Body::kWhole.
[[nodiscard]] Answer late_answer(const Reply& reply, const AnswerForm& form);

} // namespace zcomet::http
