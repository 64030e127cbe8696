// The names by which a server is asked. A page of another site can have its own name pointed to the
// address of a server that only its victim reaches (DNS rebinding). To the victim's browser, page
// and server are then one site, and the page may read everything. Only the request's Host tells:
// it still has the name of the page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace zcomet::host {

/// Why a text is no name for HostNames: "comet.example.org", "*.example.org" for all names below
/// that, or "*" for every name.
/// @return one sentence; empty: it is one.
[[nodiscard]] std::string why_no_host_name(std::string_view text);

/// Nothing in it changes after it was made.
/// Thread: any.
class HostNames {
  public:
    /// Allows localhost and addresses only.
    HostNames() = default;
    /// @param names  each without a fault by why_no_host_name().
    explicit HostNames(std::vector<std::string> names);

    /// Whether a request for this authority is served. Names are the same in upper and lower case,
    /// and with a dot at their end; the port may be any, since a proxy or the kernel may have
    /// changed it. An address in digits is always allowed: nobody can point it elsewhere, and a
    /// machine does not know all of its addresses (NAT, containers, IPv6 addresses that change by
    /// the day). localhost, and names below it, are always allowed: browsers ask no name server
    /// for them.
    /// @param authority  the value of Host.
    [[nodiscard]] bool allow(std::string_view authority) const;

  private:
    bool allows_all_ = false;
    std::vector<std::string> names_;    // without a dot at the end
    std::vector<std::string> suffixes_; // ".example.org"
};

} // namespace zcomet::host
