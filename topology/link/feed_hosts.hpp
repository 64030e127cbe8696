// Where a broker may say that its feed is.
#pragma once

#include <string>
#include <vector>

namespace zcomet::link {

/// Whether two hosts are the same by their texts: the same name, the same address, or loopback
/// addresses both. Nothing is looked up.
[[nodiscard]] bool is_same_host(const std::string& one, const std::string& other);

/// The hosts on which a node takes a feed: that of its broker, and others that its operator has
/// named. A node sends nothing to a feed, but shows what comes from there; and a WELCOME without
/// keys may be anybody's.
class FeedHosts {
  public:
    /// @param broker  as the broker's address names it: a name, or an address in digits.
    /// @param named   likewise.
    FeedHosts(std::string broker, std::vector<std::string> named);

    /// @param reached  the address, in digits, at which the broker was reached.
    [[nodiscard]] bool has(const std::string& host, const std::string& reached) const;

  private:
    std::string broker_;
    std::vector<std::string> named_;
};

} // namespace zcomet::link
