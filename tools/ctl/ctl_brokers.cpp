#include "tools/ctl/ctl_brokers.hpp"

#include "tools/ctl/ask_brokers.hpp"
#include "tools/ctl/list_text.hpp"
#include "topology/base/text.hpp"
#include "topology/cluster/cluster_file.hpp"
#include "topology/link/link_context.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

namespace zcomet::tools::ctl {

namespace {

using cluster::Moving;

/// What each broker says; `silence` has words for those that did not answer.
nlohmann::json ask_lists(const CtlOptions& options, std::string& silence) {
    link::LinkContext context(options.security);
    const auto answers = ask_brokers(context, options, "brokers", "");
    silence = silence_text(answers);
    return listed(answers);
}

std::string read_file(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) {
        throw std::runtime_error(path + " cannot be read");
    }
    return text.str();
}

/// As a whole, or not at all.
void replace_file(const std::string& path, const std::string& text) {
    const std::string fresh = path + ".new";
    std::ofstream out(fresh, std::ios::trunc);
    out << text;
    out.close();
    std::error_code error;
    if (out) {
        const auto status = std::filesystem::status(path, error);
        std::filesystem::permissions(fresh, status.permissions(), error);
        std::filesystem::rename(fresh, path, error);
    }
    if (!out || error) {
        std::filesystem::remove(fresh, error);
        throw std::runtime_error(path + " cannot be written");
    }
}

/// What an operator does next.
std::string words_for(const cluster::Cluster& cluster, const std::string& file) {
    const std::string copy =
        fmt::format("Copy {} to every host, and send SIGHUP to zcomet-broker and zcomet-webnode "
                    "there; start other senders anew.\n",
                    file);
    const std::string then = fmt::format(
        "When `zcomet-ctl --cluster {0} brokers list` shows nobody with an older one, go on with "
        "`zcomet-ctl --cluster {0} brokers next`, or back with `brokers back`.\n",
        file);
    switch (cluster.moving) {
    case Moving::kNothing:
        return fmt::format("version {}: nothing changes any more.\n{}Then a broker that the file "
                           "does not have may be stopped.\n",
                           cluster.version, copy);
    case Moving::kNodes:
        return fmt::format("version {}: web nodes log in by the list before and the one after.\n"
                           "Start brokers that are added, with this file. {}{}",
                           cluster.version, copy, then);
    case Moving::kSenders:
        break;
    }
    return fmt::format("version {}: senders go by the list after.\n{}{}", cluster.version, copy,
                       then);
}

} // namespace

bool ctl_brokers(const CtlOptions& options) {
    try {
        std::string silence;
        const nlohmann::json lists = ask_lists(options, silence);
        const std::string warning = list_warning(lists, options.brokers.mark());
        fmt::print("{}", options.json ? line_of(lists) : lists_text(lists));
        fmt::print(stderr, "{}{}", silence, warning);
        return silence.empty() && warning.empty();
    } catch (const nlohmann::json::exception& error) {
        throw std::runtime_error(
            fmt::format("the broker's answer is not as expected: {}", error.what()));
    }
}

void ctl_check_list(const CtlOptions& options) {
    std::string silence;
    const nlohmann::json lists = ask_lists(options, silence);
    if (std::string why = silence + why_not_all_have(lists, options.brokers.mark()); !why.empty()) {
        why.pop_back(); // the end of the line
        throw std::runtime_error(why + "; --unchecked goes on without looking");
    }
}

void ctl_edit_list(const std::string& file,
                   const std::function<Result<std::string>(const std::string&)>& edit) {
    const Result<std::string> text = edit(read_file(file));
    if (!text.ok()) {
        throw std::runtime_error(file + ": " + text.error().text);
    }
    replace_file(file, text.value());
    fmt::print("{}", words_for(cluster::parse_cluster_file(text.value(), file).value(), file));
}

} // namespace zcomet::tools::ctl
