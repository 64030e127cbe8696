#include "webnode/connection/secured.hpp"

#include "topology/base/check.hpp"

namespace zcomet::webnode::connection {

namespace {

constexpr char kHandshakeByte = static_cast<char>(tls::ContentType::kHandshake);

} // namespace

Secured::Session* Secured::find(std::uint32_t connection) {
    const std::uint32_t at = connection < index_bound_ ? index_[connection] : store::kNoIndex;
    return at == store::kNoIndex ? nullptr : &sessions_[at];
}

const Secured::Session* Secured::find(std::uint32_t connection) const {
    const std::uint32_t at = connection < index_bound_ ? index_[connection] : store::kNoIndex;
    return at == store::kNoIndex ? nullptr : &sessions_[at];
}

Secured::Session& Secured::make(std::uint32_t connection) {
    if (connection >= index_bound_) {
        index_bound_ = connection + 1;
        index_.grow(index_bound_, store::kNoIndex);
    }
    const std::uint32_t at = sessions_.add();
    index_[connection] = at;
    sessions_[at].handshake = std::make_unique<tls::Handshake>(context_);
    ++handshakes_;
    return sessions_[at];
}

bool Secured::is_open(std::uint32_t connection) const {
    const Session* const session = find(connection);
    return session != nullptr && session->handshake == nullptr;
}

bool Secured::is_shaking_hands(std::uint32_t connection) const {
    const Session* const session = find(connection);
    return session != nullptr && session->handshake != nullptr;
}

void Secured::forget(std::uint32_t connection) {
    const Session* const session = find(connection);
    if (session == nullptr) {
        return;
    }
    held_for_ = held_for_ == connection ? store::kNoIndex : held_for_;
    handshakes_ -= session->handshake != nullptr ? 1 : 0;
    sessions_.release(index_[connection]);
    index_[connection] = store::kNoIndex;
    if (sessions_.size() == 0) { // as ConnectionTable does
        index_.clear();
        index_bound_ = 0;
    }
}

Secured::Received Secured::receive(std::uint32_t connection, std::string_view bytes, Time turn) {
    Received received;
    text_.clear();
    reply_.clear();
    Session* session = find(connection);
    if (session == nullptr || session->handshake != nullptr) {
        if (session == nullptr && bytes.front() != kHandshakeByte) {
            received.after = After::kNotTls;
            received.failure = "not TLS";
            return received;
        }
        const tls::WholeRecords whole = tls::whole_records(bytes);
        if (whole.is_too_long) {
            received.after = After::kFailed;
            received.failure = "record too long";
            return received;
        }
        if (whole.bytes == 0) {
            return received;
        }
        session = session == nullptr ? &make(connection) : session;
        go_on(*session, bytes.substr(0, whole.bytes), turn, received);
    }
    if (session->handshake == nullptr) {
        const tls::Records::Opened opened =
            session->records.open(aead_, bytes.substr(received.used), text_, reply_);
        received.used += opened.used;
        received.after = opened.after == tls::After::kOpen    ? After::kOpen
                         : opened.after == tls::After::kEnded ? After::kEnded
                                                              : After::kFailed;
    }
    if (received.begins && received.after == After::kOpen && !text_.empty()) {
        ZCOMET_ASSERT(held_for_ == store::kNoIndex);
        held_.swap(reply_);
        held_for_ = connection;
        reply_.clear();
    }
    received.text = text_;
    received.reply = reply_;
    return received;
}

void Secured::go_on(Session& session, std::string_view bytes, Time turn, Received& received) {
    if (turn != turn_) {
        turn_ = turn;
        spent_ = {};
    }
    const Time begin = clock_();
    const tls::Handshake::Step step = session.handshake->go_on(bytes, reply_);
    received.used = step.used;
    switch (step.state) {
    case tls::Handshake::State::kUnderWay:
        break;
    case tls::Handshake::State::kFailed:
        failure_ = session.handshake->failure();
        received.failure = failure_;
        received.after = After::kFailed;
        break;
    case tls::Handshake::State::kDone:
        received.begins = true;
        received.is_resumed = session.handshake->is_resumed();
        session.records = session.handshake->records();
        session.handshake.reset();
        --handshakes_;
        break;
    }
    spent_ += clock_() - begin;
}

std::string_view Secured::take_held(std::uint32_t connection) {
    const bool is_held = held_for_ == connection;
    held_for_ = is_held ? store::kNoIndex : held_for_;
    return is_held ? std::string_view(held_) : std::string_view();
}

void Secured::begin_sealed(std::uint32_t connection) {
    sealed_.assign(take_held(connection));
}

std::string_view Secured::seal(std::uint32_t connection, std::string_view text) {
    begin_sealed(connection);
    Session* const session = find(connection);
    ZCOMET_ASSERT(session != nullptr && session->handshake == nullptr);
    session->records.seal(aead_, text, sealed_);
    return sealed_;
}

std::string_view Secured::seal_end(std::uint32_t connection) {
    begin_sealed(connection);
    Session* const session = find(connection);
    ZCOMET_ASSERT(session != nullptr && session->handshake == nullptr);
    session->records.seal_end(aead_, sealed_);
    return sealed_;
}

} // namespace zcomet::webnode::connection
