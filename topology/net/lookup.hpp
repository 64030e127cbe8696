// The addresses of a host, found without waiting for the name service.
#pragma once

#include "topology/base/result.hpp"
#include "topology/base/time.hpp"
#include "topology/net/socket_address.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace zcomet::net {

/// One question to the name service. A thread of its own asks, since getaddrinfo(3) can neither be
/// watched nor cancelled, and takes many seconds when the name server is dead. Nothing waits for
/// that thread: when the Lookup is destroyed first, the answer is dropped. A dead name server keeps
/// the thread all the same. So there is a bound, and one question too many is answered at once.
///
/// Thread: one.
class Lookup {
  public:
    using Ask = std::function<Result<std::vector<SocketAddress>>(const wire::HostPort&, Purpose)>;

    /// Of all Lookups of the process. A program has few hosts to look up; a program that uses the
    /// client library may have more.
    /// @limit questions to the name service that a process has without an answer
    static constexpr int kUnansweredMax = 32;

    /// Begins to ask. An address in digits needs no thread, and has its answer at once. Throws
    /// nothing but std::bad_alloc: a thread or a descriptor that cannot be had is an answer, too.
    /// @param ask  resolve(), or another function for a test; it may take long.
    Lookup(const wire::HostPort& where, Purpose purpose, Ask ask = resolve);
    Lookup(const Lookup&) = delete;
    Lookup& operator=(const Lookup&) = delete;
    ~Lookup();

    /// Becomes readable when the answer has come. -1 if it was there from the start.
    [[nodiscard]] int fd() const;
    [[nodiscard]] bool answered() const;
    /// The answer of resolve(); nothing yet while it is awaited. Moves it out: ask once.
    [[nodiscard]] std::optional<Result<std::vector<SocketAddress>>> answer();

  private:
    struct Shared;
    std::shared_ptr<Shared> shared_; // with the thread
};

/// The same for a caller that may wait, but not for longer than `timeout`.
/// Errors: those of resolve(); the time is over.
[[nodiscard]] Result<std::vector<SocketAddress>> resolve_within(const wire::HostPort& where,
                                                                Purpose purpose, Duration timeout);

/// Where a program that starts is to listen: the first address of the host.
/// Errors: as resolve_within(), after five seconds.
[[nodiscard]] Result<SocketAddress> listening_address(const wire::HostPort& where);

} // namespace zcomet::net
