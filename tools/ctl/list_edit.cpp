#include "tools/ctl/list_edit.hpp"

#include "topology/base/text.hpp"
#include "topology/cluster/cluster_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::tools::ctl {

namespace {

using cluster::Change;
using cluster::Cluster;
using cluster::Moving;

constexpr std::string_view kBlanks = " \t";

std::string_view trimmed(std::string_view line) {
    const std::size_t begin = line.find_first_not_of(kBlanks);
    return begin == std::string_view::npos ? std::string_view() : line.substr(begin);
}

bool is_header(std::string_view line) {
    return trimmed(line).substr(0, 1) == "[";
}

/// [[broker]], with blanks and a comment where TOML allows them.
bool is_broker_header(std::string_view line) {
    std::string words;
    for (const char c : trimmed(line).substr(0, line.find('#'))) {
        words.append(kBlanks.find(c) == std::string_view::npos ? 1 : 0, c);
    }
    return words == "[[broker]]";
}

bool is_blank_or_comment(std::string_view line) {
    const std::string_view text = trimmed(line);
    return text.empty() || text.front() == '#';
}

bool has_key(std::string_view line, std::string_view key) {
    const std::string_view text = trimmed(line);
    const std::size_t equals = text.find('=');
    return equals != std::string_view::npos && text.substr(0, key.size()) == key &&
           trimmed(text.substr(key.size())).substr(0, 1) == "=";
}

/// The lines of a cluster file. Its values are looked at in the Cluster that was read from it.
class ListText {
  public:
    explicit ListText(const std::string& text) {
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);) {
            lines_.push_back(std::move(line));
        }
    }

    [[nodiscard]] std::size_t brokers() const {
        return static_cast<std::size_t>(
            std::count_if(lines_.begin(), lines_.end(), is_broker_header));
    }

    /// Sets a value before the first table, and leaves a comment behind it. Empty: removes the key.
    void set_top(std::string_view key, const std::string& value) {
        const auto end = std::find_if(lines_.begin(), lines_.end(), is_header);
        const auto found = std::find_if(
            lines_.begin(), end, [key](const std::string& line) { return has_key(line, key); });
        if (value.empty()) {
            if (found != end) {
                lines_.erase(found);
            }
            return;
        }
        const std::string line = fmt::format("{} = {}", key, value);
        if (found == end) {
            lines_.insert(after_last_key(end), line);
            return;
        }
        const std::size_t comment = found->find('#');
        *found = line + (comment == std::string::npos ? "" : "  " + found->substr(comment));
    }

    void append(const std::string& block) { lines_.push_back("\n" + block); }

    void set_change(std::size_t broker, std::string_view change) {
        const std::size_t header = header_of(broker);
        const std::size_t end = end_of(header);
        for (std::size_t n = header + 1; n < end; ++n) {
            if (has_key(lines_[n], "change")) {
                lines_.erase(place(n));
                break;
            }
        }
        if (!change.empty()) {
            lines_.insert(place(header + 1), fmt::format("change = \"{}\"", change));
        }
    }

    /// With its keys. Comments behind them are about what follows.
    void erase(std::size_t broker) {
        const std::size_t header = header_of(broker);
        std::size_t end = end_of(header);
        while (is_blank_or_comment(lines_[end - 1])) {
            --end;
        }
        lines_.erase(place(header), place(end));
        if (header < lines_.size() && trimmed(lines_[header]).empty()) {
            lines_.erase(place(header));
        }
    }

    [[nodiscard]] std::string text() const {
        std::string text;
        for (const std::string& line : lines_) {
            text.append(line).append("\n");
        }
        return text;
    }

  private:
    [[nodiscard]] std::vector<std::string>::iterator place(std::size_t line) {
        return lines_.begin() + static_cast<std::ptrdiff_t>(line);
    }
    [[nodiscard]] std::vector<std::string>::iterator
    after_last_key(std::vector<std::string>::iterator end) {
        auto place = end;
        while (place != lines_.begin() && is_blank_or_comment(*std::prev(place))) {
            --place;
        }
        return place;
    }
    [[nodiscard]] std::size_t header_of(std::size_t broker) const {
        std::size_t line = 0;
        for (std::size_t left = broker + 1;; ++line) {
            left -= is_broker_header(lines_[line]) ? 1 : 0;
            if (left == 0) {
                return line;
            }
        }
    }
    [[nodiscard]] std::size_t end_of(std::size_t header) const {
        std::size_t end = header + 1;
        while (end < lines_.size() && !is_header(lines_[end])) {
            ++end;
        }
        return end;
    }

    std::vector<std::string> lines_;
};

