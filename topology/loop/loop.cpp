#include "topology/loop/loop.hpp"

#include "topology/base/check.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace zcomet::loop {

namespace {

[[noreturn]] void throw_no_room() {
    throw std::system_error(errno, std::generic_category(), "cannot watch a descriptor");
}

/// Sets a flag for as long as it lives: also when a source's turn throws.
class Flagged {
  public:
    explicit Flagged(bool& flag) : flag_(flag) { flag_ = true; }
    ~Flagged() { flag_ = false; }
    Flagged(const Flagged&) = delete;
    Flagged& operator=(const Flagged&) = delete;

  private:
    bool& flag_;
};

} // namespace

std::uint64_t Loop::add(Source& source, Order order) {
    ZCOMET_ASSERT(!turning_);
    const auto free = std::find_if(entries_.begin(), entries_.end(),
                                   [](const Entry& entry) { return entry.source == nullptr; });
    const auto place = static_cast<std::size_t>(free - entries_.begin());
    ZCOMET_ASSERT(place < kIndexMask);
    if (free == entries_.end()) {
        entries_.emplace_back();
    }
    entries_[place].source = &source;
    entries_[place].order = order;
    entries_[place].ready = true;
    const auto next = std::find_if(in_order_.begin(), in_order_.end(), [&](std::size_t other) {
        return entries_[other].order > order;
    });
    in_order_.insert(next, place);
    try {
        watch(place);
    } catch (...) {
        take_out(place);
        throw;
    }
    return tag_of(place, 0);
}

void Loop::remove(Source& source) {
    ZCOMET_ASSERT(!turning_);
    take_out(place_of(source));
}

void Loop::take_out(std::size_t place) {
    for (const int fd : entries_[place].fds) {
        epoll_.remove_if_there(fd);
    }
    entries_[place] = {};
    std::erase(in_order_, place);
}

void Loop::wake(Source& source) {
    entries_[place_of(source)].ready = true;
}

std::size_t Loop::place_of(const Source& source) const {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& entry) { return entry.source == &source; });
    ZCOMET_ASSERT(found != entries_.end());
    return static_cast<std::size_t>(found - entries_.begin());
}

std::uint64_t Loop::tag_of(std::size_t place, std::size_t index) {
    return (std::uint64_t{place} << kIndexBits) | index;
}

/// Updates what the epoll set has of a source.
void Loop::watch(std::size_t place) {
    Entry& entry = entries_[place];
    const auto fds = entry.source->fds();
    ZCOMET_ASSERT(fds.size() < kIndexMask);
    // Removed descriptors first. A closed one has left the set by itself, unless another process
    // still has it open.
    for (const int before : entry.fds) {
        if (std::find(fds.begin(), fds.end(), before) == fds.end()) {
            epoll_.remove_if_there(before);
        }
    }
    entry.fds.clear();
    for (std::size_t i = 0; i < fds.size(); ++i) {
        if (fds[i] < 0) {
            continue;
        }
        if (!epoll_.add_or_modify(fds[i], EPOLLIN, tag_of(place, i + 1))) {
            throw_no_room();
        }
        entry.fds.push_back(fds[i]);
    }
    entry.fds_version = entry.source->fds_version();
}

void Loop::stop_at(int fd) {
    if (stop_fd_ >= 0) {
        epoll_.remove_if_there(stop_fd_);
    }
    stop_fd_ = fd;
    stopped_ = false;
    if (fd >= 0 && !epoll_.add(fd, EPOLLIN, kStopTag)) {
        throw_no_room();
    }
}

void Loop::run(int stop_fd) {
    stop_at(stop_fd);
    while (!stopped_) {
        turn(kNever);
    }
    stop_at(-1);
}

Time Loop::prepare(Time until) {
    for (const std::size_t place : in_order_) {
        const Entry& entry = entries_[place];
        if (entry.fds_version != entry.source->fds_version()) {
            watch(place);
        }
        until = entry.ready ? kAtOnce : std::min(until, entry.source->due());
    }
    return until;
}

void Loop::note_event(std::uint64_t tag) {
    if (tag == kStopTag) {
        stopped_ = true;
        return;
    }
    const std::size_t place = tag >> kIndexBits;
    const std::size_t index = tag & kIndexMask;
    Entry& entry = entries_[place];
    if (entry.source == nullptr) { // an earlier event of this batch removed it
        return;
    }
    entry.ready = true;
    if (index > 0) {
        entry.source->on_ready(index - 1);
    }
}

void Loop::turn_sources(Time now) {
    const Flagged turning(turning_);
    for (const std::size_t place : in_order_) {
        Entry& entry = entries_[place];
        if (entry.ready || entry.source->due() <= now) {
            entry.ready = false; // before its turn, since it may be woken during that
            entry.ready = entry.source->turn(now) || entry.ready;
        }
    }
}

} // namespace zcomet::loop
