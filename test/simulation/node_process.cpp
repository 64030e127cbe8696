#include "test/simulation/node_process.hpp"

#include "topology/wire/attributes.hpp"
#include "topology/wire/owned_ids.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace zcomet::sim {

namespace {
/// How often a message has to wait for its streams, and how often they read all that waits.
constexpr std::uint64_t kWaitsPerMille = 200;
constexpr std::uint64_t kReadsPerMille = 100;
/// How often a stream is of a format that tells where it stands.
constexpr std::uint64_t kWantsPositionPerMille = 800;
} // namespace

NodeProcess::NodeProcess(World& world, Network& network, Promises& promises, unsigned slot,
                         std::uint64_t confirms_per_mille)
    : Process(world, fmt::format("n{}", slot)), network_(network), promises_(promises),
      account_(promises.add_node(slot, world.random().next() | 1U)),
      node_(*this, account_.incarnation, process_name()),
      session_(node_, 0, *this, *this, "192.0.2.1"), turn_(session_, *this, *this, *this, watch_),
      dealer_(network.connect(*this, Socket::kDealer)), confirms_per_mille_(confirms_per_mille),
      to_confirm_(promises.ids().size(), false), streams_of_id_(promises.ids().size(), 0) {
    session_.start(world.now());
    wake(session_.due());
}

// ---- The loop ----------------------------------------------------------------------------------

void NodeProcess::turn() {
    turn_.run(world().now());
    account_for_batch();
    look_whether_confirmed();
    catch_up_.turn(world().now());
}

void NodeProcess::look_whether_confirmed() {
    if (confirming_ != nullptr && session_.logins_applied()) {
        promises_.on_confirmed(account_, *std::exchange(confirming_, nullptr), to_confirm_);
    }
}

Time NodeProcess::due() const {
    const bool more_waits = !from_broker_.empty() || (can_take() && !from_feed_.empty());
    const bool connected_since = watch_.awaits_connection() && Network::connected(dealer_);
    return more_waits || connected_since ? Time::min() : std::min(session_.due(), catch_up_.due());
}

void NodeProcess::note_welcome(const std::string& frame) {
    const auto decoded = wire::decode(frame, wire::Role::kNode);
    if (is_cut_off_) {
        world().violate(name() + " has another feed, and does not say that it was cut off");
    }
    if (const auto* welcome = std::get_if<wire::Welcome>(&std::get<wire::Frame>(decoded))) {
        const std::uint64_t before = std::exchange(
            welcomed_feed_, std::get<wire::NodeWelcome>(welcome->part).feed_incarnation);
        is_cut_off_ = before != 0 && before != welcomed_feed_;
    }
}

/// Passes on what the session did with the last batch.
void NodeProcess::account_for_batch() {
    const session::NodeSessionCounters& after = session_.counters();
    const std::uint64_t lost =
        after.messages_lost - std::exchange(lost_before_, after.messages_lost);
    if (lost > 0) {
        promises_.on_lost(account_, feed_, lost);
    }
    const std::uint64_t duplicates =
        after.duplicates - std::exchange(duplicates_before_, after.duplicates);
    promises_.on_duplicates(account_, feed_, duplicates);
}

void NodeProcess::on_arrival(Socket socket, std::string frame) {
    (socket == Socket::kDealer ? from_broker_ : from_feed_).push_back(std::move(frame));
    on_input();
}

void NodeProcess::on_connection() {
    on_input();
}

bool NodeProcess::can_take() const {
    return busy_until_ <= world().now();
}

void NodeProcess::be_busy(Duration duration) {
    busy_until_ = world().now() + duration;
    world().at(busy_until_, [this] { on_input(); });
}

void NodeProcess::end_busy() {
    busy_until_ = Time::min();
    on_input();
}

void NodeProcess::crash(Word word) {
    end_visits();
    die();
    network_.client_dies(*this, word, false);
}

void NodeProcess::leave() {
    session_.goodbye(world().now());
    end_visits();
    die();
    network_.client_dies(*this, Word::kSoon, true);
}

// ---- Streams -----------------------------------------------------------------------------------

void NodeProcess::open_stream(IdNumber id) {
    if (!listening_ || !alive()) {
        return;
    }
    streams_.push_back({.ids = {id}});
    Stream& stream = streams_.back();
    if (promises_.has_history(id)) {
        stream.account = &promises_.on_visit(account_, id);
        stream.ids = stream.account->ids;
    }
    for (const IdNumber one : stream.ids) {
        log_in(one);
    }
    if (stream.account != nullptr) {
        begin_visit(stream);
    }
    on_input();
}

