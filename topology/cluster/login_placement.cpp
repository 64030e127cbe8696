#include "topology/cluster/login_placement.hpp"

#include "topology/base/check.hpp"

#include <utility>

namespace zcomet::cluster {

LoginPlacement::LoginPlacement(Placement placement) : before_(std::move(placement)) {}

LoginPlacement::LoginPlacement(Placement before, Placement after)
    : before_(std::move(before)), after_(std::move(after)) {
    ZCOMET_ASSERT(before_.brokers() == after_->brokers());
}

BrokerNumbers LoginPlacement::brokers_of(std::string_view id) const {
    BrokerNumbers brokers = before_.brokers_of(id);
    if (after_) {
        for (const std::size_t broker : after_->brokers_of(id)) {
            if (!brokers.contains(broker)) {
                brokers.add(broker);
            }
        }
    }
    return brokers;
}

bool LoginPlacement::serves(std::size_t broker, const BrokerSet& alive, std::string_view id) const {
    return before_.serves(broker, alive, id) || (after_ && after_->serves(broker, alive, id));
}

bool LoginPlacement::covers_every_id(const BrokerSet& some) const {
    return before_.covers_every_id(some) && (!after_ || after_->covers_every_id(some));
}

} // namespace zcomet::cluster
