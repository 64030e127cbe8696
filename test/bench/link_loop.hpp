// The loop of a load program that plays nodes: serves any number of links in one thread.
#pragma once

#include "topology/base/time.hpp"
#include "topology/link/node_link.hpp"

#include <poll.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace zcomet {

/// Serves `links` until `done()`, which is asked each turn and at least every `look`, returns true.
/// What it throws ends the loop.
template <typename Done>
void serve(const std::vector<std::unique_ptr<link::NodeLink>>& links, Duration look, Done&& done) {
    std::vector<pollfd> waiting;
    for (const auto& link : links) {
        for (const int fd : link->fds()) {
            waiting.push_back({.fd = fd, .events = POLLIN, .revents = 0});
        }
    }
    while (!done()) {
        const Time now = Clock::now();
        bool more = false;
        Time due = now + look;
        for (const auto& link : links) {
            more = link->turn(now) || more;
            due = std::min(due, link->due());
        }
        const Duration sleep =
            more ? Duration::zero() : std::max(due - Clock::now(), Duration::zero());
        const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(sleep).count();
        const timespec timeout{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
        static_cast<void>(::ppoll(waiting.data(), waiting.size(), &timeout, nullptr));
    }
}

} // namespace zcomet
