#include "topology/metrics/json.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace zcomet::metrics {

namespace {

using Json = nlohmann::ordered_json;

void put_samples(Json& object, const std::vector<Sample>& samples) {
    for (const Sample& sample : samples) {
        object[std::string(sample.metric->name)] = sample.value;
    }
}

Json labels_and_figures(const Subject& subject) {
    Json object = Json::object();
    for (const Label& label : subject.labels) {
        std::visit([&](const auto& value) { object[std::string(label.name)] = value; },
                   label.value);
    }
    put_samples(object, subject.figures);
    return object;
}

void put_counters(Json& object, const Subject& subject) {
    if (!subject.counters.empty()) {
        put_samples(object["counters"] = Json::object(), subject.counters);
    }
}

Json whole_subject(const Subject& subject) {
    Json object = labels_and_figures(subject);
    put_counters(object, subject);
    return object;
}

} // namespace

std::string to_json(const Snapshot& snapshot, JsonLayout layout) {
    Json object = labels_and_figures(snapshot.program);
    if (snapshot.totals) {
        Json workers = Json::array();
        for (const Subject& worker : snapshot.workers) {
            workers.push_back(whole_subject(worker));
        }
        object["workers"] = std::move(workers);
        object["totals"] = whole_subject(*snapshot.totals);
    }
    put_counters(object, snapshot.program);
    // A name that is not UTF-8 must not keep the page from being read.
    return object.dump(layout == JsonLayout::kLines ? 2 : -1, ' ', false,
                       Json::error_handler_t::replace);
}

} // namespace zcomet::metrics
