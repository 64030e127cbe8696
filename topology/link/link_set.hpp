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
    /// @param broker  its number; it has no link.
    void add(std::size_t broker, std::unique_ptr<Link> link) {
        links_.resize(std::max(links_.size(), broker + 1));
        links_[broker] = std::move(link);
        collect();
    }
    /// Says GOODBYE to a broker that has a link.
    void remove(std::size_t broker, Time now) {
        links_[broker]->close(now);
        versions_before_ += links_[broker]->fds_version() + 1;
        links_[broker].reset();
        collect();
    }

    /// Over pointers to those that there are.
    [[nodiscard]] auto begin() const { return present_.begin(); }
    [[nodiscard]] auto end() const { return present_.end(); }
    [[nodiscard]] std::size_t size() const { return present_.size(); }
    [[nodiscard]] bool has(std::size_t broker) const {
        return broker < links_.size() && links_[broker] != nullptr;
    }
    /// @param broker  its number; it has a link.
    [[nodiscard]] Link& operator[](std::size_t broker) const { return *links_[broker]; }

    [[nodiscard]] std::span<const int> fds() const { return fds_; }
    /// Changes whenever fds() of any link does.
    [[nodiscard]] std::uint32_t fds_version() const {
        std::uint32_t sum = versions_before_;
        for (const Link* link : present_) {
            sum += link->fds_version();
        }
        return sum;
    }
    /// To be called at the end of a turn, in which links may have opened or closed sockets.
    void refresh_fds() {
        if (fds_version() != collected_version_) {
            collect();
        }
    }
    [[nodiscard]] Time due() const {
        Time due = kNever;
        for (const Link* link : present_) {
            due = std::min(due, link->due());
        }
        return due;
    }
    /// Says GOODBYE to each; the sockets linger for up to a second to pass it on.
    void close(Time now) {
        for (Link* link : present_) {
            link->close(now);
        }
    }

  private:
    void collect() {
        fds_.clear();
        present_.clear();
        for (const auto& link : links_) {
            if (link != nullptr) {
                present_.push_back(link.get());
                const std::span<const int> fds = link->fds();
                fds_.insert(fds_.end(), fds.begin(), fds.end());
            }
        }
        collected_version_ = fds_version();
    }

    std::vector<std::unique_ptr<Link>> links_; // by broker; nullptr: there is none
    std::vector<Link*> present_;
    std::uint32_t versions_before_ = 0;   // of links that are gone
    std::vector<int> fds_;                // of all of them
    std::uint32_t collected_version_ = 0; // of the links, when fds_ was made
};

} // namespace zcomet::link
