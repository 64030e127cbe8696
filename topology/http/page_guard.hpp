// Keeps pages of other sites out: those that come under a name of their own (host_names.hpp), and,
// at an address that only this machine reaches, all those that were not allowed. They could use it
// all the same: in the browser of somebody who works on this machine.
#pragma once

#include "topology/host/host_names.hpp"
#include "topology/http/http_front.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::http {

/// Status of an answer to a request whose Host is no name of this server (RFC 9110, 15.5.20).
inline constexpr int kMisdirected = 421;

/// For which host a request is: the authority of its target, if that is in absolute form, else its
/// Host header (RFC 9112, section 3.2.2).
/// @param head  a request from its request line on.
/// @return empty: it does not say.
[[nodiscard]] std::string_view host_in(std::string_view head);

/// Thread: one at a time.
class PageGuard {
  public:
    /// Serves requests for localhost and for addresses only.
    PageGuard() = default;
    explicit PageGuard(host::HostNames names);

    /// From now on.
    void use(host::HostNames names);
    /// From now on only pages of these origins are served, and programs that are no browsers.
    /// @param origins  each as why_no_origin() wants it, and none is "*".
    void allow_only(std::vector<std::string> origins);

    /// Browsers say in Origin which page a request comes from: with every POST, and with a GET
    /// whose answer a page of another site wants to read. They say in Host by which name they came.
    /// A request that names no host comes from no browser, and is served.
    /// @param head  a request from its request line on.
    /// @return the answer to a request that is not served, 421 or 403; nothing: serve it.
    [[nodiscard]] std::optional<Reply> refusal(std::string_view head);

    /// The host of the last request that was refused with 421, as far as a log shows it.
    [[nodiscard]] const std::string& last_host() const { return last_host_; }

  private:
    host::HostNames names_;
    std::optional<std::vector<std::string>> origins_; // nothing: pages of every origin
    std::string last_host_ = "-";
};

} // namespace zcomet::http
