// Keys of session tickets (RFC 5077; RFC 8446, section 4.6.1). A ticket holds a session, encrypted,
// so a server remembers none. All workers of a web node make the same keys of one secret, so that a
// client may come back to any of them.
//
//     secret of a period = HMAC-SHA256(secret of the period before, "next")
//
// The secret of a period that is over is forgotten. So whoever learns the present one cannot read
// what was said in sessions whose tickets are no longer good.
#pragma once

#include "topology/base/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace zcomet::tls {

/// A ticket is good for the rest of its period and for the next one: an hour at least. It is bound
/// to that by kTicketSeconds, too.
inline constexpr std::uint64_t kTicketPeriodSeconds = 3600;
inline constexpr long kTicketSeconds = 3600;

/// The keys of one period.
struct TicketKey {
    std::array<unsigned char, 16> name{}; ///< says in a ticket by which key it was made
    std::array<unsigned char, 32> aes{};
    std::array<unsigned char, 32> hmac{};
};

/// Thread: one at a time.
class TicketKeys {
  public:
    /// A new secret, which begins at that time, in seconds since 1970.
    [[nodiscard]] static std::string make_secret(std::uint64_t now_s);
    /// The secret of the present period, in place of one that is older; as it is if it is none.
    [[nodiscard]] static std::string advance(const std::string& secret, std::uint64_t now_s);

    /// @param secret  of make_secret() or advance(). Errors: it is none of these.
    [[nodiscard]] static Result<TicketKeys> of(const std::string& secret, std::uint64_t now_s);

    /// The key for new tickets. Time that goes back changes nothing.
    [[nodiscard]] const TicketKey& newest(std::uint64_t now_s);
    /// The key of that name; nullptr: it is not good any more, or never was.
    [[nodiscard]] const TicketKey* find(const unsigned char* name, std::uint64_t now_s);

  private:
    using Secret = std::array<unsigned char, 32>;
    TicketKeys() = default;
    [[nodiscard]] static bool read(const std::string& text, std::uint64_t& period, Secret& secret);
    [[nodiscard]] static std::string write(std::uint64_t period, const Secret& secret);
    void go_on_to(std::uint64_t period);

    std::uint64_t period_ = 0; // since 1970
    Secret secret_{};
    TicketKey newest_;
    TicketKey before_;
    bool has_before_ = false;
};

} // namespace zcomet::tls
