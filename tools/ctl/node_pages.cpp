#include "tools/ctl/node_pages.hpp"

#include <nlohmann/json.hpp>

#include <stdexcept>
#include <utility>

namespace zcomet::tools::ctl {

nlohmann::json all_nodes(const std::function<nlohmann::json(const std::string& argument)>& ask) {
    nlohmann::json nodes = nlohmann::json::array();
    std::string argument;
    for (std::uint32_t page = 0; page < kNodePagesMax; ++page) {
        bool is_last = true;
        nlohmann::json answer = ask(argument);
        for (nlohmann::json& node : answer.get_ref<nlohmann::json::array_t&>()) {
            if (node.contains("more")) {
                argument = node.at("more").get<std::string>();
                is_last = false;
            } else {
                nodes.push_back(std::move(node));
            }
        }
        if (is_last) {
            return nodes;
        }
    }
    throw std::runtime_error("the broker's pages of nodes do not end");
}

} // namespace zcomet::tools::ctl
