#include "webnode/stream/signs_of_life.hpp"

#include "webnode/format/formats.hpp"

namespace zcomet::webnode::stream {

namespace {

using connection::Quiet;

/// A send() takes 5 to 10 µs: of a million streams, with the default of 25 s, a turn writes to four
/// hundred, in two to four milliseconds.
constexpr Duration kStep = 10ms;
/// A wake-up for a few streams costs more than their signs.
constexpr Duration kStepMax = 100ms;
/// The pacer's rounds within the time. A stream gets a sign at the second round that finds nothing
/// written since, so after half of the time at the earliest, and after all of it at the latest.
///
/// Streams that were written to at the same time (or opened one after the other) would get all of
/// their signs in one of two rounds then, for ever: twice as many at a time, and none meanwhile. So
/// every other stream has its sign in the even rounds, and the others in the odd ones: who had it
/// in a wrong one gets the next a round earlier, once.
constexpr std::uint32_t kRounds = 2;

} // namespace

SignsOfLife::SignsOfLife(connection::Connections& connections,
                         metrics::Counters<slot::WorkerCounter>& counters,
                         std::chrono::seconds each, Time now)
    : connections_(connections), counters_(counters), is_on_(each > 0s),
      pacer_(is_on_ ? Duration(each) / kRounds : Duration(1s), now, kStep, kStepMax) {}

void SignsOfLife::turn(Time now) {
    if (due() > now) {
        return;
    }
    connection::ConnectionTable& table = connections_.table();
    pacer_.turn(now, table.slot_bound(), [&](std::uint32_t first, std::uint32_t count) {
        round_ += first == 0 ? 1 : 0;
        table.for_connections_in(
            first, count, [this](connection::Handle handle, connection::Connection& connection) {
                visit(handle, connection);
            });
    });
}

Time SignsOfLife::due() const {
    return is_on_ ? pacer_.due(connections_.table().slot_bound()) : kNever;
}

void SignsOfLife::visit(connection::Handle handle, connection::Connection& connection) {
    // What a stream has not read yet is as good a sign.
    if (!connection.parked() || connections_.has_output(connection)) {
        return;
    }
    const bool is_its_round = (handle.index + round_) % kRounds == 0;
    if (connection.quiet() == Quiet::kSinceThen ||
        (connection.quiet() == Quiet::kSinceSign && is_its_round)) {
        give(handle, connection);
    } else {
        connection.set_quiet(Quiet::kSinceThen);
    }
}

void SignsOfLife::give(connection::Handle handle, connection::Connection& connection) {
    connection.set_quiet(Quiet::kSinceSign);
    const format::Form form = format::Form::unpack(connection.form());
    const std::string_view sign = format::format_at(form.format).sign_of_life(form.framing);
    if (!sign.empty()) {
        counters_.add(slot::WorkerCounter::kSignsOfLife);
        static_cast<void>(connections_.write(handle, connection, sign));
    }
}

} // namespace zcomet::webnode::stream
