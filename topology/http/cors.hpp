// Which pages of other sites may read answers (WHATWG Fetch, "CORS protocol").
#pragma once

#include "topology/base/time.hpp"
#include "topology/http/http_front.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::http {

/// Why a text is no origin that can be allowed: "https://example.org", with a port where it is not
/// the scheme's own, or "*" for all.
/// @return one sentence; empty: it is one.
[[nodiscard]] std::string why_no_origin(std::string_view text);

/// Nothing in it changes after it was made.
/// Thread: any.
class Cors {
  public:
    /// Allows nobody.
    Cors() = default;
    /// @param origins  each without a fault by why_no_origin().
    explicit Cors(std::vector<std::string> origins);

    [[nodiscard]] bool is_on() const { return allows_all_ || !origins_.empty(); }

    /// Adds what lets pages of `origin` read the reply. Where only some origins are allowed, a
    /// cache must not give one page's reply to another, so every reply says that it depends on
    /// the origin.
    /// @param origin  the request's header; empty: not asked by a page of another site.
    void add_headers(std::string_view origin, std::vector<Reply::Header>& headers) const;

    /// The answer to OPTIONS, by which a browser asks beforehand.
    /// @param method   that the route of this path takes.
    [[nodiscard]] Reply preflight(const Request& request, std::string_view method) const;

    /// How long a browser may go by the answer to a preflight.
    /// @limit time for which browsers keep the answer to a preflight
    static constexpr std::chrono::seconds kMaxAge = 600s;

  private:
    [[nodiscard]] bool allows(std::string_view origin) const;

    bool allows_all_ = false;
    std::vector<std::string> origins_;
};

} // namespace zcomet::http
