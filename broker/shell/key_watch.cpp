#include "broker/shell/key_watch.hpp"

#include "topology/base/signals_held.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace zcomet::broker::shell {

namespace {

/// One change often comes with others.
/// @limit pause between a change of the keys and their being read
constexpr int kGatherMs = 50;
constexpr std::uint32_t kChanges =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_ONLYDIR;

UniqueFd make_event(unsigned count) {
    UniqueFd event(::eventfd(count, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event.valid()) {
        throw std::system_error(errno, std::generic_category(), "eventfd");
    }
    return event;
}

void drain(int fd) {
    std::array<char, 4096> bytes{};
    while (::read(fd, bytes.data(), bytes.size()) > 0) {
    }
}

} // namespace

KeyWatch::KeyWatch(std::string path, OnRead on_read)
    : path_(std::move(path)), on_read_(std::move(on_read)),
      changes_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      asked_(make_event(1)), // what has changed since the directory was read first is noticed
      read_(make_event(0)) {
    fds_ = {read_.get()};
    if (changes_.valid()) {
        watch_folders();
    }
    const SignalsHeld held; // they are for the loop
    thread_ = std::thread([this] { work(); });
}

KeyWatch::~KeyWatch() {
    ends_ = true;
    read_again();
    thread_.join();
}

void KeyWatch::read_again() {
    static_cast<void>(::eventfd_write(asked_.get(), 1));
}

bool KeyWatch::turn(Time /*now*/) {
    eventfd_t times = 0;
    if (::eventfd_read(read_.get(), &times) != 0) {
        return false;
    }
    std::optional<Result<keys::Directory>> news;
    {
        const std::lock_guard lock(mutex_);
        news = std::exchange(news_, std::nullopt);
    }
    if (news) {
        on_read_(*news);
    }
    return false;
}

/// Again each time: a folder may have been replaced. One that is watched already stays so.
void KeyWatch::watch_folders() {
    for (const std::string& folder : keys::folders_of(path_)) {
        static_cast<void>(::inotify_add_watch(changes_.get(), folder.c_str(), kChanges));
    }
}

void KeyWatch::work() {
    while (wait_for_change()) {
        Result<keys::Directory> directory = keys::read_directory(path_);
        {
            const std::lock_guard lock(mutex_);
            news_ = std::move(directory);
        }
        static_cast<void>(::eventfd_write(read_.get(), 1));
    }
}

bool KeyWatch::wait_for_change() {
    std::array<pollfd, 2> waits{{{asked_.get(), POLLIN, 0}, {changes_.get(), POLLIN, 0}}};
    while (::poll(waits.data(), waits.size(), -1) < 0 && errno == EINTR) {
    }
    if (!ends_ && (waits[0].revents & POLLIN) == 0) {
        ::poll(nullptr, 0, kGatherMs);
    }
    drain(asked_.get());
    if (changes_.valid()) {
        drain(changes_.get());
        watch_folders();
    }
    return !ends_;
}

} // namespace zcomet::broker::shell
