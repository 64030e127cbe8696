#include "topology/program/address_options.hpp"

#include <utility>

namespace zcomet::program {

namespace {

using Parse = Result<wire::HostPort> (*)(std::string_view);
using Write = std::string (*)(const wire::HostPort&);

OptionText as_address(wire::HostPort& value, const char* type, Parse parse, Write write) {
    OptionText text;
    text.type = type;
    text.check = [parse](const std::string& given) {
        const Result<wire::HostPort> address = parse(given);
        return address.ok() ? std::string() : address.error().text;
    };
    text.set = [&value, parse](const std::string& given) { value = parse(given).value(); };
    text.get = [&value, write] { return value.host.empty() ? std::string() : write(value); };
    return text;
}

} // namespace

OptionText as_tcp_endpoint(wire::HostPort& value) {
    return as_address(value, "tcp://HOST:PORT", wire::parse_tcp_address, wire::tcp_endpoint);
}

OptionText as_host_port(wire::HostPort& value) {
    return as_address(value, "HOST:PORT", wire::parse_http_address,
                      [](const wire::HostPort& address) { return address.text(); });
}

} // namespace zcomet::program
