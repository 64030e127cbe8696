#include "webnode/layer/proxy_layer.hpp"

#include "topology/http/forwarded.hpp"
#include "topology/net/proxy_header.hpp"

#include <utility>

namespace zcomet::webnode::layer {

void ProxyLayer::use(connection::Clients& clients, Place place) {
    clients_ = &clients;
    place_ = std::move(place);
}

Taken ProxyLayer::take(connection::Handle handle, std::string_view bytes, Time now) {
    joined_ = kept_.take(handle);
    if (!joined_.empty()) {
        joined_.append(bytes);
        bytes = joined_;
    }
    const net::ProxyHeader header = net::read_proxy_header(bytes);
    connection::Connection& connection = table_.at(handle.index);
    switch (header.verdict) {
    case net::ProxyHeader::Verdict::kNeedMore:
        kept_.keep(handle, std::string(bytes));
        return {.keeps = true};
    case net::ProxyHeader::Verdict::kRefuse:
        counters_.add(slot::WorkerCounter::kProxyRefusals);
        return {.after = Taken::After::kRefused};
    case net::ProxyHeader::Verdict::kComplete:
        break;
    }
    clients_->take_header(connection.fd(), header.client);
    const bool has_place =
        clients_->is_of_proxy(connection.fd()) || place_(connection, header.client->address, now);
    if (!has_place) {
        return {.after = Taken::After::kFull};
    }
    bytes.remove_prefix(header.bytes);
    return {.text = bytes, .begins = true};
}

bool ProxyLayer::place_named(connection::Handle handle, std::string_view request, Time now) {
    connection::Connection& connection = table_.at(handle.index);
    const auto client = http::forwarded_for(request, clients_->trusted());
    clients_->set_client(connection.fd(), client);
    return place_(connection, client, now);
}

void ProxyLayer::forget(connection::Handle handle) {
    if (clients_ != nullptr) {
        clients_->end(table_.at(handle.index).fd());
    }
}

} // namespace zcomet::webnode::layer
