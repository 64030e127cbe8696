// Looks after the connections of the broker's sockets, which ZeroMQ keeps for itself.
//
// libzmq has no call to end one connection, does not say which of them read, and spins when it is
// out of descriptors: its listener stays readable, and accept(2) fails again and again. But the
// connections are descriptors of this process, and the system knows all about them. So this class
// finds them in /proc/self/fd, asks TCP how each is doing, and shuts down (shutdown(2)) those that
// harm others; libzmq then sees the end of the connection and forgets it.
//
//   unread  the peer has read nothing for a while although something waits for it
//   silent  the peer has said nothing for a while: on the feed's port, where each subscriber has to
//           answer ZeroMQ's pings, or on any port while descriptors are short
//
// While descriptors are short no new connection begins: SYNs go unanswered, and what has been
// accepted by the system already is accepted and closed here, without a descriptor of ours.
#pragma once

#include "topology/base/time.hpp"

#include <absl/container/flat_hash_map.h>
#include <dirent.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace zcomet::broker::shell {

/// Thread: the broker's loop.
class ConnectionWatch {
  public:
    struct Options {
        std::uint16_t peers_port = 0;
        std::uint16_t feed_port = 0;
        /// A connection that does not read, or says nothing, for this long may be ended.
        Duration patience = 3s;
        /// How many descriptors this process may have open; 0: as the system says.
        std::uint64_t descriptors_max = 0;
    };
    /// What a turn has done.
    struct News {
        std::uint32_t unread = 0;      ///< connections ended because they do not read
        std::uint32_t silent = 0;      ///< connections ended because they say nothing
        std::uint32_t turned_away = 0; ///< connections closed as soon as they were accepted
        bool became_short = false;     ///< descriptors are short from now on
        bool became_enough = false;    ///< and no longer
    };
    /// Descriptors that are kept free for the broker itself, one in so many; at least
    /// kReserveMin.
    /// @limit part of a broker's descriptors that connections do not get, one in
    static constexpr std::uint64_t kReservePart = 16;
    static constexpr std::uint64_t kReserveMin = 8;
    /// Bytes that ZeroMQ holds for peers, from which on it is worth looking who does not read.
    /// @limit bytes unread by peers after which a broker looks for those that do not read
    static constexpr std::size_t kUnreadBytes = 1U << 20U;

    /// The sockets listen already, and no other thread opens descriptors meanwhile.
    explicit ConnectionWatch(const Options& options);

    /// @param unread_bytes  what ZeroMQ holds for peers.
    /// Cost: a few system calls a second; while something is wrong, some 0.5 ms a turn.
    News turn(Time now, std::size_t unread_bytes);
    [[nodiscard]] Time due() const { return due_; }

    /// How many descriptors this process may have open.
    [[nodiscard]] std::uint64_t descriptors_max() const { return descriptors_max_; }
    /// The number of the lowest free descriptor: about how many are open.
    [[nodiscard]] std::uint64_t descriptors_used() const { return used_; }

  private:
    struct CloseDirectory {
        void operator()(DIR* directory) const { ::closedir(directory); }
    };
    /// A connection whose peer has not read all, and how much it had read when it was looked at.
    struct Unread {
        std::uint64_t acknowledged = 0;
        std::uint64_t pass = 0;
        Time since;
    };

    void probe(Time now, News& news);
    void turn_away(News& news);
    void look_on(Time now, News& news);
    void look_at(int fd, Time now, News& news);
    void find_listeners();

    Options options_;
    std::uint64_t descriptors_max_;
    std::uint64_t used_ = 0;
    std::unique_ptr<DIR, CloseDirectory> descriptors_; // /proc/self/fd
    std::array<int, 2> listeners_{-1, -1};
    bool is_short_ = false;
    bool is_looking_ = false; // a pass over all descriptors is under way
    std::uint64_t pass_ = 0;
    Time next_probe_ = Time::min();
    Time next_pass_ = Time::min();
    Time due_ = Time::min();
    absl::flat_hash_map<int, Unread> unread_; // by descriptor
};

} // namespace zcomet::broker::shell
