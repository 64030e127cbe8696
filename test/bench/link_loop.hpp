// The loop of a load program that plays nodes: it serves any number of links in one thread.
#pragma once

#include "topology/base/time.hpp"
#include "topology/link/uplink.hpp"
#include "topology/loop/loop.hpp"

#include <memory>
#include <vector>

namespace zcomet {

/// Serves `links` until `done()` returns true. It is called each turn, and at least once each
/// `look`. An exception from it ends the loop.
template <typename Done>
void serve(const std::vector<std::unique_ptr<link::Uplink>>& links, Duration look, Done&& done) {
    loop::Loop loop;
    for (const auto& link : links) {
        loop.add(*link, loop::Order::kBroker);
    }
    while (!done()) {
        loop.turn(Clock::now() + look);
    }
}

} // namespace zcomet
