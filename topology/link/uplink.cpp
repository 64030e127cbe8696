#include "topology/link/uplink.hpp"

#include "topology/base/random.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::link {

Uplink::Uplink(LinkContext& context, session::NodeEvents& events, std::string name,
               const cluster::BrokerList& brokers, const std::vector<std::string>& feed_hosts)
    : context_(context), feed_hosts_(feed_hosts), slots_(brokers),
      node_(events, random_u64(), std::move(name), slots_.logins(), brokers.mark()) {}

Result<std::unique_ptr<Uplink>> Uplink::open(LinkContext& context, session::NodeEvents& events,
                                             const cluster::BrokerList& brokers, std::string name,
                                             Time now, const std::vector<std::string>& feed_hosts) {
    std::unique_ptr<Uplink> uplink(
        new Uplink(context, events, std::move(name), brokers, feed_hosts));
    Result<NewLinks> opened = uplink->open_links(uplink->slots_, now);
    if (!opened.ok()) {
        return opened.error();
    }
    for (auto& [broker, link] : opened.value()) {
        uplink->links_.add(broker, std::move(link));
    }
    return uplink;
}

Result<Uplink::NewLinks> Uplink::open_links(const cluster::BrokerSlots& slots, Time now) {
    NewLinks opened;
    for (std::size_t broker = 0; broker < slots.size(); ++broker) {
        if (links_.has(broker) || !slots.is_listed(broker)) {
            continue;
        }
        auto link =
            NodeLink::open(context_, node_, broker, slots[broker].endpoint, feed_hosts_, now);
        if (!link.ok()) {
            return link.error();
        }
        opened.emplace_back(broker, std::move(link).value());
    }
    return opened;
}

Status Uplink::use(const cluster::BrokerList& list, Time now) {
    cluster::BrokerSlots slots = slots_;
    if (Status used = slots.use(list); !used.ok()) {
        return used;
    }
    Result<NewLinks> opened = open_links(slots, now);
    if (!opened.ok()) {
        return opened.error();
    }
    slots_ = std::move(slots);
    for (auto& [broker, link] : opened.value()) {
        links_.add(broker, std::move(link));
    }
    node_.use(slots_.logins(), [this](std::size_t broker, std::string_view id, bool gains) {
        if (gains) {
            links_[broker].login(id);
        } else if (links_.has(broker)) {
            links_[broker].logout(id);
        }
    });
    for (std::size_t broker = 0; broker < slots_.size(); ++broker) {
        if (links_.has(broker) && !slots_.is_listed(broker)) {
            counted_before_ += links_[broker].counters();
            links_.remove(broker, now);
        }
    }
    confirm_logins(now);
    return Done{};
}

/// Not before the logins are applied: who hears of it may send by it.
void Uplink::tell_list(Time now) {
    if (!logins_applied()) {
        return;
    }
    node_.set_list(slots_.mark());
    for (NodeLink* link : links_) {
        link->tell_list(now);
    }
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
    for (NodeLink* link : links_) {
        link->confirm_logins(now);
    }
}

template <typename Holds> bool Uplink::for_every_id(Holds&& holds) const {
    cluster::BrokerSet some;
    for (std::size_t broker = 0; broker < slots_.size(); ++broker) {
        some.set(broker, links_.has(broker) && holds(links_[broker]));
    }
    return placement().covers_every_id(some);
}

bool Uplink::logins_applied() const {
    const bool have_all = std::all_of(links_.begin(), links_.end(), [](const NodeLink* link) {
        return !link->live() || link->logins_applied();
    });
    return have_all && for_every_id([](const NodeLink& link) { return link.logins_applied(); });
}

bool Uplink::logins_refused() const {
    return std::any_of(links_.begin(), links_.end(),
                       [](const NodeLink* link) { return link->logins_refused(); });
}

bool Uplink::turn(Time now) {
    bool more = false;
    for (NodeLink* link : links_) {
        more = link->turn(now) || more;
    }
    if (node_.list() != slots_.mark()) {
        tell_list(now);
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
    session::NodeSessionCounters sum = counted_before_;
    for (NodeLink* link : links_) {
        sum += link->counters();
    }
    return sum;
}

} // namespace zcomet::link
