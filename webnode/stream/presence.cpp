#include "webnode/stream/presence.hpp"

#include "webnode/format/formats.hpp"
#include "webnode/format/poll.hpp"

#include <utility>

namespace zcomet::webnode::stream {

Presence::Presence(connection::Connections& connections, session::Logins& logins)
    : connections_(connections), logins_(logins), streams_(connections.table()) {
    connections_.add_listener(*this);
}

Presence::~Presence() {
    connections_.remove_listener(*this);
}

bool Presence::open(connection::Handle handle, const wire::IdList& ids, std::uint8_t form,
                    const Beginning& beginning) {
    if (!connections_.watch(handle, *connections_.table().find(handle))) {
        return false;
    }
    if (expiries_ != nullptr && beginning.life != Duration::max()) {
        expiries_->begin(handle, beginning.life);
    }
    begin(handle, ids, form, beginning);
    connections_.note_opened(handle, *connections_.table().find(handle));
    return true;
}

/// Not in the access log: a client that polls opens one after the other.
bool Presence::open_poll(connection::Handle handle, const wire::IdList& ids,
                         const Beginning& beginning, PollTerms terms) {
    if (!connections_.watch(handle, *connections_.table().find(handle))) {
        return false;
    }
    polls_->begin(handle, std::move(terms));
    const format::Form form{format::index_of(format::poll_format()), format::Framing::kBare};
    begin(handle, ids, form.packed(), beginning);
    return true;
}

void Presence::begin(connection::Handle handle, const wire::IdList& ids, std::uint8_t form,
                     const Beginning& beginning) {
    if (gaps_ != nullptr) {
        gaps_->on_open(handle);
    }
    streams_.park(handle, ids, form, [this](std::string_view id) { logins_.login(id); });
    if (resumes_ != nullptr) {
        resumes_->on_open(handle, ids, beginning);
    }
}

void Presence::close(connection::Handle handle) {
    if (expiries_ != nullptr) {
        expiries_->forget(handle);
    }
    if (resumes_ != nullptr) {
        resumes_->end(handle);
    }
    streams_.leave(handle, [this](std::string_view id) { logins_.logout(id); });
    connections_.table().find(handle)->unpark();
}

void Presence::on_close(connection::Handle handle, connection::Connection& connection) {
    if (connection.parked()) {
        streams_.leave(handle, [this](std::string_view id) { logins_.logout(id); });
    }
}

} // namespace zcomet::webnode::stream
