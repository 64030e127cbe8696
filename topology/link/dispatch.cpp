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
        dispatch->links_.add(std::move(link).value());
        dispatch->failover_.use(broker, dispatch->links_[broker].session());
        dispatch->links_[broker].session().use_list(brokers.mark());
        dispatch->links_[broker].start(now);
    }
    return dispatch;
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
    links_.refresh_fds();
    return more;
}

} // namespace zcomet::link
