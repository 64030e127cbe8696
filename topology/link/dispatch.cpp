#include "topology/link/dispatch.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace zcomet::link {

Dispatch::Dispatch(LinkContext& context, session::SenderEvents& events,
                   const cluster::BrokerList& brokers, std::string name, Duration failover)
    : context_(context), name_(std::move(name)), slots_(brokers), told_(brokers.mark()),
      failover_(events, slots_.senders(), failover) {}

Result<std::unique_ptr<Dispatch>> Dispatch::open(LinkContext& context,
                                                 session::SenderEvents& events,
                                                 const cluster::BrokerList& brokers,
                                                 const std::string& name, Time now,
                                                 Duration failover) {
    std::unique_ptr<Dispatch> dispatch(new Dispatch(context, events, brokers, name, failover));
    if (const Status opened = dispatch->open_links(now); !opened.ok()) {
        return opened.error();
    }
    return dispatch;
}

Status Dispatch::open_links(Time now) {
    for (std::size_t broker = 0; broker < slots_.size(); ++broker) {
        if (links_.has(broker) || !slots_.is_listed(broker)) {
            continue;
        }
        auto link =
            SenderLink::open(context_, failover_.events_of(broker), slots_[broker].endpoint, name_);
        if (!link.ok()) {
            return link.error();
        }
        session::SenderSession& session = link.value()->session();
        links_.add(broker, std::move(link).value());
        failover_.use(broker, session);
        session.use_list(told_);
        links_[broker].start(now);
    }
    return Done{};
}

Status Dispatch::use(const cluster::BrokerList& list, Time now) {
    if (Status used = slots_.use(list); !used.ok()) {
        return used;
    }
    failover_.change(slots_.senders());
    return open_links(now);
}

/// What a broker that leaves has not answered yet is still awaited.
void Dispatch::leave_unlisted(Time now) {
    for (std::size_t broker = 0; broker < slots_.size(); ++broker) {
        if (links_.has(broker) && !slots_.is_listed(broker) && failover_.is_idle(broker)) {
            failover_.retire(broker);
            links_.remove(broker, now);
        }
    }
}

bool Dispatch::welcomed() const {
    return std::any_of(links_.begin(), links_.end(),
                       [](const SenderLink* link) { return link->session().welcomed(); });
}

void Dispatch::hurry() {
    for (SenderLink* link : links_) {
        link->session().hurry();
    }
}

void Dispatch::flush(Time now) {
    for (SenderLink* link : links_) {
        link->session().flush(now);
    }
}

bool Dispatch::turn(Time now) {
    for (SenderLink* link : links_) {
        link->take_in(now);
    }
    failover_.tick(now);
    if (told_ != slots_.mark() && failover_.has_moved()) {
        told_ = slots_.mark();
        for (SenderLink* link : links_) {
            link->session().tell_list(told_, now);
        }
    }
    if (links_.size() > slots_.list().brokers.size()) {
        leave_unlisted(now);
    }
    bool more = false;
    for (SenderLink* link : links_) {
        more = link->send_due(now) || more;
    }
    links_.refresh_fds();
    return more;
}

} // namespace zcomet::link