void NodeProcess::log_in(IdNumber id) {
    if (streams_of_id_[id]++ == 0) {
        session_.login(promises_.ids()[id]);
        promises_.on_presence(account_, id);
        if (world().random().chance(confirms_per_mille_)) {
            session_.confirm_logins(world().now());
            confirming_ = promises_.feed_of(account_);
            for (IdNumber held = 0; held < to_confirm_.size(); ++held) {
                to_confirm_[held] = holds(held);
            }
        }
    }
}

void NodeProcess::log_out(IdNumber id) {
    if (--streams_of_id_[id] == 0) {
        to_confirm_[id] = false;
        session_.logout(promises_.ids()[id]);
        promises_.on_presence(account_, id);
    }
}

wire::OwnedIds NodeProcess::names_of(const Stream& stream) const {
    wire::OwnedIds names;
    for (const IdNumber id : stream.ids) {
        names.add(promises_.ids()[id]);
    }
    return names;
}

/// By what the broker has told.
bool NodeProcess::has_history(const Stream& stream) const {
    return std::any_of(stream.ids.begin(), stream.ids.end(),
                       [this](IdNumber id) { return with_history_.match(promises_.ids()[id]); });
}

void NodeProcess::close_a_stream() {
    if (streams_.empty() || !alive()) {
        return;
    }
    Stream& any = streams_[world().random().below(streams_.size())];
    const Stream closed = std::exchange(any, streams_.back());
    streams_.pop_back();
    if (closed.account != nullptr) {
        catch_up_.end(closed.key);
        promises_.on_leave(*closed.account);
    }
    ledger_.chunks_dropped += std::exchange(ledger_.chunks_waiting, 0);
    for (const IdNumber id : closed.ids) {
        log_out(id);
    }
    on_input();
}

/// As webnode/stream/resumes.cpp, on_open().
void NodeProcess::begin_visit(Stream& stream) {
    stream.key = ++last_key_;
    const StreamAccount& account = *stream.account;
    const bool has_cursor = account.cursor.epoch != 0 || account.has_bad_cursor;
    const bool wants_position = world().history_random().chance(kWantsPositionPerMille);
    if (has_cursor || (wants_position && has_history(stream))) {
        stream.is_catching_up = true;
        catch_up_.begin(stream.key,
                        {.ids = names_of(stream).list(),
                         .cursor = account.has_bad_cursor ? history::Cursor{} : account.cursor,
                         .has_bad_cursor = account.has_bad_cursor,
                         .wants_position = wants_position});
    }
}

void NodeProcess::end_visits() {
    for (Stream& stream : streams_) {
        if (stream.account != nullptr) {
            promises_.on_leave(*std::exchange(stream.account, nullptr));
        }
    }
}

void NodeProcess::check_streams() {
    for (const Stream& stream : streams_) {
        if (stream.account != nullptr) {
            promises_.check_complete(*stream.account);
        }
    }
}

/// As webnode/stream/resumes.cpp, cut_off().
void NodeProcess::catch_all_up(const history::Cursor& cursor) {
    catch_up_.on_feed_broken();
    if (cursor.epoch == 0 || with_history_.empty()) {
        return;
    }
    for (Stream& stream : streams_) {
        if (!stream.is_catching_up && has_history(stream)) {
            stream.is_catching_up = true;
            catch_up_.begin(stream.key,
                            {.ids = names_of(stream).list(), .cursor = cursor, .is_cut_off = true});
        }
    }
}

NodeProcess::Stream* NodeProcess::find(history::StreamKey key) {
    const auto found = std::find_if(streams_.begin(), streams_.end(),
                                    [key](const Stream& stream) { return stream.key == key; });
    return found == streams_.end() ? nullptr : &*found;
}

void NodeProcess::show(history::StreamKey key, const history::StreamMessage& message) {
    promises_.on_stream_shown(*find(key)->account, message.payload, message.cursor);
}

void NodeProcess::tell_position(history::StreamKey key, const history::Cursor& cursor) {
    promises_.on_position_told(*find(key)->account, cursor);
}

void NodeProcess::tell_gap(history::StreamKey key, history::GapReason reason,
                           const history::Cursor& goes_on) {
    promises_.on_gap_told(*find(key)->account, reason, goes_on);
}

void NodeProcess::caught_up(history::StreamKey key, const history::Cursor& through) {
    find(key)->is_catching_up = false;
    if (through.epoch == cursor_.epoch) {
        cursor_.position = std::max(cursor_.position, through.position);
    }
}

// ---- What the session asks for -----------------------------------------------------------------

void NodeProcess::send(std::string&& frame) {
    if (network_.send(dealer_, std::move(frame))) {
        watch_.took();
    } else {
        watch_.refused();
    }
}

std::optional<std::string_view> NodeProcess::receive() {
    if (from_broker_.empty()) {
        return std::nullopt;
    }
    frame_in_hand_ = std::move(from_broker_.front());
    from_broker_.pop_front();
    note_welcome(frame_in_hand_);
    return frame_in_hand_;
}

