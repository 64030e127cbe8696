#include "webnode/hook/caller.hpp"

#include "topology/base/check.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace zcomet::webnode::hook {

namespace {

constexpr std::size_t kCallReadBytes = 4096;
/// Reads of one connection in a turn: more than the longest answer takes.
constexpr int kCallReadsMax = 32;
/// Time between two questions for the addresses of a host that has none.
constexpr Duration kLookAgainSoon = 1s;

int error_of(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

} // namespace

Caller::Caller(const wire::HostPort& where) : where_(where) {}

void Caller::begin(std::uint64_t tag, std::string request, Time deadline, Time now) {
    ZCOMET_ASSERT(has_room());
    ++busy_;
    Call& call = place();
    const bool is_connected = call.state == State::kIdle;
    call.tag = tag;
    call.request = std::move(request);
    call.deadline = deadline;
    call.written = 0;
    call.tries = 0;
    call.answer.clear();
    if (is_connected) {
        call.state = State::kWriting;
        go_on(call, now);
        return;
    }
    look_up(now);
    take_addresses(now);
    call.state = State::kLookingUp;
    if (!addresses_.empty()) {
        call.address = first_address_ % addresses_.size();
        connect(call);
    } else if (lookup_ == nullptr) { // it has failed a moment ago
        give(call, failed(failure::kName));
        end(call);
    }
}

/// A connection that waits, or else a free place.
Caller::Call& Caller::place() {
    const auto in = [](State state) {
        return [state](const Call& call) { return call.state == state; };
    };
    const auto idle = std::find_if(calls_.begin(), calls_.end(), in(State::kIdle));
    return idle != calls_.end() ? *idle
                                : *std::find_if(calls_.begin(), calls_.end(), in(State::kFree));
}

/// The addresses that are known are of use until others come.
void Caller::look_up(Time now) {
    if (lookup_ == nullptr && look_again_ <= now) {
        lookup_ = std::make_unique<net::Lookup>(where_, net::Purpose::kConnect);
        ++fds_version_;
    }
}

void Caller::take_addresses(Time now) {
    if (lookup_ == nullptr) {
        return;
    }
    auto answer = lookup_->answer();
    if (!answer) {
        return;
    }
    lookup_.reset();
    ++fds_version_;
    look_again_ = now + (answer->ok() ? kLookAgainEach : kLookAgainSoon);
    if (answer->ok()) {
        addresses_ = std::move(answer->value());
    }
}

void Caller::connect(Call& call) {
    const net::SocketAddress& address = addresses_[call.address];
    ++call.tries;
    call.is_used = false;
    call.written = 0;
    call.answer.clear();
    call.state = State::kConnecting;
    call.fd.reset(
        ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    const auto index = static_cast<std::uint64_t>(&call - calls_.data());
    const int on = 1;
    const bool is_under_way =
        call.fd.valid() &&
        ::setsockopt(call.fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
        (::connect(call.fd.get(), address.get(), address.size) == 0 || errno == EINPROGRESS) &&
        epoll_.add(call.fd.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, index);
    if (!is_under_way) {
        lose(call, failure::kConnect);
    }
}

void Caller::go_on(Call& call, Time now) {
    switch (call.state) {
    case State::kConnecting:
        if (error_of(call.fd.get()) != 0) {
            lose(call, failure::kConnect);
            return;
        }
        [[fallthrough]];
    case State::kWriting:
        if (write(call)) {
            read(call, now);
        }
        return;
    case State::kReading:
    case State::kDiscarding:
    case State::kIdle:
        read(call, now);
        return;
    case State::kFree:
    case State::kLookingUp:
        return;
    }
}

/// @return whether the whole request is written.
bool Caller::write(Call& call) {
    while (call.written < call.request.size()) {
        const ssize_t sent = ::send(call.fd.get(), call.request.data() + call.written,
                                    call.request.size() - call.written, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN && errno != ENOTCONN) { // ENOTCONN: not connected yet
                lose(call, call.state == State::kConnecting ? failure::kConnect : failure::kClosed);
            }
            return false;
        }
        if (call.state == State::kConnecting) {
            call.state = State::kWriting;
            first_address_ = call.address;
        }
        call.written += static_cast<std::size_t>(sent);
    }
    call.state = State::kReading;
    return true;
}

void Caller::read(Call& call, Time now) {
    std::array<char, kCallReadBytes> buffer;
    for (int reads = 0; reads < kCallReadsMax && call.fd.valid(); ++reads) {
        const ssize_t got = ::recv(call.fd.get(), buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EAGAIN) {
            return;
        }
        if (got <= 0) {
            lose(call, failure::kClosed);
            return;
        }
        take(call, {buffer.data(), static_cast<std::size_t>(got)}, now);
    }
    if (call.fd.valid()) { // nobody sends so much
        lose(call, failure::kMalformed);
    }
}

void Caller::take(Call& call, std::string_view bytes, Time now) {
    if (call.state == State::kReading) {
        call.answer.append(bytes);
        const AnswerHead head = read_answer(call.answer);
        if (head.verdict == AnswerHead::Verdict::kNeedMore) {
            return;
        }
        if (head.verdict == AnswerHead::Verdict::kRefuse) {
            give(call, failed(failure::kMalformed));
            end(call);
            return;
        }
        give(call, decide(head));
        if (!head.keeps_connection) {
            end(call);
            return;
        }
        call.body_bytes = head.body_bytes;
        bytes.remove_prefix(bytes.size() - (call.answer.size() - head.head_end));
        call.state = State::kDiscarding;
    }
    if (call.state != State::kDiscarding || bytes.size() > call.body_bytes) {
        end(call); // nobody has asked for that
        return;
    }
    call.body_bytes -= bytes.size();
    if (call.body_bytes == 0) {
        rest(call, now);
    }
}

void Caller::lose(Call& call, std::string_view why) {
    const bool is_asking = call.state == State::kConnecting || call.state == State::kWriting ||
                           call.state == State::kReading;
    // The backend may close a connection that has waited for long, just as it is used again.
    const bool was_idle = call.is_used && call.answer.empty();
    const bool has_other = call.state == State::kConnecting && call.tries < addresses_.size();
    if (is_asking && !addresses_.empty() && (was_idle || has_other)) {
        call.address = (call.address + (has_other ? 1 : 0)) % addresses_.size();
        connect(call);
        return;
    }
    if (is_asking) {
        give(call, failed(why));
    }
    end(call);
}

void Caller::give(Call& call, Decision decision) {
    results_.push_back({call.tag, std::move(decision)});
}

void Caller::end(Call& call) {
    busy_ -= call.state == State::kIdle ? 0 : 1;
    call = {};
}

void Caller::rest(Call& call, Time now) {
    --busy_;
    call.state = State::kIdle;
    call.is_used = true;
    call.deadline = now + kIdleMax;
    call.request = {};
    call.answer = {};
}

void Caller::turn(Time now, std::vector<Result>& results) {
    if (lookup_ != nullptr) {
        take_addresses(now);
        const bool has_failed = lookup_ == nullptr && addresses_.empty();
        for (Call& call : calls_) {
            if (call.state != State::kLookingUp) {
                continue;
            }
            if (has_failed) {
                give(call, failed(failure::kName));
                end(call);
            } else if (!addresses_.empty()) {
                call.address = first_address_ % addresses_.size();
                connect(call);
            }
        }
    }
    const auto events = epoll_.wait(now, Time::min());
    for (const epoll_event& event : events) {
        go_on(calls_[event.data.u64], now);
    }
    for (Call& call : calls_) {
        if (call.state == State::kFree || call.deadline > now) {
            continue;
        }
        if (call.state != State::kIdle && call.state != State::kDiscarding) {
            const bool has_no_address = call.state == State::kLookingUp;
            give(call, failed(has_no_address ? failure::kName : failure::kSilence));
        }
        end(call);
    }
    results.insert(results.end(), std::make_move_iterator(results_.begin()),
                   std::make_move_iterator(results_.end()));
    results_.clear();
}

Time Caller::due() const {
    if (!results_.empty()) {
        return Time::min();
    }
    Time due = kNever;
    for (const Call& call : calls_) {
        due = call.state == State::kFree ? due : std::min(due, call.deadline);
    }
    return due;
}

} // namespace zcomet::webnode::hook
