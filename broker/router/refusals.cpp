#include "broker/router/refusals.hpp"

#include <string>

namespace zcomet::broker::router {

namespace {

using wire::ErrorCode;

/// The counters of errors stand in the order of the errors' codes.
constexpr table::BrokerCounter counter_of(ErrorCode code) {
    return static_cast<table::BrokerCounter>(
        static_cast<unsigned>(table::BrokerCounter::kErrorsMalformed) +
        static_cast<unsigned>(code) - static_cast<unsigned>(ErrorCode::kMalformed));
}
static_assert(counter_of(ErrorCode::kMalformed) == table::BrokerCounter::kErrorsMalformed);
static_assert(counter_of(ErrorCode::kVersion) == table::BrokerCounter::kErrorsVersion);
static_assert(counter_of(ErrorCode::kUnknownKind) == table::BrokerCounter::kErrorsUnknownKind);
static_assert(counter_of(ErrorCode::kHelloFirst) == table::BrokerCounter::kErrorsHelloFirst);
static_assert(counter_of(ErrorCode::kWrongRole) == table::BrokerCounter::kErrorsWrongRole);
static_assert(counter_of(ErrorCode::kListNeeded) == table::BrokerCounter::kErrorsListNeeded);
static_assert(counter_of(ErrorCode::kReplaced) == table::BrokerCounter::kErrorsReplaced);
static_assert(counter_of(ErrorCode::kUnknownQuery) == table::BrokerCounter::kErrorsUnknownQuery);
static_assert(counter_of(ErrorCode::kBadId) == table::BrokerCounter::kErrorsBadId);
static_assert(counter_of(ErrorCode::kOverloaded) == table::BrokerCounter::kErrorsOverloaded);
static_assert(counter_of(ErrorCode::kInUse) == table::BrokerCounter::kErrorsInUse);
static_assert(counter_of(ErrorCode::kNotAllowed) == table::BrokerCounter::kErrorsNotAllowed);
static_assert(counter_of(ErrorCode::kOtherList) == table::BrokerCounter::kErrorsOtherList);

wire::ErrorFrame error_for(const Incoming& in, ErrorCode code, std::string_view text) {
    return {code, static_cast<std::uint8_t>(in.bytes[wire::kHeaderBytes - 1]), text};
}

} // namespace

void Refusals::refuse(const Incoming& in, ErrorCode code, std::string_view text) {
    tell(in, error_for(in, code, text));
}

void Refusals::refuse_always(const Incoming& in, ErrorCode code, std::string_view text) {
    tell_always(in, error_for(in, code, text));
}

void Refusals::tell(const Incoming& in, const wire::ErrorFrame& error) {
    if (limit_.allow(in.connection, in.now)) {
        tell_always(in, error);
        return;
    }
    state_.count(table::BrokerCounter::kErrors);
    state_.count(counter_of(error.code));
    state_.count(table::BrokerCounter::kErrorsUntold);
}

void Refusals::tell_always(const Incoming& in, const wire::ErrorFrame& error) {
    state_.count(table::BrokerCounter::kErrors);
    state_.count(counter_of(error.code));
    RouterEvent event{.kind = RouterEvent::Kind::kRefused, .code = error.code, .text = error.text};
    if (in.peer != store::kNoIndex) {
        const table::Peer& peer = state_.peers[in.peer];
        event.name = peer.name;
        event.incarnation = peer.incarnation;
        event.role = peer.role();
    }
    const std::string address = state_.host.address_of(in.connection);
    event.address = address;
    state_.host.on_event(event);
    state_.reply(in.connection, wire::encode(error));
}

} // namespace zcomet::broker::router
