#include "topology/link/host_connector.hpp"

#include <utility>
#include <vector>

namespace zcomet::link {

namespace {

std::vector<std::string> in_digits(const std::vector<net::SocketAddress>& addresses) {
    std::vector<std::string> endpoints;
    endpoints.reserve(addresses.size());
    for (const net::SocketAddress& address : addresses) {
        endpoints.push_back("tcp://" + address.text());
    }
    return endpoints;
}

} // namespace

Status HostConnector::connect(const std::string& endpoint) {
    const Result<wire::HostPort> host = wire::parse_tcp_endpoint(endpoint);
    if (!host.ok()) {
        return host.error();
    }
    host_ = host.value();
    walk_ = AddressWalk();
    lookup_.reset();
    ++fds_version_;
    walks_ = !net::is_numeric(host_.host);
    return walks_ ? Status(Done{}) : connect_to(endpoint);
}

Status HostConnector::turn(bool connected, Time now) {
    if (!walks_) {
        return Done{};
    }
    if (lookup_) {
        if (const Status answered = take_answer(now); !answered.ok()) {
            return answered;
        }
    }
    switch (walk_.step(connected, now)) {
    case AddressWalk::Step::kNothing:
        return Done{};
    case AddressWalk::Step::kLookUp:
        look_up();
        return Done{};
    case AddressWalk::Step::kConnect:
        break;
    }
    return connect_to(walk_.endpoint());
}

Time HostConnector::due() const {
    if (!walks_) {
        return kNever;
    }
    return lookup_ && lookup_->answered() ? Time::min() : walk_.due();
}

bool HostConnector::skip_address(Time now) {
    if (!walks_ || !walk_.has_more()) {
        return false;
    }
    walk_.skip(now);
    return true;
}

Status HostConnector::connect_to(const std::string& endpoint) {
    if (!endpoint_.empty()) {
        socket_.disconnect(endpoint_);
    }
    endpoint_ = endpoint;
    return socket_.connect(endpoint);
}

void HostConnector::look_up() {
    lookup_ = std::make_unique<net::Lookup>(host_, net::Purpose::kConnect);
    ++fds_version_;
}

Status HostConnector::take_answer(Time now) {
    auto answer = lookup_->answer();
    if (!answer) {
        return Done{};
    }
    lookup_.reset();
    ++fds_version_;
    if (!answer->ok()) {
        walk_.not_found(now);
        return answer->error();
    }
    walk_.found(in_digits(answer->value()), now);
    return Done{};
}

} // namespace zcomet::link
