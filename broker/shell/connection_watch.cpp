#include "broker/shell/connection_watch.hpp"

#include "topology/base/unique_fd.hpp"
#include "topology/net/door.hpp"
#include "topology/net/socket_address.hpp"
#include "topology/process/file_limit.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

namespace zcomet::broker::shell {

namespace {

/// Descriptors looked at in a turn: three system calls each.
constexpr int kEventsPerTurn = 256;
/// TCP_ESTABLISHED of netinet/tcp.h, which cannot be included beside linux/tcp.h. Only the latter
/// has all members of tcp_info.
constexpr unsigned kEstablished = 1;
constexpr Duration kProbeInterval = 1s;
constexpr Duration kProbeIntervalWhenBusy = 50ms;
constexpr Duration kPassInterval = 1s;
constexpr Duration kPauseInPass = 5ms;

/// The port that a TCP socket has on this side; 0 if it is no such socket.
std::uint16_t local_port(int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
        (address.ss_family != AF_INET && address.ss_family != AF_INET6)) {
        return 0;
    }
    return net::bound_port(fd);
}

bool is_listener(int fd) {
    int listens = 0;
    socklen_t size = sizeof listens;
    return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0;
}

std::optional<tcp_info> tcp_info_of(int fd) {
    tcp_info info{};
    socklen_t size = sizeof info;
    return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? std::optional(info)
                                                                      : std::nullopt;
}

/// The descriptor that an entry of /proc/self/fd names; -1 for "." and "..".
int number_of(const char* name) {
    int fd = -1;
    std::from_chars(name, name + std::strlen(name), fd);
    return fd;
}

/// The lowest free descriptor; none if none is free.
UniqueFd take_lowest() {
    return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

} // namespace

ConnectionWatch::ConnectionWatch(const Options& options)
    : options_(options),
      descriptors_max_(options.descriptors_max > 0 ? options.descriptors_max
                                                   : process::raise_file_limit()),
      descriptors_(::opendir("/proc/self/fd")) {
    find_listeners();
}

void ConnectionWatch::find_listeners() {
    if (descriptors_ == nullptr) {
        return;
    }
    while (const dirent* entry = ::readdir(descriptors_.get())) {
        const int fd = number_of(entry->d_name);
        const std::uint16_t port = fd < 0 ? std::uint16_t{0} : local_port(fd);
        if (port != 0 && is_listener(fd)) {
            listeners_[0] = port == options_.peers_port ? fd : listeners_[0];
            listeners_[1] = port == options_.feed_port ? fd : listeners_[1];
            // So that neither we nor libzmq wait for a connection that the other one took.
            ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
        }
    }
}

ConnectionWatch::News ConnectionWatch::turn(Time now, std::size_t unread_bytes) {
    News news;
    if (now >= next_probe_) {
        probe(now, news);
    }
    const bool is_worth_it = is_short_ || unread_bytes >= kUnreadBytes;
    if (!is_looking_ && is_worth_it && now >= next_pass_ && descriptors_ != nullptr) {
        ::rewinddir(descriptors_.get());
        is_looking_ = true;
        ++pass_;
    }
    if (is_looking_) {
        look_on(now, news);
    }
    due_ = next_probe_;
    if (is_looking_) {
        due_ = std::min(due_, now + kPauseInPass);
    } else if (is_worth_it) {
        due_ = std::min(due_, next_pass_);
    }
    return news;
}

/// The system hands out the lowest free descriptor. So when that is a high one, nearly all are
/// taken.
void ConnectionWatch::probe(Time now, News& news) {
    const UniqueFd lowest = take_lowest();
    used_ = lowest.valid() ? static_cast<std::uint64_t>(lowest.get()) : descriptors_max_;
    const std::uint64_t reserve = std::max(descriptors_max_ / kReservePart, kReserveMin);
    const bool was_short = is_short_;
    is_short_ = used_ + (was_short ? 2 * reserve : reserve) >= descriptors_max_;
    if (is_short_ != was_short) {
        news.became_short = is_short_;
        news.became_enough = !is_short_;
        for (const int listener : listeners_) {
            is_short_ ? net::turn_away(listener) : net::let_in(listener);
        }
    }
    if (!lowest.valid()) {
        turn_away(news);
    }
    next_probe_ = now + (used_ >= descriptors_max_ / 2 ? kProbeIntervalWhenBusy : kProbeInterval);
}

/// There is no descriptor left, so libzmq's thread spins for as long as connections wait for it.
void ConnectionWatch::turn_away(News& news) {
    std::vector<int> listeners;
    std::copy_if(listeners_.begin(), listeners_.end(), std::back_inserter(listeners),
                 [](int listener) { return listener >= 0; });
    news.turned_away += net::refuse_waiting(listeners);
}

void ConnectionWatch::look_on(Time now, News& news) {
    for (int i = 0; i < kEventsPerTurn; ++i) {
        const dirent* const entry = ::readdir(descriptors_.get());
        if (entry == nullptr) {
            is_looking_ = false;
            next_pass_ = now + kPassInterval;
            absl::erase_if(unread_, [&](const auto& one) { return one.second.pass != pass_; });
            return;
        }
        if (const int fd = number_of(entry->d_name); fd >= 0) {
            look_at(fd, now, news);
        }
    }
}

void ConnectionWatch::look_at(int fd, Time now, News& news) {
    const std::uint16_t port = local_port(fd);
    if (port == 0 || (port != options_.peers_port && port != options_.feed_port)) {
        return;
    }
    const std::optional<tcp_info> info = tcp_info_of(fd);
    if (!info || info->tcpi_state != kEstablished) {
        return;
    }
    const auto patience = static_cast<std::uint32_t>(in_ms(options_.patience));
    if (info->tcpi_last_data_recv >= patience && (is_short_ || port == options_.feed_port)) {
        ++news.silent;
        ::shutdown(fd, SHUT_RDWR);
        return;
    }
    int waiting = 0;
    if (::ioctl(fd, SIOCOUTQ, &waiting) != 0 || waiting <= 0) {
        return;
    }
    const auto [place, is_new] = unread_.try_emplace(fd);
    Unread& unread = place->second;
    unread.pass = pass_;
    if (is_new || unread.acknowledged != info->tcpi_bytes_acked) {
        unread.acknowledged = info->tcpi_bytes_acked;
        unread.since = now;
    } else if (now >= unread.since + options_.patience) {
        ++news.unread;
        ::shutdown(fd, SHUT_RDWR);
        unread_.erase(place);
    }
}

} // namespace zcomet::broker::shell
