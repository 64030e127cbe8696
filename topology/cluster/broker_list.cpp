#include "topology/cluster/broker_list.hpp"

#include "topology/base/check.hpp"
#include "topology/base/text.hpp"
#include "topology/wire/endpoint.hpp"
#include "topology/wire/id_digest.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>
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

/// What a hash says of a change, in the order of Change and of Moving. Without a change nothing.
constexpr std::array<std::string_view, 3> kChangeWords{"", " add", " remove"};
constexpr std::array<std::string_view, 3> kMovingWords{"", "moving=nodes\n", "moving=senders\n"};

/// Before a broker in a line_of(), in the order of Change.
constexpr std::string_view kChangeMarks = "=+-";

/// The names of the brokers by which senders send.
std::vector<std::string> names_of_senders(const BrokerList& list) {
    return names_without(list, list.moving == Moving::kSenders ? Change::kRemove : Change::kAdd);
}

/// Whether nodes of `list` log in at the brokers of these names.
bool logs_in_at(const BrokerList& list, const std::vector<std::string>& names) {
    return names == names_without(list, Change::kAdd) ||
           names == names_without(list, Change::kRemove);
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

wire::ListMark BrokerList::mark() const {
    if (version == 0) {
        return {};
    }
    std::vector<std::string> lines;
    std::transform(
        brokers.begin(), brokers.end(), std::back_inserter(lines), [](const ListedBroker& broker) {
            return broker.name + "*" + std::to_string(broker.weight) + "=" + broker.endpoint +
                   std::string(kChangeWords[static_cast<std::size_t>(broker.change)]) + "\n";
        });
    std::sort(lines.begin(), lines.end());
    std::string text = "replicas=" + std::to_string(replicas) + "\n" +
                       std::string(kMovingWords[static_cast<std::size_t>(moving)]);
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

std::string line_of(const BrokerList& list) {
    std::string line = std::to_string(list.version) + " " + std::to_string(list.replicas) + " " +
                       std::to_string(static_cast<int>(list.moving));
    for (const ListedBroker& broker : list.brokers) {
        line.append(" ").append(1, kChangeMarks[static_cast<std::size_t>(broker.change)]);
        line.append(text_of(broker));
    }
    return line;
}

Result<BrokerList> read_line(std::string_view line) {
    std::istringstream words{std::string(line)};
    BrokerList list;
    std::uint32_t moving = 0;
    words >> list.version >> list.replicas >> moving;
    bool is_good = !words.fail() && list.replicas >= 1 && list.replicas <= kReplicasMax &&
                   moving < kMovingWords.size();
    list.moving = static_cast<Moving>(is_good ? moving : 0);
    for (std::string word; is_good && words >> word;) {
        const std::size_t change = kChangeMarks.find(word.front());
        Result<ListedBroker> broker = read_broker(std::string_view(word).substr(1));
        is_good = broker.ok() && change != std::string_view::npos;
        if (is_good) {
            list.brokers.push_back(std::move(broker).value());
            list.brokers.back().change = static_cast<Change>(change);
        }
    }
    if (!is_good || list.brokers.empty() || list.brokers.size() > kBrokersMax) {
        return Error{in_quotes(line) + " is no list of brokers"};
    }
    return list;
}

std::vector<std::string> names_without(const BrokerList& list, Change without) {
    std::vector<std::string> names;
    for (const ListedBroker& broker : list.brokers) {
        if (broker.change != without) {
            names.push_back(broker.name);
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

bool is_step(const BrokerList& from, const BrokerList& to) {
    return logs_in_at(from, names_of_senders(to)) && logs_in_at(to, names_of_senders(from));
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
