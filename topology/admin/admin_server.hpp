// Serves a few small pages to operators and their tools, in the loop of a program that has other
// work. So it never holds that loop, whatever its clients do: nothing here blocks, a turn builds
// one answer at most, and the number of connections, the time that each has, and the bytes that are
// kept of requests and answers are bounded. Memory is given back with each connection.
//
// A connection carries one request. A client that keeps connections would hold a place that others
// want, and asks too rarely to gain by it.
#pragma once

#include "topology/base/result.hpp"
#include "topology/base/time.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/http/http_front.hpp"
#include "topology/http/page_guard.hpp"
#include "topology/loop/epoll.hpp"
#include "topology/loop/source.hpp"
#include "topology/program/program.hpp"
#include "topology/wire/endpoint.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace zcomet::admin {

struct AdminLimits {
    /// A person and a tool or two look at the pages. Beyond this, a new connection is closed.
    /// @limit connections to the admin page
    std::size_t connections_max = 32;
    /// Of one request. A browser's with cookies has 4 KiB at most.
    /// @limit bytes of a request to the admin page
    std::size_t request_bytes_max = 8192;
    /// While this much of the answers waits for clients that do not read, no other answer is built.
    /// @limit bytes of the admin page's answers that wait for their clients
    std::size_t unsent_bytes_max = 1U << 20U;
    /// From the acceptance of a connection to the last byte of its answer.
    /// @limit time of a connection to the admin page
    Duration connection_time = 10s;
    /// For the client to close first. If we did, and the client had sent more than its request, the
    /// kernel would drop the answer.
    Duration linger_time = 1s;
    /// Before connections are accepted again after the system had no descriptor or memory for one.
    /// @limit pause of the admin page after a shortage of descriptors
    Duration shortage_pause = 100ms;
};

/// How often what happened.
struct AdminCounts {
    std::uint64_t accepted = 0;
    std::uint64_t answered = 0;    ///< by a page, or with an error
    std::uint64_t refused = 0;     ///< connections for which there was no place
    std::uint64_t late = 0;        ///< connections closed because their time was over
    std::uint64_t shortages = 0;   ///< connections that the system could not give to us
    std::uint64_t misdirected = 0; ///< requests whose Host is no name of this server
};

/// Thread: one, the loop's.
class AdminServer : public loop::Source {
  public:
    /// Listens from now on; the pages are served once a loop drives it. The port is not shared with
    /// other programs: with SO_REUSEPORT two of them would answer by turns.
    /// @param address  port 0: any free one; host "*": every address of this machine.
    /// Errors: the address cannot be listened at; they say which and why.
    /// Throws std::system_error if the process is out of descriptors.
    [[nodiscard]] static Result<std::unique_ptr<AdminServer>>
    open(const wire::HostPort& address, std::vector<http::Route> pages, AdminLimits limits = {});
    ~AdminServer() override;
    AdminServer(const AdminServer&) = delete;
    AdminServer& operator=(const AdminServer&) = delete;

    /// From now on requests for these names are served, and not only those for localhost and for
    /// addresses.
    void use(host::HostNames names) { guard_.use(std::move(names)); }

    /// With the port that the system chose, if it was to.
    [[nodiscard]] const wire::HostPort& address() const { return address_; }
    [[nodiscard]] const AdminCounts& counts() const { return counts_; }
    /// Connections that are open now.
    [[nodiscard]] std::size_t connection_count() const;

    [[nodiscard]] std::span<const int> fds() const override { return {&fd_, 1}; }
    bool turn(Time now) override;
    [[nodiscard]] Time due() const override { return due_; }

  private:
    struct Connection;

    AdminServer(wire::HostPort address, UniqueFd listener, std::vector<http::Route> pages,
                AdminLimits limits);

    void on_event(std::size_t place, std::uint32_t events, Time now);
    void read(std::size_t place, Time now);
    void judge(std::size_t place, Time now);
    void answer_next(Time now);
    [[nodiscard]] bool may_answer() const;
    void begin_to_answer(std::size_t place, const http::Answer& answer, Time now);
    void begin_to_write(std::size_t place, std::string bytes, Time now);
    void write(std::size_t place, Time now);
    void drain(std::size_t place);
    void close_late(Time now);
    void close(std::size_t place);
    void accept_some(Time now);
    [[nodiscard]] bool take_in(UniqueFd fd, Time now);
    void pause_accepting(int reason, Time now);
    void resume_accepting(Time now);
    [[nodiscard]] Time next_due() const;

    wire::HostPort address_;
    AdminLimits limits_;
    UniqueFd listener_;
    /// The listener and the connections. It is readable when one of them is ready, so that the loop
    /// has one descriptor to look at, whatever comes and goes here.
    loop::Epoll epoll_;
    int fd_ = epoll_.fd();
    http::Pages pages_;
    http::PageGuard guard_;
    std::vector<std::unique_ptr<Connection>> places_; // nullptr: free
    std::size_t next_ = 0;  // place that is looked at first for a request to answer
    bool has_news_ = false; // the listener is ready
    Time accept_again_ = kNever;
    Time due_ = kNever;
    AdminCounts counts_;
    program::LogLimit refused_log_;
    program::LogLimit shortage_log_;
    program::LogLimit misdirected_log_;
};

} // namespace zcomet::admin
