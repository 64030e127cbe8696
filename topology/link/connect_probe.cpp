#include "topology/link/connect_probe.hpp"

#include <cerrno>

namespace zcomet::link {

namespace {

bool is_refusal(int failure) {
    return failure == ECONNREFUSED || failure == ENETUNREACH || failure == EHOSTUNREACH;
}

} // namespace

ConnectProbe::ConnectProbe(const wire::HostPort& where) {
    if (!net::is_numeric(where.host)) {
        return;
    }
    if (const auto found = net::resolve(where, net::Purpose::kConnect); found.ok()) {
        attempt_.emplace(found.value().front());
    }
}

std::optional<int> ConnectProbe::refusal() {
    const auto result = attempt_ ? attempt_->result(Duration::zero()) : std::nullopt;
    return result && is_refusal(*result) ? result : std::nullopt;
}

} // namespace zcomet::link
