// Reads a broker's directory of keys again when something in it changes, in a thread of its own: a
// disk may be slow, and no broker waits for it.
#pragma once

#include "topology/base/result.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/keys/directory.hpp"
#include "topology/loop/source.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>

namespace zcomet::broker::shell {

/// Thread: that of the loop that drives it.
class KeyWatch final : public loop::Source {
  public:
    /// @param directory  what there is now, or why it cannot be read: the last is to be kept then.
    using OnRead = std::function<void(const Result<keys::Directory>& directory)>;

    /// Throws std::system_error if there is no descriptor, or no thread. A system without room for
    /// another inotify(7) is no error: then only read_again() reads.
    KeyWatch(std::string path, OnRead on_read);
    ~KeyWatch() override;
    KeyWatch(const KeyWatch&) = delete;
    KeyWatch& operator=(const KeyWatch&) = delete;

    /// Reads the directory although nothing seems to have changed. Does not wait.
    void read_again();
    /// Whether changes are noticed.
    [[nodiscard]] bool notices() const { return changes_.valid(); }

    [[nodiscard]] std::span<const int> fds() const override { return fds_; }
    bool turn(Time now) override;

  private:
    void work();
    void watch_folders();
    /// @return false if the thread is to end.
    bool wait_for_change();

    std::string path_;
    OnRead on_read_;
    UniqueFd changes_; // inotify
    UniqueFd asked_;   // eventfd: to the thread
    UniqueFd read_;    // eventfd: from the thread
    std::array<int, 1> fds_{};
    std::atomic<bool> ends_ = false;
    std::mutex mutex_;
    std::optional<Result<keys::Directory>> news_; // guarded by mutex_
    std::thread thread_;
};

} // namespace zcomet::broker::shell
