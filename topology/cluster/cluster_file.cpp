#include "topology/cluster/cluster_file.hpp"

#include "topology/base/check.hpp"
#include "topology/base/text.hpp"
#include "topology/host/host_names.hpp"
#include "topology/wire/endpoint.hpp"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

namespace zcomet::cluster {

namespace {

/// @limit bytes of a name in a cluster file
constexpr std::size_t kNameBytesMax = 48; // leaves room for a worker's number in a node's name
constexpr std::int64_t kPortMax = 65'535;
/// @limit workers of a web node in a cluster file
constexpr std::int64_t kWorkersMax = 1'024;
constexpr std::int64_t kVersionMax = std::numeric_limits<std::int64_t>::max();
/// A key with more than one difference for each so many characters is not taken for a misspelt
/// known key.
constexpr std::size_t kCharactersPerSlip = 3;

using Keys = std::initializer_list<std::string_view>;

/// A mistake in the file, and where it is. It is thrown at any depth and caught in
/// read_cluster_file(): the first mistake ends the reading.
struct Mistake {
    std::uint32_t line;
    std::string text;
};

std::uint32_t line_of(const toml::node& node) {
    return node.source().begin.line;
}

/// Levenshtein's: how many characters to insert, delete or change to get from one to the other.
std::size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < from.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < to.size(); ++j) {
            const std::size_t changed = diagonal + (from[i] == to[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

std::string listed(Keys keys) {
    std::string out;
    for (const std::string_view key : keys) {
        out.append(out.empty() ? "" : ", ").append(key);
    }
    return out;
}

std::string hint(std::string_view key, Keys known) {
    const auto* const nearest = std::min_element(
        known.begin(), known.end(), [key](std::string_view one, std::string_view other) {
            return edit_distance(key, one) < edit_distance(key, other);
        });
    if (edit_distance(key, *nearest) * kCharactersPerSlip > key.size()) {
        return "; known are " + listed(known);
    }
    return "; did you mean " + in_quotes(*nearest) + "?";
}

void refuse_unknown_keys(const toml::table& table, std::string_view where, Keys known) {
    for (const auto& [key, value] : table) {
        if (std::find(known.begin(), known.end(), key.str()) == known.end()) {
            throw Mistake{key.source().begin.line, "unknown key " + in_quotes(key.str()) + " in " +
                                                       std::string(where) + hint(key.str(), known)};
        }
    }
}

/// Takes the values out of one [[table]]; a mistake is reported with its line.
class TableReader {
  public:
    TableReader(const toml::table& table, std::string where, Keys known)
        : table_(table), where_(std::move(where)) {
        refuse_unknown_keys(table, where_, known);
    }

    /// The line of `key`, or of the table if it has no such key.
    [[nodiscard]] std::uint32_t line(std::string_view key) const {
        const toml::node* const node = table_.get(key);
        return node == nullptr ? line_of(table_) : line_of(*node);
    }

    [[nodiscard]] std::optional<std::string> text_if_any(std::string_view key) const {
        const toml::node* const node = table_.get(key);
        if (node == nullptr) {
            return std::nullopt;
        }
        if (!node->is_string()) {
            throw Mistake{line_of(*node), in_quotes(key) + " wants text in quotes"};
        }
        return node->value<std::string>();
    }

    [[nodiscard]] std::string text(std::string_view key) const {
        std::optional<std::string> value = text_if_any(key);
        if (!value) {
            throw Mistake{line_of(table_), where_ + " has no " + in_quotes(key)};
        }
        return *std::move(value);
    }

    [[nodiscard]] std::string name(std::string_view key) const {
        std::string value = text(key);
        if (std::string why = why_no_broker_name(value); !why.empty()) {
            throw Mistake{line(key), std::move(why)};
        }
        return value;
    }

    /// @return the number, in [min, max], or `absent` if there is no such key.
    [[nodiscard]] std::int64_t number(std::string_view key, std::int64_t min, std::int64_t max,
                                      std::int64_t absent) const {
        const toml::node* const node = table_.get(key);
        if (node == nullptr) {
            return absent;
        }
        if (!node->is_integer()) {
            throw Mistake{line_of(*node), in_quotes(key) + " wants a whole number"};
        }
        const std::int64_t value = node->value<std::int64_t>().value_or(absent);
        if (value < min || value > max) {
            throw Mistake{line_of(*node), in_quotes(key) + " is " + std::to_string(value) +
                                              "; it is a number from " + std::to_string(min) +
                                              " to " + std::to_string(max)};
        }
        return value;
    }

    /// Absent is false.
    [[nodiscard]] bool is_true(std::string_view key) const {
        const toml::node* const node = table_.get(key);
        if (node != nullptr && !node->is_boolean()) {
            throw Mistake{line_of(*node), in_quotes(key) + " is true or false"};
        }
        return node != nullptr && node->value<bool>().value_or(false);
    }

    [[nodiscard]] std::uint16_t port(std::string_view key, std::uint16_t absent) const {
        return static_cast<std::uint16_t>(number(key, 1, kPortMax, absent));
    }

    /// HOST:PORT, or empty.
    [[nodiscard]] std::string admin() const {
        std::string value = text_if_any("admin").value_or("");
        if (!value.empty()) {
            if (const Result<wire::HostPort> address = wire::parse_host_port(value);
                !address.ok()) {
                throw Mistake{line("admin"), address.error().text};
            }
        }
        return value;
    }

    /// A list of names as host::HostNames wants them, with spaces between them.
    [[nodiscard]] std::string http_names() const {
        return list("http_names", "NAME", [](const std::string& name) {
            const std::string why = host::why_no_host_name(name);
            return why.empty() ? why : in_quotes(name) + ": " + why;
        });
    }

    /// A list of files, with spaces between them.
    [[nodiscard]] std::string files(std::string_view key) const {
        return list(key, "FILE", [](const std::string& file) {
            const bool is_file = !file.empty() && file.find(' ') == std::string::npos;
            return is_file ? std::string()
                           : in_quotes(file) + " is no file: it is empty, or has "
                                               "a space";
        });
    }

    /// One of `words`; empty if the table has no such key.
    [[nodiscard]] std::string one_of(std::string_view key, Keys words) const {
        const std::optional<std::string> text = text_if_any(key);
        if (!text || std::find(words.begin(), words.end(), *text) != words.end()) {
            return text.value_or("");
        }
        throw Mistake{line(key), in_quotes(key) + " is one of " + listed(words) + ", and not " +
                                     in_quotes(*text)};
    }

  private:
    /// `why_not` has words for what is wrong with one; empty: nothing.
    template <typename WhyNot>
    [[nodiscard]] std::string list(std::string_view key, std::string_view what,
                                   const WhyNot& why_not) const {
        std::string all;
        const toml::node* const node = table_.get(key);
        if (node == nullptr) {
            return all;
        }
        const std::string form = in_quotes(key) + " is written [\"" + std::string(what) + "\", …]";
        const toml::array* const list = node->as_array();
        if (list == nullptr) {
            throw Mistake{line_of(*node), form};
        }
        for (const toml::node& one : *list) {
            const auto text = one.value<std::string>();
            if (!one.is_string() || !text) {
                throw Mistake{line_of(one), form};
            }
            if (const std::string why = why_not(*text); !why.empty()) {
                throw Mistake{line_of(one), why};
            }
            all.append(all.empty() ? "" : " ").append(*text);
        }
        return all;
    }

    const toml::table& table_;
    std::string where_;
};

/// Builds a Cluster from the parsed file, and checks that its tables fit together.
class ClusterReader {
  public:
    Cluster read(const toml::table& file) {
        const TableReader top(file, "the file",
                              {"version", "replicas", "moving", "host", "broker", "webnode"});
        cluster_.version = static_cast<std::uint64_t>(top.number("version", 0, kVersionMax, 0));
        cluster_.replicas =
            static_cast<std::uint32_t>(top.number("replicas", 1, kReplicasMax, kReplicasDefault));
        const std::string moving = top.one_of("moving", {"nodes", "senders"});
        cluster_.moving = moving.empty()      ? Moving::kNothing
                          : moving == "nodes" ? Moving::kNodes
                                              : Moving::kSenders;
        for_each_table(file, "host", [this](const toml::table& table) { read_host(table); });
        for_each_table(file, "broker", [this](const toml::table& table) { read_broker(table); });
        for_each_table(file, "webnode", [this](const toml::table& table) { read_web_node(table); });
        if (cluster_.brokers.empty()) {
            throw Mistake{1, "the file has no [[broker]]"};
        }
        check_change(top);
        return std::move(cluster_);
    }

  private:
    /// Says of brokers that they change, and how far that is, or neither.
    void check_change(const TableReader& top) const {
        const auto count_of = [this](Change change) {
            return std::count_if(
                cluster_.brokers.begin(), cluster_.brokers.end(),
                [change](const ClusterBroker& broker) { return broker.change == change; });
        };
        const auto all = static_cast<std::ptrdiff_t>(cluster_.brokers.size());
        const bool is_moving = cluster_.moving != Moving::kNothing;
        if (is_moving != (count_of(Change::kNone) < all)) {
            throw Mistake{top.line("moving"), "\"moving\" and \"change\" of a [[broker]] belong "
                                              "together"};
        }
        if (is_moving && cluster_.version == 0) {
            throw Mistake{top.line("moving"), "\"moving\" wants a \"version\" of 1 or more"};
        }
        for (const Change change : {Change::kAdd, Change::kRemove}) {
            if (count_of(change) == all) {
                throw Mistake{top.line("moving"),
                              "a cluster has a broker before each change, and one after it"};
            }
        }
    }

    template <typename Visit>
    static void for_each_table(const toml::table& file, std::string_view key, Visit&& visit) {
        const toml::node* const node = file.get(key);
        if (node == nullptr) {
            return;
        }
        const toml::array* const tables = node->as_array();
        if (tables == nullptr || !tables->is_array_of_tables()) {
            throw Mistake{line_of(*node), in_quotes(key) + " is written [[" + std::string(key) +
                                              "]], once for each " + std::string(key)};
        }
        for (const toml::node& table : *tables) {
            visit(*table.as_table());
        }
    }

    void read_host(const toml::table& table) {
        const TableReader reader(table, "[[host]]", {"name", "address"});
        ClusterHost host{reader.name("name"), reader.text("address")};
        const bool reachable = !wire::is_everywhere(host.address);
        if (!reachable || !wire::parse_host_port(wire::HostPort{host.address, 1}.text()).ok()) {
            throw Mistake{reader.line("address"),
                          in_quotes(host.address) +
                              " is not an address that others can connect to"};
        }
        if (!host_names_.insert(host.name).second) {
            throw Mistake{reader.line("name"), "two hosts are named " + in_quotes(host.name)};
        }
        cluster_.hosts.push_back(std::move(host));
    }

    void read_broker(const toml::table& table) {
        const TableReader reader(table, "[[broker]]",
                                 {"host", "name", "weight", "listen_port", "feed_port", "admin",
                                  "http_names", "keys", "insecure", "change"});
        if (cluster_.brokers.size() == kBrokersMax) {
            throw Mistake{line_of(table), "a cluster has 64 brokers at most"};
        }
        ClusterBroker broker;
        broker.host = known_host(reader);
        broker.name = reader.text_if_any("name") ? reader.name("name") : broker.host;
        if (!broker_names_.insert(broker.name).second) {
            throw Mistake{reader.line("name"), "two brokers are named " + in_quotes(broker.name)};
        }
        broker.weight = static_cast<std::uint32_t>(reader.number("weight", 1, kWeightMax, 1));
        broker.listen_port = reader.port("listen_port", broker.listen_port);
        broker.feed_port = reader.port("feed_port", broker.feed_port);
        broker.admin = reader.admin();
        broker.http_names = reader.http_names();
        broker.keys = reader.text_if_any("keys").value_or("");
        const std::string change = reader.one_of("change", {"add", "remove"});
        broker.change = change.empty()    ? Change::kNone
                        : change == "add" ? Change::kAdd
                                          : Change::kRemove;
        broker.insecure = reader.is_true("insecure");
        if (broker.insecure && !broker.keys.empty()) {
            throw Mistake{reader.line("insecure"),
                          "a broker with \"keys\" is not \"insecure\"; give one of them"};
        }
        take_port(broker.host, broker.listen_port, reader.line("listen_port"));
        take_port(broker.host, broker.feed_port, reader.line("feed_port"));
        cluster_.brokers.push_back(std::move(broker));
    }

    void read_web_node(const toml::table& table) {
        const TableReader reader(table, "[[webnode]]",
                                 {"host", "name", "http_port", "api_port", "workers", "admin",
                                  "http_names", "key", "auth", "token_keys"});
        ClusterWebNode node;
        node.host = known_host(reader);
        node.name = reader.name("name");
        node.http_port = reader.port("http_port", node.http_port);
        node.api_port = reader.port("api_port", node.api_port);
        node.workers = static_cast<unsigned>(reader.number("workers", 1, kWorkersMax, 1));
        node.admin = reader.admin();
        node.http_names = reader.http_names();
        node.key = reader.text_if_any("key").value_or("");
        node.auth = reader.one_of("auth", {"public", "token", "hook"});
        node.token_keys = reader.files("token_keys");
        if (!web_node_names_.insert(node.name).second) {
            throw Mistake{reader.line("name"), "two web nodes are named " + in_quotes(node.name)};
        }
        take_port(node.host, node.http_port, reader.line("http_port"));
        if (node.api_port != 0) {
            take_port(node.host, node.api_port, reader.line("api_port"));
        }
        cluster_.web_nodes.push_back(std::move(node));
    }

    std::string known_host(const TableReader& reader) {
        std::string name = reader.text("host");
        if (!host_names_.contains(name)) {
            throw Mistake{reader.line("host"), "no [[host]] is named " + in_quotes(name)};
        }
        return name;
    }

    void take_port(const std::string& host, std::uint16_t port, std::uint32_t line) {
        const auto [place, fresh] = ports_.try_emplace(std::pair(host, port), line);
        if (!fresh) {
            throw Mistake{line, "port " + std::to_string(port) + " of host " + in_quotes(host) +
                                    " is taken by line " + std::to_string(place->second)};
        }
    }

    Cluster cluster_;
    absl::flat_hash_set<std::string> host_names_;
    absl::flat_hash_set<std::string> broker_names_;
    absl::flat_hash_set<std::string> web_node_names_;
    absl::flat_hash_map<std::pair<std::string, std::uint16_t>, std::uint32_t> ports_;
};

Error located(const std::string& path, std::uint32_t line, std::string_view text) {
    return Error{path + ":" + std::to_string(line) + ": " + in_one_line(text)};
}

} // namespace

BrokerList Cluster::broker_list() const {
    BrokerList list;
    list.replicas = replicas;
    list.version = version;
    list.moving = moving;
    for (const ClusterBroker& broker : brokers) {
        const std::string& address = host(broker.host).address;
        list.brokers.push_back({broker.name, wire::tcp_endpoint({address, broker.listen_port}),
                                broker.weight, broker.change});
    }
    return list;
}

Result<ClusterBroker> Cluster::broker(const std::string& name_or_host) const {
    std::string names;
    const ClusterBroker* on_host = nullptr;
    std::size_t count = 0;
    for (const ClusterBroker& broker : brokers) {
        if (!name_or_host.empty() && broker.name == name_or_host) {
            return broker;
        }
        if (name_or_host.empty() || broker.host == name_or_host) {
            on_host = &broker;
            ++count;
        }
        names.append(names.empty() ? "" : ", ").append(broker.name);
    }
    if (count == 1) {
        return *on_host;
    }
    return Error{(count == 0 ? "the cluster file has no broker " + in_quotes(name_or_host) + "."
                             : std::string("which broker of the cluster file is it?")) +
                 " Its brokers are " + names};
}

Result<ClusterWebNode> Cluster::web_node(const std::string& name) const {
    std::string names;
    for (const ClusterWebNode& node : web_nodes) {
        if (node.name == name) {
            return node;
        }
        names.append(names.empty() ? "" : ", ").append(node.name);
    }
    return Error{"the cluster file has no web node " + in_quotes(name) + "; it has " +
                 (names.empty() ? "none" : names)};
}

const ClusterHost& Cluster::host(const std::string& name) const {
    const auto found =
        std::find_if(hosts.begin(), hosts.end(),
                     [&name](const ClusterHost& candidate) { return candidate.name == name; });
    ZCOMET_ASSERT(found != hosts.end());
    return *found;
}

Result<Cluster> read_cluster_file(const std::string& path) {
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (!file.is_open() || file.bad()) {
        return Error{path + ": the cluster file cannot be read"};
    }
    return parse_cluster_file(text, path);
}

Result<Cluster> parse_cluster_file(std::string_view text, const std::string& path) {
    try {
        return ClusterReader().read(toml::parse(text, path));
    } catch (const toml::parse_error& error) {
        return located(path, error.source().begin.line, error.description());
    } catch (const Mistake& mistake) {
        return located(path, mistake.line, mistake.text);
    }
}

} // namespace zcomet::cluster
