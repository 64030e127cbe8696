#include "topology/session/login_book.hpp"

#include "topology/wire/id_digest.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::session {

LoginBook::LoginBook(const NodeEvents& events, cluster::LoginPlacement placement)
    : events_(events), placement_(std::move(placement)), digests_(placement_.brokers(), 0) {}

void LoginBook::use(cluster::LoginPlacement placement, const Move& move) {
    const cluster::LoginPlacement before = std::exchange(placement_, std::move(placement));
    digests_.resize(std::max(digests_.size(), placement_.brokers()), 0);
    events_.for_each_login([&](std::string_view id) {
        const cluster::BrokerNumbers old = before.brokers_of(id);
        const cluster::BrokerNumbers fresh = placement_.brokers_of(id);
        for (const std::size_t broker : fresh) {
            if (!old.contains(broker)) {
                move(broker, id, true);
            }
        }
        for (const std::size_t broker : old) {
            if (!fresh.contains(broker)) {
                move(broker, id, false);
            }
        }
    });
}

void LoginBook::add(std::size_t broker, std::string_view id) {
    digests_[broker] += wire::id_digest(id);
}

void LoginBook::remove(std::size_t broker, std::string_view id) {
    digests_[broker] -= wire::id_digest(id);
}

void LoginBook::for_each(std::size_t broker,
                         const std::function<void(std::string_view id)>& visit) {
    std::uint64_t& digest = digests_[broker];
    digest = 0;
    events_.for_each_login([&](std::string_view id) {
        if (placement_.brokers_of(id).contains(broker)) {
            digest += wire::id_digest(id);
            visit(id);
        }
    });
}

} // namespace zcomet::session
