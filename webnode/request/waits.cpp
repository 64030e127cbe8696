#include "webnode/request/waits.hpp"

#include <algorithm>

namespace zcomet::webnode::request {

RequestInput* Waits::make(connection::Handle handle) {
    connection::Connection& connection = *connections_.table().find(handle);
    if (connection.input() == store::kNoIndex) {
        if (!connections_.watch(handle, connection)) {
            return nullptr;
        }
        connection.set_input(inputs_.add());
    }
    return &inputs_[connection.input()];
}

void Waits::release(connection::Connection& connection) {
    if (connection.input() != store::kNoIndex) {
        sum_.keep(inputs_[connection.input()].bytes, {});
        inputs_.release(connection.input());
        connection.set_input(store::kNoIndex);
    }
}

void Waits::begin(connection::Handle handle, RequestInput& input, Wait wait, Time now) {
    input.wait = wait;
    Time& latest = input.latest[static_cast<std::size_t>(wait)];
    latest = queue_of(wait).push_again(handle, latest, now);
    input.deadline = latest;
}

Time Waits::due() const {
    Time due = kNever;
    for (const connection::DeadlineQueue& queue : deadlines_) {
        due = std::min(due, queue.due());
    }
    return due;
}

} // namespace zcomet::webnode::request
