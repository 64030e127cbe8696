// Which of a host's addresses to connect to, and when to go on to the next one.
#pragma once

#include "topology/base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace zcomet::link {

/// ZeroMQ tries one address for ever. This walks over all that a name has: an address gets some
/// time to connect, then comes the next one; after the last, the name is looked up again, since a
/// host may have moved. A connection that was lost gets the same time to come back.
///
/// Pure: the caller looks names up, connects, and says whether there is a connection.
class AddressWalk {
  public:
    /// @limit time that one address of a host gets to connect before the next one is tried
    static constexpr Duration kPatience = 2s;
    /// @limit time between two looks at whether a connection still stands, for hosts with a name
    static constexpr Duration kLookAgain = 1s;

    enum class Step : std::uint8_t {
        kNothing,
        kLookUp,  ///< look the name up, then call found() or not_found()
        kConnect, ///< connect to endpoint() instead of the one before
    };

    /// What to do now. Nothing while a look-up is under way.
    /// @param connected  whether there is a connection to endpoint().
    [[nodiscard]] Step step(bool connected, Time now);
    /// When to call step() next.
    [[nodiscard]] Time due() const { return due_; }

    /// @param endpoints  "tcp://ADDRESS:PORT" each, at least one. The next step connects to the
    /// first, unless the present one is the only one.
    void found(std::vector<std::string> endpoints, Time now);
    /// The present endpoint is kept, if there is one; the name is looked up again later.
    void not_found(Time now);

    /// Whether more addresses of the name come after the present one, before it is looked up again.
    [[nodiscard]] bool has_more() const { return !left_.empty(); }
    /// The present address refuses connections: the next step goes on at once.
    void skip(Time now) { due_ = now; }

    /// Empty until the first kConnect.
    [[nodiscard]] const std::string& endpoint() const { return endpoint_; }

  private:
    enum class Stage : std::uint8_t { kIdle, kLookingUp, kFound, kTrying, kConnected };

    std::vector<std::string> left_; // to be tried, the next one last
    std::string endpoint_;
    Stage stage_ = Stage::kIdle;
    Time due_ = Time::min();
};

} // namespace zcomet::link
