#include "topology/link/sender_link.hpp"

#include "topology/base/random.hpp"
#include "topology/wire/endpoint.hpp"

#include <utility>

namespace zcomet::link {

SenderLink::SenderLink(LinkContext& context, session::SenderEvents& events, std::string name,
                       std::uint64_t incarnation)
    : BrokerLink(context), events_(events), fds_{fd(), -1},
      session_(*this, events, incarnation, std::move(name)), turn_(session_, *this, watch()) {}

Result<std::unique_ptr<SenderLink>> SenderLink::open(LinkContext& context,
                                                     session::SenderEvents& events,
                                                     const std::string& broker, std::string name) {
    if (const Result<wire::HostPort> address = wire::parse_tcp_endpoint(broker); !address.ok()) {
        return address.error();
    }
    std::unique_ptr<SenderLink> link(
        new SenderLink(context, events, std::move(name), random_u64()));
    if (const Status connected = link->connect(broker); !connected.ok()) {
        return connected.error();
    }
    return link;
}

void SenderLink::take_in(Time now) {
    if (const Status followed = follow_name(now); !followed.ok()) {
        events_.on_no_broker(followed.error().text);
    }
    fds_[1] = connector().fd();
    turn_.receive(now);
}

bool SenderLink::send_due(Time now) {
    session_.tick(now);
    return has_more();
}

void SenderLink::close(Time now) {
    session_.goodbye(now);
    linger();
}

} // namespace zcomet::link
