// Keeps pages of other sites from an address that only this machine reaches. They could use it all
// the same: in the browser of somebody who works on this machine.
#pragma once

#include "topology/http/http_front.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::http {

/// Which names in a request's Host are served.
enum class Hosts : std::uint8_t {
    kAll,      ///< whatever a proxy or an operator calls this machine
    kLoopback, ///< those of names_loopback()
};

/// Nothing in it changes after it was made.
/// Thread: any.
class PageGuard {
  public:
    /// @param origins  of the pages that may use the address; each as why_no_origin() wants it, and
    ///     none is "*".
    PageGuard(std::vector<std::string> origins, Hosts hosts);

    /// Browsers say in Origin which page a request comes from: with every POST, and with a GET
    /// whose answer a page of another site wants to read. They say in Host by which name they came:
    /// after the name of a foreign site was pointed to this machine, it is that name.
    /// @param head  a request from its request line on.
    /// @return the answer to a request that is not served; nothing: serve it.
    [[nodiscard]] std::optional<Reply> refusal(std::string_view head) const;

  private:
    std::vector<std::string> origins_;
    Hosts hosts_;
};

} // namespace zcomet::http
