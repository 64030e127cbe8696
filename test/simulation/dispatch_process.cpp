#include "test/simulation/dispatch_process.hpp"

#include "test/simulation/frame_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

namespace zcomet::sim {

/// As topology/link/sender_link.cpp.
class DispatchProcess::Link final : public NetworkClient, private session::Wires {
  public:
    /// @param slot  the broker's number for the sender; `broker` is the one in its name.
    Link(DispatchProcess& process, std::size_t slot, std::size_t broker, Network& network)
        : process_(process), broker_(broker), network_(network),
          session_(*this, process.failover_.events_of(slot), process.world().random().next() | 1U,
                   process.process_name()),
          turn_(session_, *this, watch_), dealer_(network.connect(*this, Socket::kDealer)) {}

    [[nodiscard]] session::SenderSession& session() { return session_; }
    void receive(Time now) { turn_.receive(now); }
    [[nodiscard]] Time due() const {
        const bool connected_since = watch_.awaits_connection() && Network::connected(dealer_);
        return connected_since || !from_broker_.empty() ? Time::min() : session_.due();
    }
    void end(Word word, bool lingering) { network_.client_dies(*this, word, lingering); }

    [[nodiscard]] const std::string& name() const override { return process_.process_name(); }
    [[nodiscard]] wire::Role role() const override { return wire::Role::kSender; }

  private:
    void on_arrival(Socket /*socket*/, std::string frame) override {
        from_broker_.push_back(std::move(frame));
        process_.on_input();
    }
    void on_connection() override { process_.on_input(); }

    void send(std::string&& frame) override {
        process_.note_sent(broker_, frame);
        const bool is_send =
            static_cast<wire::Kind>(frame[wire::kHeaderBytes - 1]) == wire::Kind::kSend;
        if (is_send && process_.world().random().chance(process_.options_.repeats_per_mille)) {
            process_.world().count(Fault::kRepeatedSend, name());
            process_.note_sent(broker_, frame);
            network_.send(dealer_, frame);
        }
        if (network_.send(dealer_, std::move(frame))) {
            watch_.took();
        } else {
            watch_.refused();
        }
    }
    [[nodiscard]] std::optional<std::string_view> receive() override {
        if (from_broker_.empty()) {
            return std::nullopt;
        }
        in_hand_ = std::move(from_broker_.front());
        from_broker_.pop_front();
        return in_hand_;
    }
    [[nodiscard]] bool connected() override { return Network::connected(dealer_); }

    DispatchProcess& process_;
    std::size_t broker_;
    Network& network_;
    session::SenderSession session_;
    session::ConnectionWatch watch_;
    session::SenderTurn turn_;
    Network::Link& dealer_;
    std::deque<std::string> from_broker_;
    std::string in_hand_; // the frame whose view receive() gave
};

DispatchProcess::DispatchProcess(World& world, const Networks& networks, ClusterPromises& promises,
                                 const cluster::BrokerList& list, unsigned slot,
                                 const Options& options)
    : Process(world, fmt::format("s{}", slot)), promises_(promises), slot_(slot),
      account_(promises.add_sender()), options_(options), networks_(networks), slots_(list),
      told_(list.mark()), failover_(*this, slots_.senders(), options.silence_max),
      links_(networks.size()), posted_(promises.ids().size()) {
    open_links();
}

void DispatchProcess::open_links() {
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
        const std::size_t broker = number_of(slots_[slot]);
        if (slots_.is_listed(slot) && links_[broker] == nullptr) {
            links_[broker] = std::make_unique<Link>(*this, slot, broker, *networks_[broker]);
            session::SenderSession& session = links_[broker]->session();
            failover_.use(slot, session);
            session.use_list(told_);
            session.start(world().now());
            wake(session.due());
        }
    }
}

void DispatchProcess::use(const cluster::BrokerList& list) {
    if (!alive() || list.version <= slots_.list().version) {
        return;
    }
    if (const Status used = slots_.use(list); !used.ok()) {
        return world().violate(fmt::format("{}: {}", process_name(), used.error().text));
    }
    failover_.change(slots_.senders());
    open_links();
    on_input();
}

