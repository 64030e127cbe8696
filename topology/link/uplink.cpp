#include "topology/link/uplink.hpp"

#include "topology/base/random.hpp"
#include "topology/cluster/placement.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::link {

Uplink::Uplink(session::NodeEvents& events, std::string name, const cluster::BrokerList& brokers)
    : node_(events, random_u64(), std::move(name), brokers.placement(), brokers.mark()) {}

Result<std::unique_ptr<Uplink>> Uplink::open(LinkContext& context, session::NodeEvents& events,
                                             const cluster::BrokerList& brokers, std::string name,
                                             Time now, const std::vector<std::string>& feed_hosts) {
    std::unique_ptr<Uplink> uplink(new Uplink(events, std::move(name), brokers));
    for (std::size_t broker = 0; broker < brokers.brokers.size(); ++broker) {
        auto link = NodeLink::open(context, uplink->node_, broker, brokers.brokers[broker].endpoint,
                                   feed_hosts, now);
        if (!link.ok()) {
            return link.error();
        }
        uplink->links_.add(std::move(link).value());
    }
    return uplink;
}

void Uplink::login(std::string_view id) {
    for (const std::size_t broker : node_.logins().placement().brokers_of(id)) {
        links_[broker].login(id);
    }
}

void Uplink::logout(std::string_view id) {
    for (const std::size_t broker : node_.logins().placement().brokers_of(id)) {
        links_[broker].logout(id);
    }
}

void Uplink::ask(const wire::History& history) {
    links_[0].ask(history);
}

void Uplink::confirm_logins(Time now) {
    for (const auto& link : links_) {
        link->confirm_logins(now);
    }
}

template <typename Holds> bool Uplink::for_every_id(Holds&& holds) const {
    const auto lacking = std::count_if(links_.begin(), links_.end(),
                                       [&holds](const auto& link) { return !holds(*link); });
    return static_cast<std::size_t>(lacking) < placement().replicas();
}

bool Uplink::logins_applied() const {
    const bool have_all = std::all_of(links_.begin(), links_.end(), [](const auto& link) {
        return !link->live() || link->logins_applied();
    });
    return have_all && for_every_id([](const NodeLink& link) { return link.logins_applied(); });
}

bool Uplink::logins_refused() const {
    return std::any_of(links_.begin(), links_.end(),
                       [](const auto& link) { return link->logins_refused(); });
}

bool Uplink::turn(Time now) {
    bool more = false;
    for (const auto& link : links_) {
        more = link->turn(now) || more;
    }
    links_.refresh_fds();
    return more;
}

bool Uplink::live() const {
    return for_every_id([](const NodeLink& link) { return link.live(); });
}

bool Uplink::is_cut_off(Time now) const {
    return !for_every_id([now](const NodeLink& link) { return !link.is_cut_off(now); });
}

bool Uplink::is_in_touch(Time now) const {
    return for_every_id([now](const NodeLink& link) { return link.is_in_touch(now); });
}

session::NodeSessionCounters Uplink::counters() const {
    session::NodeSessionCounters sum;
    for (const auto& link : links_) {
        sum += link->counters();
    }
    return sum;
}

} // namespace zcomet::link
