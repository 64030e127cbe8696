#include "topology/session/login_book.hpp"

#include "topology/wire/id_digest.hpp"

#include <utility>

namespace zcomet::session {

LoginBook::LoginBook(const NodeEvents& events, cluster::Placement placement)
    : events_(events), placement_(std::move(placement)), digests_(placement_.brokers(), 0) {}

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
