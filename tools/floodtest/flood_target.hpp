// Where a load test goes: the URL, resolved once to the address that answers, and the request for
// each id.
#pragma once

#include "topology/base/result.hpp"
#include "topology/net/socket_address.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::tools::floodtest {

class FloodTarget {
  public:
    /// Reads "http://HOST[:PORT]/PATH", or https, and resolves the host. `{id}` in the path,
    /// wherever it is there, stands for each stream's id.
    /// @param headers  further lines for the request; each one by why_no_header().
    /// Errors: another scheme, a bad address, characters that cannot be in a path, a host that does
    /// not resolve.   Thread: any; may wait for the name service, and, if the host has several
    /// addresses, for one that answers.
    [[nodiscard]] static Result<FloodTarget> parse(std::string_view url,
                                                   const std::vector<std::string>& headers = {});

    [[nodiscard]] const net::SocketAddress& address() const { return address_; }
    [[nodiscard]] bool is_tls() const { return is_tls_; }
    /// As the URL has it.
    [[nodiscard]] const std::string& host() const { return host_; }

    /// The whole request for `id`, in a buffer that the next call overwrites: a load test that
    /// opens thousands of streams a second should not allocate for each.
    [[nodiscard]] std::string_view request(std::uint64_t id);

  private:
    FloodTarget() = default;

    net::SocketAddress address_;
    bool is_tls_ = false;
    std::string host_;
    /// The request, cut at each {id}: the first part, and the others, in front of which the id
    /// comes.
    std::string before_id_;
    std::vector<std::string> after_id_;
    std::string request_;
};

/// @return what keeps a text from being a header of a request, as one sentence; empty: it is
/// "NAME: VALUE", of characters that may be there (RFC 9110, section 5).
[[nodiscard]] std::string why_no_header(std::string_view text);

/// Reads source addresses: "127.0.0.2", "127.0.0.2,127.0.0.9", "127.0.0.2-127.0.0.20", "::1", or a
/// list of such. Ranges are of IPv4 addresses, both ends included.
/// Errors: not an address; a range that ends before it begins; more than 65,536 addresses.
[[nodiscard]] Result<std::vector<net::SocketAddress>> parse_source_addresses(std::string_view text);

} // namespace zcomet::tools::floodtest
