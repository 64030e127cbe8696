#include "webnode/stream/presence.hpp"

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
    if (gaps_ != nullptr) {
        gaps_->on_open(handle);
    }
    streams_.park(handle, ids, form, [this](std::string_view id) { logins_.login(id); });
    if (resumes_ != nullptr) {
        resumes_->on_open(handle, ids, beginning);
    }
    connections_.note_opened(handle, *connections_.table().find(handle));
    return true;
}

void Presence::on_close(connection::Handle handle, connection::Connection& connection) {
    if (connection.parked()) {
        streams_.leave(handle, [this](std::string_view id) { logins_.logout(id); });
    }
}

} // namespace zcomet::webnode::stream
