// The connections to a hook: a request goes out, the answer's head comes back.
#pragma once

#include "topology/base/time.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/loop/epoll.hpp"
#include "topology/net/lookup.hpp"
#include "webnode/hook/answer.hpp"
#include "webnode/hook/url.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::webnode::hook {

/// Connections are kept for the next request where the answer allows that. They have an epoll set
/// of their own, which is one descriptor for the worker's loop. The host is looked up anew once in
/// a while, on another thread (net::Lookup); each of its addresses is tried in turn.
///
/// Why not cpp-httplib's client: it blocks a thread for each request, its timeouts are for a
/// single read and not for the answer, and the head that it reads has no bound.
///
/// Thread: the worker's loop only. Nothing blocks.
class Caller {
  public:
    /// A backend that takes 50 ms is asked 640 times a second by a worker.
    /// @limit requests to a hook at a time, for each worker
    static constexpr std::size_t kCallsMax = 32;
    /// @limit idle time of a connection to a hook
    static constexpr Duration kIdleMax = 15s;
    /// @limit age of the addresses of a hook's host
    static constexpr Duration kLookAgainEach = 30s;

    struct Result {
        std::uint64_t tag = 0;
        Decision decision;
    };

    explicit Caller(const wire::HostPort& where);

    [[nodiscard]] bool has_room() const { return busy_ < kCallsMax; }
    /// Sends a request, or will when the host's addresses are known. There is room.
    /// @param tag  of the result, which comes from turn().
    void begin(std::uint64_t tag, std::string request, Time deadline, Time now);
    /// Adds what has become of requests to `results`.
    void turn(Time now, std::vector<Result>& results);
    [[nodiscard]] Time due() const;

    /// For loop::Source.
    [[nodiscard]] int fd() const { return epoll_.fd(); }
    [[nodiscard]] int lookup_fd() const { return lookup_ == nullptr ? -1 : lookup_->fd(); }
    [[nodiscard]] std::uint32_t fds_version() const { return fds_version_; }

  private:
    enum class State : std::uint8_t {
        kFree,
        kLookingUp,  ///< for an address
        kConnecting, ///< or not known to be connected
        kWriting,
        kReading,
        kDiscarding, ///< the answer's body; the result is given already
        kIdle,       ///< connected, for the next request
    };
    struct Call {
        State state = State::kFree;
        bool is_used = false;  // the connection has carried an answer before
        std::size_t tries = 0; // addresses tried for this request
        std::size_t address = 0;
        std::size_t written = 0;
        std::size_t body_bytes = 0; // to discard
        std::uint64_t tag = 0;
        Time deadline = kNever; // kIdle: when it is closed
        UniqueFd fd;
        std::string request;
        std::string answer;
    };

    void look_up(Time now);
    void take_addresses(Time now);
    [[nodiscard]] Call& place();
    void connect(Call& call);
    void go_on(Call& call, Time now);
    [[nodiscard]] bool write(Call& call);
    void read(Call& call, Time now);
    void take(Call& call, std::string_view bytes, Time now);
    /// The connection is gone, or of no use.
    void lose(Call& call, std::string_view why);
    void give(Call& call, Decision decision);
    void end(Call& call);
    void rest(Call& call, Time now);

    wire::HostPort where_;
    loop::Epoll epoll_;
    std::unique_ptr<net::Lookup> lookup_; // nullptr: none is under way
    Time look_again_ = Time::min();
    std::vector<net::SocketAddress> addresses_;
    std::size_t first_address_ = 0; // the one that worked last
    std::uint32_t fds_version_ = 0;
    std::size_t busy_ = 0; // calls that are neither free nor idle
    std::array<Call, kCallsMax> calls_;
    std::vector<Result> results_;
};

} // namespace zcomet::webnode::hook
