#include "topology/cluster/broker_list.hpp"

#include "topology/base/check.hpp"
#include "topology/base/text.hpp"
#include "topology/wire/endpoint.hpp"
#include "topology/wire/id_digest.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace zcomet::cluster {

namespace {

/// @return 0 if the text is no weight.
std::uint32_t weight_in(std::string_view text) {
    std::uint32_t weight = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, weight);
    return error == std::errc() && stop == end && weight <= kWeightMax ? weight : 0;
}

} // namespace

std::string why_no_broker_name(std::string_view name) {
    const bool is_plain = std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
    return !name.empty() && name.size() <= kBrokerNameBytesMax && is_plain
               ? std::string()
               : in_quotes(name) + " is not a name: 1 to 48 characters of A-Z a-z 0-9 . _ -";
}

Result<ListedBroker> read_broker(std::string_view text) {
    ListedBroker broker;
    const std::size_t equals = text.find('=');
    const std::string address(equals == std::string_view::npos ? text : text.substr(equals + 1));
    const Result<wire::HostPort> parsed = wire::parse_tcp_address(address);
    if (!parsed.ok()) {
        return parsed.error();
    }
    if (parsed.value().port == 0) {
        return Error{in_quotes(address) + " needs a port to connect to"};
    }
    if (wire::is_everywhere(parsed.value().host)) {
        return Error{in_quotes(address) + " is not an address to connect to"};
    }
    broker.endpoint = wire::tcp_endpoint(parsed.value());
    broker.name = broker.endpoint;
    if (equals == std::string_view::npos) {
        return broker;
    }
    std::string_view name = text.substr(0, equals);
    if (const std::size_t star = name.find('*'); star != std::string_view::npos) {
        broker.weight = weight_in(name.substr(star + 1));
        if (broker.weight == 0) {
            return Error{in_quotes(name.substr(star + 1)) + " is not a weight: 1 to 16"};
        }
        name = name.substr(0, star);
    }
    if (std::string why = why_no_broker_name(name); !why.empty()) {
        return Error{std::move(why)};
    }
    broker.name = name;
    return broker;
}

std::string text_of(const ListedBroker& broker) {
    if (broker.name == broker.endpoint) {
        return broker.endpoint;
    }
    const std::string weight = broker.weight == 1 ? "" : "*" + std::to_string(broker.weight);
    return broker.name + weight + "=" + broker.endpoint;
}

BrokerList::BrokerList(std::initializer_list<std::string> endpoints)
    : BrokerList(std::vector<std::string>(endpoints)) {}

BrokerList::BrokerList(const std::vector<std::string>& endpoints) {
    for (const std::string& endpoint : endpoints) {
        brokers.push_back({endpoint, endpoint});
    }
}

Placement BrokerList::placement() const {
    std::vector<PlacedBroker> placed;
    std::transform(brokers.begin(), brokers.end(), std::back_inserter(placed),
                   [](const ListedBroker& broker) {
                       return PlacedBroker{broker.name, broker.weight};
                   });
    return {placed, replicas};
}

wire::ListMark BrokerList::mark() const {
    if (version == 0) {
        return {};
    }
    std::vector<std::string> lines;
    std::transform(
        brokers.begin(), brokers.end(), std::back_inserter(lines), [](const ListedBroker& broker) {
            return broker.name + "*" + std::to_string(broker.weight) + "=" + broker.endpoint + "\n";
        });
    std::sort(lines.begin(), lines.end());
    std::string text = "replicas=" + std::to_string(replicas) + "\n";
    for (const std::string& line : lines) {
        text.append(line);
    }
    return {version, wire::id_digest(text)};
}

std::string BrokerList::text() const {
    std::string out;
    for (const ListedBroker& broker : brokers) {
        out.append(out.empty() ? "" : ",").append(broker.endpoint);
    }
    return out;
}

Result<BrokerList> read_broker_list(const std::vector<std::string>& texts, std::uint32_t replicas) {
    ZCOMET_ASSERT(!texts.empty());
    BrokerList list;
    list.replicas = replicas;
    for (const std::string& text : texts) {
        Result<ListedBroker> broker = read_broker(text);
        if (!broker.ok()) {
            return broker.error();
        }
        const bool is_known = std::any_of(list.brokers.begin(), list.brokers.end(),
                                          [&broker](const ListedBroker& other) {
                                              return other.name == broker.value().name ||
                                                     other.endpoint == broker.value().endpoint;
                                          });
        if (is_known) {
            return Error{in_quotes(text) + " is a broker that was named before"};
        }
        list.brokers.push_back(std::move(broker).value());
    }
    if (list.brokers.size() > kBrokersMax) {
        return Error{std::to_string(list.brokers.size()) +
                     " brokers are named; a cluster has 64 at most"};
    }
    return list;
}

} // namespace zcomet::cluster
