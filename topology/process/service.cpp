#include "topology/process/service.hpp"

#include "topology/base/unique_fd.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace zcomet::process {

namespace {

std::string take_variable(const char* name) {
    const char* const value = std::getenv(name);
    std::string taken = value == nullptr ? "" : value;
    ::unsetenv(name);
    return taken;
}

std::int64_t number_or_0(const std::string& text) {
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

} // namespace

Service::Service() : address_(take_variable("NOTIFY_SOCKET")) {
    const std::int64_t watchdog_us = number_or_0(take_variable("WATCHDOG_USEC"));
    const std::string watched = take_variable("WATCHDOG_PID");
    if (watchdog_us > 0 && (watched.empty() || number_or_0(watched) == ::getpid())) {
        beat_ = std::chrono::microseconds(watchdog_us) / 2;
    }
}

void Service::ready(Time now) {
    notify("READY=1");
    if (beat_ > Duration::zero() && !address_.empty()) {
        beat_at_ = now;
    }
}

void Service::stopping(Duration at_most) const {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(at_most).count();
    stopping();
    notify("EXTEND_TIMEOUT_USEC=" + std::to_string(us));
}

bool Service::turn(Time now) {
    if (beat_at_ <= now) {
        beat_at_ = now + beat_;
        notify("WATCHDOG=1");
    }
    return false;
}

void Service::notify(std::string_view text) const {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    if (address_.empty() || address_.size() >= sizeof(to.sun_path)) {
        return;
    }
    std::copy(address_.begin(), address_.end(), to.sun_path);
    if (address_.front() == '@') { // a socket without a file
        to.sun_path[0] = '\0';
    }
    const UniqueFd from(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    static_cast<void>(::sendto(from.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                               reinterpret_cast<const sockaddr*>(&to), size));
}

} // namespace zcomet::process