std::optional<std::string_view> NodeProcess::receive_batch() {
    account_for_batch();
    if (from_feed_.empty()) {
        return std::nullopt;
    }
    batch_in_hand_ = std::move(from_feed_.front());
    from_feed_.pop_front();
    if (pace_ > Duration::zero()) {
        be_busy(pace_);
    }
    const auto decoded = wire::decode(batch_in_hand_);
    feed_ = std::get<wire::Batch>(std::get<wire::Frame>(decoded)).incarnation;
    return batch_in_hand_;
}

Status NodeProcess::connect_feed(const std::string& /*endpoint*/) {
    if (sub_ != nullptr) {
        network_.close(*sub_);
    }
    sub_ = &network_.connect(*this, Socket::kSub, wire::encode_topic(account_.incarnation));
    return Done{};
}

void NodeProcess::deliver(const wire::MessageList& messages) {
    if (feed_ != welcomed_feed_) {
        world().violate(name() + " shows messages of a feed that it has no longer");
    }
    promises_.on_shown(account_, feed_, messages);
    messages.for_each([this](const wire::Message& message) {
        count_shown(promises_.number_of(message.id));
        show_to_streams(message);
    });
}

void NodeProcess::show_to_streams(const wire::Message& message) {
    const IdNumber id = promises_.number_of(message.id);
    const std::uint64_t position = wire::read_attributes(message.attributes).position;
    cursor_.position = std::max(cursor_.position, position);
    if (!promises_.has_history(id)) {
        return;
    }
    const history::Cursor cursor =
        position == 0 ? history::Cursor{} : history::Cursor{cursor_.epoch, position};
    for (const Stream& stream : streams_) {
        if (std::find(stream.ids.begin(), stream.ids.end(), id) == stream.ids.end()) {
            continue;
        }
        if (stream.is_catching_up) {
            catch_up_.hold(stream.key, {message.id, message.payload, message.attributes, cursor});
        } else {
            promises_.on_stream_shown(*stream.account, message.payload, cursor);
        }
    }
}

/// What a web node would count (webnode/slot/worker_counters.hpp).
void NodeProcess::count_shown(IdNumber id) {
    const std::uint32_t streams = streams_of_id_[id];
    if (streams == 0) {
        ++ledger_.unclaimed;
        return;
    }
    Random& random = world().more_random();
    ++ledger_.shown;
    ledger_.chunks_given += streams;
    (random.chance(kWaitsPerMille) ? ledger_.chunks_waiting : ledger_.chunks_written) += streams;
    if (random.chance(kReadsPerMille)) {
        ledger_.chunks_written += std::exchange(ledger_.chunks_waiting, 0);
    }
}

void NodeProcess::for_each_login(const std::function<void(std::string_view id)>& visit) const {
    for (IdNumber id = 0; id < streams_of_id_.size(); ++id) {
        if (holds(id)) {
            visit(promises_.ids()[id]);
        }
    }
}

void NodeProcess::on_feed_begun(const wire::HistoryTerms& history, bool is_first) {
    with_history_ =
        history.epoch == 0 ? history::Patterns() : history::Patterns::from_text(history.patterns);
    catch_all_up(is_first ? history::Cursor{} : cursor_);
    cursor_ = {history.epoch, history.position};
}

void NodeProcess::on_live(std::string_view /*broker_name*/) {
    listening_ = true;
    catch_up_.on_live();
    if (world().tracing()) {
        world().note(fmt::format("    {}: live", name()));
    }
}

void NodeProcess::on_lost() {
    catch_up_.on_lost();
    if (world().tracing()) {
        world().note(fmt::format("    {}: lost the broker", name()));
    }
}

void NodeProcess::on_gap(const session::Gap& gap) {
    if (gap.reason == session::Gap::Reason::kCutOff && !std::exchange(is_cut_off_, false)) {
        world().violate(name() + " says that it was cut off, and has its feed");
    }
    if (gap.reason == session::Gap::Reason::kShed) {
        catch_all_up(cursor_);
    }
    if (gap.reason == session::Gap::Reason::kCutOff) {
        streams_cut_off_ = streams_.size();
    }
}

void NodeProcess::on_refused(wire::ErrorCode code, std::string_view /*text*/) {
    const bool is_expected =
        code == wire::ErrorCode::kReplaced || code == wire::ErrorCode::kOverloaded;
    if (!is_expected) {
        world().violate(fmt::format("{} was refused: {}", name(), wire::name_of(code)));
    }
}

void NodeProcess::on_no_feed(std::string_view text) {
    world().violate(fmt::format("{} cannot connect to its feed: {}", name(), text));
}

} // namespace zcomet::sim
