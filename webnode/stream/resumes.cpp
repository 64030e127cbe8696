#include "webnode/stream/resumes.hpp"

#include "topology/wire/attributes.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace zcomet::webnode::stream {

Resumes::Resumes(connection::Connections& connections, const StreamTable& streams,
                 session::HistorySource& source, metrics::Counters<slot::WorkerCounter>& counters,
                 bool tells_cut_offs)
    : connections_(connections), streams_(streams), source_(source), counters_(counters),
      tells_cut_offs_(tells_cut_offs) {
    connections_.add_listener(*this);
}

Resumes::~Resumes() {
    connections_.remove_listener(*this);
}

void Resumes::on_feed_begun(const wire::HistoryTerms& history, const history::Cursor& cursor) {
    with_history_ =
        history.epoch == 0 ? history::Patterns() : history::Patterns::from_text(history.patterns);
    cut_off(cursor);
}

/// The batch that says so has no messages.
void Resumes::on_shed(const history::Cursor& cursor) {
    cut_off(cursor);
}

void Resumes::cut_off(history::Cursor cursor) {
    begin_all(); // of an earlier cut
    catch_up_.on_feed_broken();
    if (reached_.epoch == cursor.epoch) {
        cursor.position = std::max(cursor.position, reached_.position);
    }
    if (cursor.epoch != 0 && !with_history_.empty()) {
        beginning_ = {.cursor = cursor};
    }
}

void Resumes::begin_all() {
    while (is_beginning()) {
        begin_some(kBeginsPerTurn);
    }
}

void Resumes::begin_some(std::uint32_t count) {
    connections_.table().for_connections_in(
        beginning_->slot, count,
        [this](connection::Handle handle, connection::Connection& connection) {
            if (connection.parked() && !beginning_->newcomers.contains(handle.packed())) {
                begin(handle, connection);
            }
        });
    beginning_->slot += count;
    if (beginning_->slot >= connections_.table().slot_bound()) {
        beginning_.reset();
    }
}

/// Streams that are catching up already go on from where they are themselves.
void Resumes::begin(connection::Handle handle, connection::Connection& stream) {
    if (stream.is_catching_up() && catch_up_.has(handle.packed())) {
        return;
    }
    ids_.clear();
    streams_.for_each_id_of(stream, [this](std::string_view id) { ids_.add(id); });
    if (!has_history(ids_.list())) {
        return;
    }
    counters_.add(slot::WorkerCounter::kCatchUps);
    stream.set_catching_up(true);
    catch_up_.begin(handle.packed(),
                    {.ids = ids_.list(), .cursor = beginning_->cursor, .is_cut_off = true});
}

void Resumes::turn(Time now) {
    if (is_beginning()) {
        begin_some(kBeginsPerTurn);
    }
    catch_up_.turn(now);
}

bool Resumes::has_history(const wire::IdList& ids) const {
    bool has_history = false;
    ids.for_each([&](std::string_view id) { has_history |= with_history_.match(id); });
    return has_history;
}

void Resumes::on_open(connection::Handle handle, const wire::IdList& ids,
                      const Beginning& beginning) {
    if (is_beginning() && handle.index >= beginning_->slot) {
        beginning_->newcomers.insert(handle.packed());
    }
    // Of a poll all messages come here, and not only until it has caught up.
    connections_.table().find(handle)->set_catching_up(is_poll(handle));
    const bool has_cursor =
        beginning.cursor.epoch != 0 || beginning.has_bad_cursor || beginning.from_earliest;
    if (!has_cursor && !(beginning.wants_position && has_history(ids))) {
        return;
    }
    counters_.add(slot::WorkerCounter::kResumes, has_cursor ? 1 : 0);
    connections_.table().find(handle)->set_catching_up(true);
    if (is_poll(handle)) {
        polls_->set_asking(handle, true);
    }
    catch_up_.begin(handle.packed(), {.ids = ids,
                                      .cursor = beginning.cursor,
                                      .has_bad_cursor = beginning.has_bad_cursor,
                                      .from_earliest = beginning.from_earliest,
                                      .wants_position = beginning.wants_position});
}

