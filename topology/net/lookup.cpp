#include "topology/net/lookup.hpp"

#include "topology/base/signals_held.hpp"
#include "topology/base/text.hpp"
#include "topology/base/unique_fd.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace zcomet::net {

struct Lookup::Shared {
    UniqueFd event;
    std::atomic<bool> answered = false;
    std::optional<Result<std::vector<SocketAddress>>> answer; // the thread's until answered is true

    void give(Result<std::vector<SocketAddress>> found) {
        answer.emplace(std::move(found));
        answered.store(true, std::memory_order_release);
    }
};

namespace {

/// @limit time for the name service to find the address on which a program listens
constexpr Duration kListeningPatience = 5s;

Error cannot_resolve(const wire::HostPort& where, const std::string& why) {
    return Error{"cannot resolve " + in_quotes(where.host) + ": " + why};
}

/// A thread that asks, or is about to begin.
class Place {
  public:
    Place() : is_free_(taken_.fetch_add(1) < Lookup::kUnansweredMax) {}
    ~Place() { --taken_; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    [[nodiscard]] bool is_free() const { return is_free_; }

  private:
    static inline std::atomic<int> taken_ = 0;
    bool is_free_;
};

} // namespace

Lookup::Lookup(const wire::HostPort& where, Purpose purpose, Ask ask)
    : shared_(std::make_shared<Shared>()) {
    if (is_numeric(where.host)) {
        shared_->give(resolve(where, purpose));
        return;
    }
    auto place = std::make_unique<Place>();
    if (!place->is_free()) {
        shared_->give(cannot_resolve(where, "the name service has not answered " +
                                                std::to_string(kUnansweredMax) +
                                                " earlier questions yet"));
        return;
    }
    shared_->event.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!shared_->event.valid()) {
        shared_->give(cannot_resolve(where, std::generic_category().message(errno)));
        return;
    }
    try {
        const SignalsHeld held; // signals are for the program's own threads
        std::thread([shared = shared_, where, purpose, ask = std::move(ask),
                     place = std::move(place)] {
            shared->give(ask(where, purpose));
            static_cast<void>(::eventfd_write(shared->event.get(), 1));
        }).detach();
    } catch (const std::system_error& error) {
        shared_->event.reset();
        shared_->give(cannot_resolve(where, error.code().message()));
    }
}

Lookup::~Lookup() = default;

int Lookup::fd() const {
    return shared_->event.get();
}

bool Lookup::answered() const {
    return shared_->answered.load(std::memory_order_acquire);
}

std::optional<Result<std::vector<SocketAddress>>> Lookup::answer() {
    return answered() ? std::exchange(shared_->answer, std::nullopt) : std::nullopt;
}

Result<std::vector<SocketAddress>> resolve_within(const wire::HostPort& where, Purpose purpose,
                                                  Duration timeout) {
    Lookup lookup(where, purpose);
    const Time deadline = Clock::now() + timeout;
    for (;;) {
        if (auto answer = lookup.answer()) {
            return *std::move(answer);
        }
        const Duration left = deadline - Clock::now();
        if (left <= Duration::zero()) {
            return cannot_resolve(where, "the name service has not answered within " +
                                             std::to_string(in_ms(timeout)) + " ms");
        }
        pollfd event{lookup.fd(), POLLIN, 0};
        static_cast<void>(::poll(&event, 1, static_cast<int>(in_ms(left)) + 1));
    }
}

Result<SocketAddress> listening_address(const wire::HostPort& where) {
    auto found = resolve_within(where, Purpose::kListen, kListeningPatience);
    return found.ok() ? Result<SocketAddress>(found.value().front()) : found.error();
}

} // namespace zcomet::net
