#include "test/simulation/sender_process.hpp"

#include "test/simulation/frame_text.hpp"

#include <fmt/format.h>

#include <utility>
#include <variant>

namespace zcomet::sim {

SenderProcess::SenderProcess(World& world, Network& network, Promises& promises, std::string name,
                             const Faults& faults)
    : Process(world, std::move(name)), network_(network), promises_(promises),
      account_(promises.add_sender(world.random().next() | 1U)),
      session_(*this, *this, account_.incarnation, process_name()), turn_(session_, *this, watch_),
      dealer_(network.connect(*this, Socket::kDealer)), faults_(faults) {
    session_.start(world.now());
    wake(session_.due());
}

void SenderProcess::post(const Post& post) {
    posted_.push_back(post);
    on_input();
}

void SenderProcess::crash(Word word) {
    die();
    network_.client_dies(*this, word, false);
}

// ---- The loop ----------------------------------------------------------------------------------

void SenderProcess::turn() {
    const Time now = world().now();
    turn_.receive(now);
    send_posted();
    session_.tick(now);
}

Time SenderProcess::due() const {
    const bool connected_since = watch_.awaits_connection() && Network::connected(dealer_);
    const bool more_waits = !from_broker_.empty();
    return may_send() || connected_since || more_waits ? Time::min() : session_.due();
}

bool SenderProcess::may_send() const {
    if (posted_.empty()) {
        return false;
    }
    const Post& post = posted_.front();
    const std::string payload = make_payload(promises_.first_of(post), post.filler_bytes);
    const std::string attributes = promises_.sent_attributes_of(promises_.first_of(post));
    return session_.can_send(
        wire::message_bytes(promises_.ids()[post.id].size(), payload.size(), attributes.size()));
}

void SenderProcess::send_posted() {
    for (; may_send(); posted_.pop_front()) {
        const Post& post = posted_.front();
        const std::string payload = make_payload(promises_.first_of(post), post.filler_bytes);
        const std::string attributes = promises_.sent_attributes_of(promises_.first_of(post));
        const std::uint64_t number =
            session_.send(promises_.ids()[post.id], payload, post.confirm, attributes);
        promises_.on_sent(account_, number, post);
    }
}

void SenderProcess::on_arrival(Socket /*socket*/, std::string frame) {
    from_broker_.push_back(std::move(frame));
    on_input();
}

// ---- The window, as docs/PROTOCOL.md, section 4.5, has it ---------------------------------------

void SenderProcess::note_credit(const std::string& frame) {
    const auto decoded = wire::decode(frame, wire::Role::kSender);
    std::uint64_t through = 0;
    if (const auto* credit = std::get_if<wire::Credit>(&std::get<wire::Frame>(decoded))) {
        through = credit->through;
    } else if (const auto* heartbeat =
                   std::get_if<wire::Heartbeat>(&std::get<wire::Frame>(decoded))) {
        through = heartbeat->change;
    } else if (const auto* welcome = std::get_if<wire::Welcome>(&std::get<wire::Frame>(decoded))) {
        through = std::get<wire::SenderWelcome>(welcome->part).credited;
    }
    promises_.on_credit(account_, through);
    for (; !under_way_.empty() && under_way_.front().last_number <= through;
         under_way_.pop_front()) {
        under_way_bytes_ -= under_way_.front().bytes;
    }
}

void SenderProcess::note_under_way(const std::string& frame) {
    const auto decoded = wire::decode(frame);
    const auto& send = std::get<wire::Send>(std::get<wire::Frame>(decoded));
    under_way_.push_back({send.first + send.messages.count() - 1, frame.size()});
    under_way_bytes_ += frame.size();
    promises_.on_under_way(under_way_.size(), under_way_bytes_);
}

void SenderProcess::note_sent(const std::string& frame) {
    const auto decoded = wire::decode(frame);
    promises_.on_frame_sent(account_, std::get<wire::Send>(std::get<wire::Frame>(decoded)));
}

// ---- What the session asks for -----------------------------------------------------------------

/// A copy of the frame with a number that the sender has not reached. Its broker cannot tell by the
/// connection that the sender does not mean it.
void SenderProcess::forge(const std::string& frame) {
    const auto kind = static_cast<wire::Kind>(frame[wire::kHeaderBytes - 1]);
    const std::uint64_t jump = std::uint64_t{1} << world().more_random().below(63);
    std::string forged;
    if (kind == wire::Kind::kSend) {
        // The number comes after the flags (docs/PROTOCOL.md, section 4.5).
        constexpr std::size_t kNumberAt = wire::kHeaderBytes + 1;
        forged = frame;
        forged.replace(kNumberAt, sizeof(jump), wire::encode_topic(account_.last_sent + 1 + jump));
    } else if (kind == wire::Kind::kHeartbeat) {
        constexpr std::uint64_t kImpossible = std::uint64_t{1} << 40U;
        forged = wire::encode(wire::Heartbeat{0, kImpossible + jump, 0});
    } else {
        return;
    }
    world().count(Fault::kForgedNumber, name());
    has_forged_ = true;
    network_.send(dealer_, std::move(forged));
}

void SenderProcess::send(std::string&& frame) {
    const bool is_send =
        static_cast<wire::Kind>(frame[wire::kHeaderBytes - 1]) == wire::Kind::kSend;
    if (is_send) {
        note_sent(frame);
        note_under_way(frame);
        if (world().random().chance(faults_.repeats_per_mille)) {
            world().count(Fault::kRepeatedSend, name());
            note_sent(frame);
            network_.send(dealer_, frame);
        }
    }
    const bool forges = world().more_random().chance(faults_.forgeries_per_mille);
    const std::string copy = forges ? frame : std::string();
    if (network_.send(dealer_, std::move(frame))) {
        watch_.took();
    } else {
        watch_.refused();
    }
    if (forges) {
        forge(copy);
    }
}

std::optional<std::string_view> SenderProcess::receive() {
    if (from_broker_.empty()) {
        return std::nullopt;
    }
    in_hand_ = std::move(from_broker_.front());
    from_broker_.pop_front();
    note_credit(in_hand_);
    return in_hand_;
}

void SenderProcess::on_receipt(std::uint64_t number, const wire::Outcome& outcome) {
    promises_.on_receipt(account_, number, outcome);
}

void SenderProcess::on_acknowledged(std::uint64_t number, const wire::Outcome& outcome) {
    promises_.on_acknowledged(account_, number, outcome);
}

/// Frames that were under way to the broker before count as lost.
void SenderProcess::on_welcome(std::string_view /*broker_name*/) {
    under_way_.clear();
    under_way_bytes_ = 0;
}

void SenderProcess::on_refused(wire::ErrorCode code, std::string_view /*text*/) {
    if (code != wire::ErrorCode::kMalformed || !has_forged_) {
        world().violate(fmt::format("{} was refused: {}", name(), wire::name_of(code)));
    }
}

} // namespace zcomet::sim
