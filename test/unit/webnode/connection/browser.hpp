// The browser of a connection, as a test plays it.
#pragma once

#include "topology/base/unique_fd.hpp"

#include <catch2/catch.hpp>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace zcomet::webnode::connection {

/// The browser's end of a connection.
class Browser {
  public:
    explicit Browser(int fd) : fd_(fd) {}

    void send(std::string_view bytes) const {
        REQUIRE(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    /// As much as the socket takes, which may be nothing.
    void send_or_not(std::string_view bytes) const {
        static_cast<void>(
            ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
    }
    /// What can be read now; does not wait.
    [[nodiscard]] std::string received() const {
        std::string text;
        std::array<char, 65'536> bytes;
        for (ssize_t got = 0;
             (got = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT)) > 0;) {
            text.append(bytes.data(), static_cast<std::size_t>(got));
        }
        return text;
    }
    /// The same, up to `most` bytes.
    [[nodiscard]] std::string received(std::size_t most) const {
        std::string text(most, '\0');
        const ssize_t got = ::recv(fd_.get(), text.data(), text.size(), MSG_DONTWAIT);
        text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        return text;
    }
    /// Whether everything was read and the other side has closed.
    [[nodiscard]] bool ended() const {
        char byte = 0;
        return ::recv(fd_.get(), &byte, 1, MSG_DONTWAIT) == 0;
    }
    void end_half() const { ::shutdown(fd_.get(), SHUT_WR); }
    void leave() { fd_.reset(); }

  private:
    UniqueFd fd_;
};

} // namespace zcomet::webnode::connection
