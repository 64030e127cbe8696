// The links of a program to all its brokers, for a loop to drive as if they were one.
#pragma once

#include "topology/base/time.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace zcomet::link {

/// @tparam Link  NodeLink or SenderLink: has fds(), fds_version(), due() and close().
/// Thread: that of the links.
template <typename Link> class LinkSet {
  public:
    /// The next broker of the list.
    void add(std::unique_ptr<Link> link) {
        links_.push_back(std::move(link));
        collect_fds();
    }

    [[nodiscard]] auto begin() const { return links_.begin(); }
    [[nodiscard]] auto end() const { return links_.end(); }
    /// @param broker  its number in the list.
    [[nodiscard]] Link& operator[](std::size_t broker) const { return *links_[broker]; }

    [[nodiscard]] std::span<const int> fds() const { return fds_; }
    /// Changes whenever fds() of any link does.
    [[nodiscard]] std::uint32_t fds_version() const {
        std::uint32_t sum = 0;
        for (const auto& link : links_) {
            sum += link->fds_version();
        }
        return sum;
    }
    /// To be called at the end of a turn, in which links may have opened or closed sockets.
    void refresh_fds() {
        if (fds_version() != collected_version_) {
            collect_fds();
        }
    }
    [[nodiscard]] Time due() const {
        Time due = kNever;
        for (const auto& link : links_) {
            due = std::min(due, link->due());
        }
        return due;
    }
    /// Says GOODBYE to each; the sockets linger for up to a second to pass it on.
    void close(Time now) {
        for (const auto& link : links_) {
            link->close(now);
        }
    }

  private:
    void collect_fds() {
        fds_.clear();
        for (const auto& link : links_) {
            const std::span<const int> fds = link->fds();
            fds_.insert(fds_.end(), fds.begin(), fds.end());
        }
        collected_version_ = fds_version();
    }

    std::vector<std::unique_ptr<Link>> links_; // by broker
    std::vector<int> fds_;                     // of all of them
    std::uint32_t collected_version_ = 0;      // of the links, when fds_ was made
};

} // namespace zcomet::link
