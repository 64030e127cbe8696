// IP addresses without a port, and ranges of them.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zcomet::net {

/// An IPv6 address. One of IPv4 is held in IPv6 form (RFC 4291, 2.5.5.2), so that it is the same
/// whichever way it came.
struct IpAddress {
    std::array<unsigned char, 16> bytes{};

    bool operator==(const IpAddress&) const = default;
};

/// @return nothing: another kind of address.
[[nodiscard]] std::optional<IpAddress> ip_address_of(const sockaddr_storage& address);
/// The other way round, for the system's calls and for address_text(). Always AF_INET6.
[[nodiscard]] sockaddr_storage socket_address_of(const IpAddress& address, std::uint16_t port);
/// Reads "192.0.2.1" or "2001:db8::1".
[[nodiscard]] std::optional<IpAddress> read_ip_address(std::string_view text);
/// "192.0.2.1" or "2001:db8::1".
[[nodiscard]] std::string text_of(const IpAddress& address);

/// All addresses that begin with the same bits.
class AddressRange {
  public:
    /// Reads "10.0.0.0/8", "2001:db8::/32", or one address.
    /// @return nothing: it is none of these, or has bits after those that count.
    [[nodiscard]] static std::optional<AddressRange> read(std::string_view text);

    [[nodiscard]] bool has(const IpAddress& address) const;

  private:
    AddressRange(const IpAddress& first, unsigned bits) : first_(first), bits_(bits) {}

    IpAddress first_;
    unsigned bits_; // of the IPv6 form
};

} // namespace zcomet::net