/// A step: the file as it was read, and its lines.
struct Step {
    Cluster cluster;
    ListText lines;
};

Result<Step> begin(const std::string& text) {
    const Result<Cluster> cluster = cluster::parse_cluster_file(text, "the cluster file");
    if (!cluster.ok()) {
        return cluster.error();
    }
    Step step{cluster.value(), ListText(text)};
    if (step.lines.brokers() != step.cluster.brokers.size()) {
        return Error{"the file has brokers that are not written [[broker]], one line for each key: "
                     "edit it by hand"};
    }
    return step;
}

Result<std::string> finish(Step& step, Moving moving) {
    constexpr std::array<std::string_view, 3> kWords{"", "\"nodes\"", "\"senders\""};
    step.lines.set_top("moving", std::string(kWords[static_cast<std::size_t>(moving)]));
    step.lines.set_top("version", std::to_string(step.cluster.version + 1));
    std::string text = step.lines.text();
    const Result<Cluster> made = cluster::parse_cluster_file(text, "the new file");
    if (!made.ok()) {
        return made.error();
    }
    return text;
}

/// For a change that begins, or grows.
Result<Step> begin_change(const std::string& text) {
    Result<Step> step = begin(text);
    if (step.ok() && step.value().cluster.moving == Moving::kSenders) {
        return Error{"a change is under way, and senders move: finish it, or go back, first"};
    }
    return step;
}

/// The change is over: brokers with one of the changes are gone, and those with the other stay.
void settle(Step& step, Change gone) {
    for (std::size_t n = step.cluster.brokers.size(); n-- > 0;) {
        const Change change = step.cluster.brokers[n].change;
        if (change == gone) {
            step.lines.erase(n);
        } else if (change != Change::kNone) {
            step.lines.set_change(n, "");
        }
    }
}

/// From the step `from` to the other one, `to`. From that the change ends, without the brokers that
/// are `gone` then.
Result<std::string> take_step(const std::string& text, Moving from, Moving to, Change gone) {
    Result<Step> step = begin(text);
    if (!step.ok()) {
        return step.error();
    }
    const Moving moving = step.value().cluster.moving;
    if (moving == Moving::kNothing) {
        return Error{"nothing changes in this file: zcomet-ctl brokers add or remove begins"};
    }
    if (moving == from) {
        return finish(step.value(), to);
    }
    settle(step.value(), gone);
    return finish(step.value(), Moving::kNothing);
}

std::string keys_of(const cluster::ClusterBroker& broker) {
    if (broker.insecure) {
        return "insecure = true\n";
    }
    return broker.keys.empty() ? "" : fmt::format("keys = \"{}\"\n", broker.keys);
}

} // namespace

Result<std::string> with_added(const std::string& text, const NewBroker& broker) {
    Result<Step> step = begin_change(text);
    if (!step.ok()) {
        return step.error();
    }
    const Cluster& cluster = step.value().cluster;
    ListText& lines = step.value().lines;
    if (!broker.address.empty()) {
        lines.append(
            fmt::format("[[host]]\nname = \"{}\"\naddress = \"{}\"", broker.host, broker.address));
    }
    lines.append(fmt::format("[[broker]]\nchange = \"add\"\nhost = \"{}\"\nname = \"{}\"\n"
                             "weight = {}\nlisten_port = {}\nfeed_port = {}\n{}",
                             broker.host, broker.name, broker.weight, broker.listen_port,
                             broker.feed_port, keys_of(cluster.brokers.front())));
    return finish(step.value(), Moving::kNodes);
}

Result<std::string> with_removed(const std::string& text, const std::string& name) {
    Result<Step> step = begin_change(text);
    if (!step.ok()) {
        return step.error();
    }
    const Cluster& cluster = step.value().cluster;
    const auto found =
        std::find_if(cluster.brokers.begin(), cluster.brokers.end(),
                     [&name](const cluster::ClusterBroker& broker) { return broker.name == name; });
    if (found == cluster.brokers.end()) {
        return Error{"the file has no broker " + in_quotes(name)};
    }
    if (found->change != Change::kNone) {
        return Error{"broker " + in_quotes(name) + " is about to change already"};
    }
    step.value().lines.set_change(static_cast<std::size_t>(found - cluster.brokers.begin()),
                                  "remove");
    return finish(step.value(), Moving::kNodes);
}

Result<std::string> next_step(const std::string& text) {
    return take_step(text, Moving::kNodes, Moving::kSenders, Change::kRemove);
}

Result<std::string> step_back(const std::string& text) {
    return take_step(text, Moving::kSenders, Moving::kNodes, Change::kAdd);
}

} // namespace zcomet::tools::ctl
