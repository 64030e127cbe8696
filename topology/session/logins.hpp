// The interface through which a program says which ids it holds.
#pragma once

#include <string_view>

namespace zcomet::session {

/// Brings logins to the brokers.
class Logins {
  public:
    Logins() = default;
    virtual ~Logins() = default;
    Logins(const Logins&) = delete;
    Logins& operator=(const Logins&) = delete;

    /// The first stream of `id` opened, or its last one closed. Sent by a later turn.
    virtual void login(std::string_view id) = 0;
    virtual void logout(std::string_view id) = 0;
};

} // namespace zcomet::session