/// As in Dispatch::turn().
void DispatchProcess::follow_list() {
    if (told_ != slots_.mark() && failover_.has_moved()) {
        told_ = slots_.mark();
        for (const auto& link : links_) {
            if (link != nullptr) {
                link->session().tell_list(told_, world().now());
            }
        }
    }
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
        std::unique_ptr<Link>& link = links_[number_of(slots_[slot])];
        if (link != nullptr && !slots_.is_listed(slot) && failover_.is_idle(slot)) {
            failover_.retire(slot);
            link->session().goodbye(world().now());
            link->end(Word::kSoon, true);
            old_links_.push_back(std::move(link));
        }
    }
}

DispatchProcess::~DispatchProcess() = default;

void DispatchProcess::post(IdNumber id, std::size_t filler_bytes, wire::Confirm confirm) {
    posted_[id].push_back({filler_bytes, confirm});
    on_input();
}

void DispatchProcess::ask(IdNumber id) {
    const std::string& name = promises_.ids()[id];
    if (failover_.has_broker(name)) {
        failover_.ask(name, wire::Query{1, "who", name});
    }
}

void DispatchProcess::crash(Word word) {
    die();
    for (const auto& link : links_) {
        if (link != nullptr) {
            link->end(word, false);
        }
    }
}

// ---- The loop ----------------------------------------------------------------------------------

/// As Dispatch::turn(), after the program's own work.
void DispatchProcess::turn() {
    const Time now = world().now();
    send_posted();
    for (const auto& link : links_) {
        if (link != nullptr) {
            link->receive(now);
        }
    }
    failover_.tick(now);
    follow_list();
    for (const auto& link : links_) {
        if (link != nullptr) {
            link->session().tick(now);
        }
    }
    world().totals().failed_over +=
        failover_.failed_over() - std::exchange(failed_over_before_, failover_.failed_over());
}

Time DispatchProcess::due() const {
    Time due = kNever;
    for (IdNumber id = 0; id < posted_.size(); ++id) {
        due = may_send(id) ? Time::min() : due;
    }
    for (const auto& link : links_) {
        due = link == nullptr ? due : std::min(due, link->due());
    }
    return due;
}

bool DispatchProcess::may_send(IdNumber id) const {
    if (posted_[id].empty()) {
        return false;
    }
    const std::string& name = promises_.ids()[id];
    const std::size_t payload_bytes = sizeof(std::uint64_t) + posted_[id].front().filler_bytes;
    return failover_.can_send(name, wire::message_bytes(name.size(), payload_bytes));
}

void DispatchProcess::send_posted() {
    for (IdNumber id = 0; id < posted_.size(); ++id) {
        for (; may_send(id); posted_[id].pop_front()) {
            const Post& post = posted_[id].front();
            const std::uint64_t ticket = failover_.send(
                promises_.ids()[id], make_payload(promises_.next_message(), post.filler_bytes),
                post.confirm, {});
            promises_.on_sent(account_, ticket, id, post.confirm, slots_.size() > 1);
        }
    }
}

bool DispatchProcess::is_ready() const {
    return told_ == slots_.mark() && failover_.unacknowledged() == 0 &&
           failover_.not_taken_in() == 0 &&
           std::all_of(posted_.begin(), posted_.end(),
                       [](const std::deque<Post>& posts) { return posts.empty(); }) &&
           std::all_of(links_.begin(), links_.end(), [](const auto& link) {
               return link == nullptr || link->session().is_ready();
           });
}

const NetworkClient* DispatchProcess::client(std::size_t broker) const {
    return links_[broker].get();
}

// ---- What the sessions tell ---------------------------------------------------------------------

void DispatchProcess::note_sent(std::size_t broker, const std::string& frame) {
    const auto decoded = wire::decode(frame);
    if (const auto* send = std::get_if<wire::Send>(&std::get<wire::Frame>(decoded))) {
        promises_.on_frame_sent(account_, broker, *send);
    }
}

void DispatchProcess::on_receipt(std::uint64_t number, const wire::Outcome& outcome) {
    promises_.on_receipt(account_, number, outcome);
}

void DispatchProcess::on_acknowledged(std::uint64_t number, const wire::Outcome& outcome) {
    promises_.on_acknowledged(account_, number, outcome);
}

void DispatchProcess::on_unknown(std::uint64_t number) {
    promises_.on_unknown(account_, number);
}

void DispatchProcess::on_refused(wire::ErrorCode code, std::string_view /*text*/) {
    world().violate(fmt::format("{} was refused: {}", process_name(), wire::name_of(code)));
}

} // namespace zcomet::sim
