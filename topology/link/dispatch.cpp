#include "topology/link/dispatch.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::link {

Result<std::unique_ptr<Dispatch>> Dispatch::open(LinkContext& context,
                                                 session::SenderEvents& events,
                                                 const cluster::BrokerList& brokers,
                                                 const std::string& name, Time now,
                                                 Duration failover) {
    std::unique_ptr<Dispatch> dispatch(new Dispatch(events, brokers, failover));
    for (std::size_t broker = 0; broker < brokers.brokers.size(); ++broker) {
        auto link = SenderLink::open(context, dispatch->failover_.events_of(broker),
                                     brokers.brokers[broker].endpoint, name);
        if (!link.ok()) {
            return link.error();
        }
        dispatch->links_.push_back(std::move(link).value());
        dispatch->failover_.use(broker, dispatch->links_.back()->session());
        dispatch->links_.back()->start(now);
    }
    dispatch->collect_fds();
    return dispatch;
}

void Dispatch::collect_fds() {
    fds_.clear();
    for (const auto& link : links_) {
        const std::span<const int> fds = link->fds();
        fds_.insert(fds_.end(), fds.begin(), fds.end());
    }
    collected_version_ = fds_version();
}

std::uint32_t Dispatch::fds_version() const {
    std::uint32_t sum = 0;
    for (const auto& link : links_) {
        sum += link->fds_version();
    }
    return sum;
}

bool Dispatch::welcomed() const {
    return std::any_of(links_.begin(), links_.end(),
                       [](const auto& link) { return link->session().welcomed(); });
}

void Dispatch::hurry() {
    for (const auto& link : links_) {
        link->session().hurry();
    }
}

void Dispatch::flush(Time now) {
    for (const auto& link : links_) {
        link->session().flush(now);
    }
}

bool Dispatch::turn(Time now) {
    for (const auto& link : links_) {
        link->take_in(now);
    }
    failover_.tick(now);
    bool more = false;
    for (const auto& link : links_) {
        more = link->send_due(now) || more;
    }
    if (fds_version() != collected_version_) {
        collect_fds();
    }
    return more;
}

Time Dispatch::due() const {
    Time due = kNever;
    for (const auto& link : links_) {
        due = std::min(due, link->due());
    }
    return due;
}

void Dispatch::close(Time now) {
    for (const auto& link : links_) {
        link->close(now);
    }
}

} // namespace zcomet::link
