#include "topology/net/own_names.hpp"

#include "topology/host/host_names.hpp"
#include "topology/net/lookup.hpp"

#include <netdb.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

namespace zcomet::net {

namespace {

std::string host_name() {
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    return name.data();
}

/// May wait for the name service. @return empty: it has none.
std::string canonical_name(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_CANONNAME;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) {
        return {};
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    return found->ai_canonname == nullptr ? std::string() : found->ai_canonname;
}

std::string canonical_name_within(const std::string& host, Duration patience) {
    const auto name = std::make_shared<std::string>(); // the lookup's thread may outlive this call
    const Lookup lookup({host, 0}, Purpose::kConnect,
                        [name](const wire::HostPort& where, Purpose /*purpose*/) {
                            *name = canonical_name(where.host);
                            return Result<std::vector<SocketAddress>>(std::vector<SocketAddress>());
                        });
    if (!lookup.answered()) {
        pollfd event{lookup.fd(), POLLIN, 0};
        static_cast<void>(::poll(&event, 1, static_cast<int>(in_ms(patience))));
    }
    return lookup.answered() ? *name : std::string();
}

} // namespace

std::vector<std::string> own_names(std::initializer_list<wire::HostPort> addresses,
                                   Duration patience) {
    std::vector<std::string> names;
    const auto add = [&names](const std::string& name) {
        const bool is_fresh = std::find(names.begin(), names.end(), name) == names.end();
        if (is_fresh && name.find('*') == std::string::npos &&
            host::why_no_host_name(name).empty()) {
            names.push_back(name);
        }
    };
    const std::string name = host_name();
    add(name);
    add(name.substr(0, name.find('.')));
    add(canonical_name_within(name, patience));
    for (const wire::HostPort& address : addresses) {
        if (!is_numeric(address.host)) {
            add(address.host);
        }
    }
    return names;
}

} // namespace zcomet::net
