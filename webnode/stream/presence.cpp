#include "webnode/stream/presence.hpp"

namespace zcomet::webnode::stream {

Presence::Presence(connection::Connections& connections, session::Logins& logins)
    : connections_(connections), logins_(logins), streams_(connections.table()) {
    connections_.add_listener(*this);
}

Presence::~Presence() {
    connections_.remove_listener(*this);
}

bool Presence::open(connection::Handle handle, std::string_view id, std::uint8_t form,
                    const Beginning& beginning) {
    if (!connections_.watch(handle, *connections_.table().find(handle))) {
        return false;
    }
    if (gaps_ != nullptr) {
        gaps_->on_open(handle);
    }
    if (streams_.park(handle, id, form)) {
        logins_.login(id);
    }
    if (resumes_ != nullptr) {
        resumes_->on_open(handle, id, beginning);
    }
    connections_.note_opened(handle, *connections_.table().find(handle));
    return true;
}

void Presence::on_close(connection::Handle handle, connection::Connection& connection) {
    if (!connection.parked()) {
        return;
    }
    if (const auto freed_id = streams_.leave(handle)) {
        logins_.logout(*freed_id);
    }
}

} // namespace zcomet::webnode::stream
