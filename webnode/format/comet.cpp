#include "webnode/format/comet.hpp"

#include "webnode/format/framing.hpp"
#include "webnode/format/html_escape.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace zcomet::webnode::format {

namespace {

constexpr std::string_view kHead = "Recvd msg #";

constexpr std::size_t kDigitsMax = 10; // of a u32
constexpr std::size_t kFrontBytesMax = kHexDigitsMax + kCrlf.size() + kHead.size() + kDigitsMax;

/// A page that is moved is loaded again after this at the earliest, and after twice this at the
/// latest; likewise once more while no node answers.
/// @limit least time after which a comet page that is moved is loaded again
constexpr std::chrono::milliseconds kMoveMin{500};

/// Messages come into the log at the end, which stays open. A reader who has scrolled up stays
/// there. move() is called by the last line of a page whose node ends: it loads the page again, and
/// before that asks whether a node is there, since the browser's own page of errors would stay.
constexpr std::string_view kPageBeforeTitle = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>)";
constexpr std::string_view kPageBeforeId = R"( - Zcomet</title>
<style>
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 1rem }
.state { color: GrayText }
</style>
<script>
function toEnd() { scrollTo(0, document.documentElement.scrollHeight) }
function move(ms) {
  move.moves = true;
  setTimeout(function () {
    fetch(location.href, { method: "HEAD" }).then(function (answer) {
      if (answer.ok) location.reload(); else move(ms);
    }, function () { move(ms) });
  }, ms);
}
function isAtEnd() { return innerHeight + scrollY > document.documentElement.scrollHeight - 99 }
addEventListener("DOMContentLoaded", function () {
  var words = document.createElement("p");
  words.className = "state";
  words.setAttribute("role", "status");
  words.textContent = move.moves ? "Going on at another server."
    : "Disconnected. Reload the page to go on.";
  document.body.append(words);
  toEnd();
});
</script></head><body>
<p class="state">Waiting for messages to )";
constexpr std::string_view kPageEnd = R"(.</p>
<div role="log">
<script>
(function () {
  var atEnd = true;
  addEventListener("scroll", function () { atEnd = isAtEnd() });
  new MutationObserver(function () { if (atEnd) toEnd() })
    .observe(document.currentScript.parentNode, { childList: true });
})();
</script>
)";

/// The first bytes of the page of an id, which may be any text.
std::string page_of(std::string_view id) {
    std::string page(kPageBeforeTitle);
    append_html_escaped(page, id);
    page.append(kPageBeforeId);
    append_html_escaped(page, id);
    page.append(kPageEnd);
    return page;
}

class Comet final : public StreamFormat {
  public:
    [[nodiscard]] std::string_view name() const override { return "comet"; }

    [[nodiscard]] http::Reply open(const http::Request& request) const override {
        return endless_reply("text/html; charset=utf-8", request);
    }

    void greet(const http::Request& request, Framing framing, std::uint32_t /*random*/,
               std::string& out) const override {
        if (request.header("Accept").find("text/html") != std::string_view::npos) {
            append_framed(out, page_of(request.rest), framing);
        }
    }

    /// `shared` is ": 'MESSAGE'<br/>" LF CRLF.
    void prepare(const Message& message, std::string& shared) const override {
        shared.assign(": '");
        append_html_escaped(shared, message.text);
        shared.append("'<br/>\n");
        shared.append(kCrlf);
    }

    void append(std::string& out, std::string_view shared, std::uint32_t number,
                Framing framing) const override {
        std::array<char, kDigitsMax> digits;
        char* digits_end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
        const std::size_t digit_count = static_cast<std::size_t>(digits_end - digits.data());

        std::array<char, kFrontBytesMax> front;
        char* at = front.data();
        std::size_t tail_bytes = shared.size() - kCrlf.size();
        if (framing == Framing::kChunked) {
            const std::size_t body_bytes = kHead.size() + digit_count + tail_bytes;
            at = std::to_chars(at, at + kHexDigitsMax, body_bytes, 16).ptr;
            at = std::copy(kCrlf.begin(), kCrlf.end(), at);
            tail_bytes += kCrlf.size();
        }
        at = std::copy(kHead.begin(), kHead.end(), at);
        at = std::copy(digits.data(), digits_end, at);

        out.append(front.data(), static_cast<std::size_t>(at - front.data()));
        out.append(shared, 0, tail_bytes);
    }

    [[nodiscard]] std::string_view sign_of_life(Framing framing) const override {
        return framing == Framing::kChunked ? "1\r\n\n\r\n" : "\n";
    }

    void append_gap(std::string& out, const Gap& /*gap*/, Framing framing) const override {
        append_framed(out, "<em>Some messages were missed.</em><br/>\n", framing);
    }

    /// For the script of the page. To other clients it is a line that is no message.
    void append_move(std::string& out, std::uint32_t random, Framing framing) const override {
        constexpr auto kSpread = static_cast<std::uint32_t>(kMoveMin.count());
        const std::string ms = std::to_string(kSpread + random % kSpread);
        append_framed(out, "<script>move(" + ms + ")</script>\n", framing);
    }
};

} // namespace

const StreamFormat& comet_format() {
    static const Comet format;
    return format;
}

} // namespace zcomet::webnode::format