void Resumes::hold(connection::Handle handle, const format::Message& message) {
    if (is_poll(handle) && !catch_up_.has(handle.packed())) {
        polls_->add_message(handle, message);
        return;
    }
    catch_up_.hold(handle.packed(), {message.id, message.text, message.attributes, message.cursor});
}

void Resumes::ask(const wire::History& history) {
    source_.ask(history);
}

void Resumes::show(history::StreamKey stream, const history::StreamMessage& message) {
    const auto handle = connection::Handle::unpack(stream);
    connection::Connection* const connection = connections_.table().find(handle);
    if (connection == nullptr) {
        return;
    }
    const format::Message shown{message.id, message.payload,
                                wire::read_attributes(message.attributes).event, message.attributes,
                                message.cursor};
    if (is_poll(handle)) {
        polls_->add_message(handle, shown);
        return;
    }
    const format::Form form = format::Form::unpack(connection->form());
    const format::StreamFormat& format = format::format_at(form.format);
    format.prepare(shown, shared_);
    bytes_.clear();
    format.append(bytes_, shared_, ++connection->messages, form.framing);
    counters_.add(slot::WorkerCounter::kChunksGiven);
    const std::array<std::uint32_t, 1> ends{static_cast<std::uint32_t>(bytes_.size())};
    static_cast<void>(connections_.write(handle, *connection, connection::Chunks{bytes_, ends}));
}

void Resumes::tell_position(history::StreamKey stream, const history::Cursor& cursor) {
    const auto handle = connection::Handle::unpack(stream);
    connection::Connection* const connection = connections_.table().find(handle);
    if (connection == nullptr) {
        return;
    }
    if (is_poll(handle)) {
        polls_->set_cursor(handle, cursor);
        return;
    }
    const format::Form form = format::Form::unpack(connection->form());
    bytes_.clear();
    format::format_at(form.format).append_position(bytes_, cursor, form.framing);
    if (!bytes_.empty()) {
        static_cast<void>(connections_.write(handle, *connection, bytes_));
    }
}

void Resumes::tell_gap(history::StreamKey stream, history::GapReason reason,
                       const history::Cursor& goes_on) {
    const auto handle = connection::Handle::unpack(stream);
    connection::Connection* const connection = connections_.table().find(handle);
    if (connection == nullptr || (reason == history::GapReason::kCutOff && !tells_cut_offs_)) {
        return;
    }
    counters_.add(slot::WorkerCounter::kGapsTold);
    std::vector<std::string_view> with_history;
    std::vector<std::string_view> all;
    streams_.for_each_id_of(*connection, [&](std::string_view id) {
        all.push_back(id);
        if (with_history_.match(id)) {
            with_history.push_back(id);
        }
    });
    const format::Gap gap{with_history.empty() ? all : with_history, history::name_of(reason),
                          goes_on};
    if (is_poll(handle)) {
        polls_->add_gap(handle, gap);
        return;
    }
    const format::Form form = format::Form::unpack(connection->form());
    bytes_.clear();
    format::format_at(form.format).append_gap(bytes_, gap, form.framing);
    static_cast<void>(connections_.write(handle, *connection, bytes_));
}

void Resumes::caught_up(history::StreamKey stream, const history::Cursor& through) {
    if (reached_.epoch != through.epoch || reached_.position < through.position) {
        reached_ = through;
    }
    const auto handle = connection::Handle::unpack(stream);
    if (is_poll(handle)) {
        polls_->set_asking(handle, false);
    } else if (connection::Connection* const connection = connections_.table().find(handle)) {
        connection->set_catching_up(false);
    }
}

bool Resumes::was_shown(const wire::Origin& origin) const {
    return source_.was_shown(origin);
}

bool Resumes::has_under_way(history::StreamKey key) const {
    bool has_under_way = false;
    const connection::Connection* const stream =
        connections_.table().find(connection::Handle::unpack(key));
    if (stream != nullptr && fan_outs_ != nullptr && !fan_outs_->empty()) {
        streams_.for_each_id_of(*stream,
                                [&](std::string_view id) { has_under_way |= fan_outs_->has(id); });
    }
    return has_under_way;
}

void Resumes::on_close(connection::Handle handle, connection::Connection& connection) {
    if (connection.parked() && connection.is_catching_up()) {
        catch_up_.end(handle.packed());
    }
}

} // namespace zcomet::webnode::stream
