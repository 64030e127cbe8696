#include "tools/ctl/list_text.hpp"

#include "tools/common/table.hpp"
#include "topology/base/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace zcomet::tools::ctl {

namespace {

/// "3, 1 older".
std::string counts_text(const nlohmann::json& counts) {
    constexpr std::array<std::pair<const char*, const char*>, 3> kOthers{
        {{"older", "older"}, {"newer", "newer"}, {"without", "without a version"}}};
    std::string text = std::to_string(counts.at("same").get<std::uint64_t>());
    for (const auto& [key, word] : kOthers) {
        if (const auto count = counts.at(key).get<std::uint64_t>(); count > 0) {
            text.append(fmt::format(", {} {}", count, word));
        }
    }
    return text;
}

std::uint64_t version_of(const nlohmann::json& answer) {
    return answer.at("version").get<std::uint64_t>();
}

std::string name_of(const nlohmann::json& answer) {
    return in_one_line(answer.at("broker").get<std::string>());
}

} // namespace

std::string lists_text(const nlohmann::json& answers) {
    common::Table table(
        {{"BROKER"}, {"VERSION", common::Table::Align::kRight}, {"HASH"}, {"NODES"}, {"SENDERS"}});
    for (const nlohmann::json& answer : answers) {
        const bool has_version = version_of(answer) != 0;
        table.add_row({name_of(answer), has_version ? std::to_string(version_of(answer)) : "-",
                       has_version ? in_one_line(answer.at("hash").get<std::string>()) : "-",
                       counts_text(answer.at("nodes")), counts_text(answer.at("senders"))});
    }
    return table.text();
}

std::string list_warning(const nlohmann::json& answers, const wire::ListMark& own) {
    const nlohmann::json* newest = nullptr;
    for (const nlohmann::json& answer : answers) {
        if (newest == nullptr || version_of(*newest) < version_of(answer)) {
            newest = &answer;
        }
    }
    const std::string own_hash = fmt::format("{:016x}", own.hash);
    for (const nlohmann::json& answer : answers) {
        if (version_of(answer) != version_of(*newest)) {
            return fmt::format(
                "the brokers do not agree: {} has version {} of the list, {} has {}\n",
                name_of(answer), version_of(answer), name_of(*newest), version_of(*newest));
        }
        if (answer.at("hash") != newest->at("hash")) {
            return fmt::format(
                "the brokers do not agree: {} and {} have different lists of version "
                "{}; give the newer one a higher version\n",
                name_of(answer), name_of(*newest), version_of(answer));
        }
        if (own.version != 0 && own.version == version_of(answer) &&
            answer.at("hash").get<std::string>() != own_hash) {
            return fmt::format("{} has another list of version {} than the cluster file here; give "
                               "the newer one a higher version\n",
                               name_of(answer), own.version);
        }
    }
    return {};
}

std::string why_not_all_have(const nlohmann::json& answers, const wire::ListMark& own) {
    for (const nlohmann::json& answer : answers) {
        if (version_of(answer) != own.version) {
            return fmt::format("broker {} has version {} of the list, and the file here has {}\n",
                               name_of(answer), version_of(answer), own.version);
        }
        for (const char* const role : {"nodes", "senders"}) {
            for (const char* const other : {"older", "newer", "without"}) {
                if (const auto count = answer.at(role).at(other).get<std::uint64_t>(); count > 0) {
                    return fmt::format("broker {} has {} {} with another version than {}\n",
                                       name_of(answer), count, role, own.version);
                }
            }
        }
    }
    return list_warning(answers, own);
}

} // namespace zcomet::tools::ctl
