#include "topology/admin/stats_pages.hpp"

#include "topology/metrics/json.hpp"

#include <array>
#include <string>
#include <string_view>

namespace zcomet::admin {

namespace {

/// How metrics are shown, and where.
struct Format {
    std::string_view path;
    std::string_view type;
    std::string (*write)(const metrics::Snapshot& snapshot);
};

std::string json_text(const metrics::Snapshot& snapshot) {
    return metrics::to_json(snapshot, metrics::JsonLayout::kLines) + "\n";
}

constexpr std::array kFormats{Format{"/stats", "application/json", json_text}};

} // namespace

std::vector<http::Route> stats_pages(const std::function<metrics::Snapshot()>& take) {
    std::vector<http::Route> pages;
    pages.reserve(kFormats.size());
    for (const Format& format : kFormats) {
        pages.push_back({"GET", format.path, [take, format](const http::Request&) {
                             http::Reply reply;
                             reply.text = format.write(take());
                             reply.type = format.type;
                             reply.headers = {{"Cache-Control", "no-store"}};
                             return reply;
                         }});
    }
    return pages;
}

} // namespace zcomet::admin
