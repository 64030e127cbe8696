#include "test/simulation/uplink_process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace zcomet::sim {

namespace {
/// How often a message has to wait for its fate, and for how long at least.
constexpr std::uint64_t kUndecidedPerMille = 300;
constexpr Duration kUndecidedTime = 20ms;
/// How often a chunk has to wait for its stream.
constexpr std::uint64_t kChunkWaitsPerMille = 100;
} // namespace

std::size_t number_of(const cluster::ListedBroker& broker) {
    return static_cast<std::size_t>(std::stoul(broker.name.substr(1)));
}

/// As topology/link/node_link.cpp.
class UplinkProcess::Link final : public NetworkClient,
                                  private session::Wires,
                                  private session::FeedWires {
  public:
    /// @param slot  the broker's number for the node; `broker` is the one in its name.
    Link(UplinkProcess& process, std::size_t slot, std::size_t broker, Network& network)
        : process_(process), broker_(broker), network_(network),
          session_(process.node_, slot, *this, *this, "192.0.2.1"),
          turn_(session_, *this, *this, process, watch_),
          dealer_(network.connect(*this, Socket::kDealer)) {}

    [[nodiscard]] session::NodeSession& session() { return session_; }
    void turn(Time now) { turn_.run(now); }
    [[nodiscard]] Time due() const {
        const bool more_waits =
            !from_broker_.empty() || (process_.can_take() && !from_feed_.empty());
        const bool connected_since = watch_.awaits_connection() && Network::connected(dealer_);
        return more_waits || connected_since ? Time::min() : session_.due();
    }
    void end(Word word, bool lingering) { network_.client_dies(*this, word, lingering); }

    [[nodiscard]] const std::string& name() const override { return process_.process_name(); }
    [[nodiscard]] wire::Role role() const override { return wire::Role::kNode; }

  private:
    void on_arrival(Socket socket, std::string frame) override {
        (socket == Socket::kDealer ? from_broker_ : from_feed_).push_back(std::move(frame));
        process_.on_input();
    }
    void on_connection() override { process_.on_input(); }

    void send(std::string&& frame) override {
        if (network_.send(dealer_, std::move(frame))) {
            watch_.took();
        } else {
            watch_.refused();
        }
    }
    [[nodiscard]] std::optional<std::string_view> receive() override {
        return take(from_broker_, frame_in_hand_);
    }
    [[nodiscard]] bool connected() override { return Network::connected(dealer_); }
    [[nodiscard]] Status connect_feed(const std::string& /*endpoint*/) override {
        if (sub_ != nullptr) {
            network_.close(*sub_);
        }
        sub_ = &network_.connect(*this, Socket::kSub,
                                 wire::encode_topic(process_.node_.incarnation()));
        return Done{};
    }
    [[nodiscard]] std::optional<std::string_view> receive_batch() override {
        process_.broker_in_hand_ = broker_;
        return take(from_feed_, batch_in_hand_);
    }
    [[nodiscard]] bool batch_waits() override { return !from_feed_.empty(); }
    [[nodiscard]] static std::optional<std::string_view> take(std::deque<std::string>& from,
                                                              std::string& in_hand) {
        if (from.empty()) {
            return std::nullopt;
        }
        in_hand = std::move(from.front());
        from.pop_front();
        return in_hand;
    }

    UplinkProcess& process_;
    std::size_t broker_;
    Network& network_;
    session::NodeSession session_;
    session::ConnectionWatch watch_;
    session::NodeTurn turn_;
    Network::Link& dealer_;
    Network::Link* sub_ = nullptr;
    std::deque<std::string> from_broker_;
    std::deque<std::string> from_feed_;
    std::string frame_in_hand_;
    std::string batch_in_hand_;
};

UplinkProcess::UplinkProcess(World& world, const Networks& networks, ClusterPromises& promises,
                             const cluster::BrokerList& list, unsigned slot)
    : Process(world, fmt::format("n{}", slot)), networks_(networks), promises_(promises),
      slot_(slot), account_(promises.add_node()), slots_(list),
      node_(*this, world.random().next() | 1U, process_name(), slots_.logins(), list.mark()),
      links_(networks.size()), streams_of_id_(promises.ids().size(), 0) {
    open_links();
}

void UplinkProcess::open_links() {
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
        const std::size_t broker = number_of(slots_[slot]);
        if (slots_.is_listed(slot) && links_[broker] == nullptr) {
            links_[broker] = std::make_unique<Link>(*this, slot, broker, *networks_[broker]);
            links_[broker]->session().start(world().now());
            wake(links_[broker]->session().due());
        }
    }
}

void UplinkProcess::use(const cluster::BrokerList& list) {
    if (!alive() || list.version <= slots_.list().version) {
        return;
    }
    if (const Status used = slots_.use(list); !used.ok()) {
        return world().violate(fmt::format("{}: {}", process_name(), used.error().text));
    }
    open_links();
    node_.use(slots_.logins(), [this](std::size_t slot, std::string_view id, bool gains) {
        if (gains) {
            link_of(slot)->session().login(id);
        } else if (Link* const link = link_of(slot); link != nullptr) {
            link->session().logout(id);
        }
    });
    leave_unlisted();
    for (const auto& link : links_) {
        if (link != nullptr) {
            link->session().confirm_logins(world().now());
        }
    }
    on_input();
}

void UplinkProcess::leave_unlisted() {
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
        std::unique_ptr<Link>& link = links_[number_of(slots_[slot])];
        if (!slots_.is_listed(slot) && link != nullptr) {
            link->session().goodbye(world().now());
            link->end(Word::kSoon, true);
            old_links_.push_back(std::move(link));
        }
    }
}

/// As Uplink::logins_applied().
bool UplinkProcess::logins_applied() const {
    cluster::BrokerSet applied;
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
        Link* const link = link_of(slot);
        if (link == nullptr) {
            continue;
        }
        applied.set(slot, link->session().logins_applied());
        if (link->session().live() && !link->session().logins_applied()) {
            return false;
        }
    }
    return node_.logins().placement().covers_every_id(applied);
}

UplinkProcess::Link* UplinkProcess::link_of(std::size_t slot) const {
    return links_[number_of(slots_[slot])].get();
}

UplinkProcess::~UplinkProcess() = default;

// ---- The loop ----------------------------------------------------------------------------------

void UplinkProcess::turn() {
    for (const auto& link : links_) {
        if (link != nullptr) {
            link->turn(world().now());
        }
    }
    if (node_.list() != slots_.mark() && logins_applied()) {
        node_.set_list(slots_.mark());
        for (const auto& link : links_) {
            if (link != nullptr) {
                link->session().tell_list(world().now());
            }
        }
    }
    if (settles_at_ <= world().now()) {
        settle_some();
    }
}

Time UplinkProcess::due() const {
    Time due = settles_at_;
    for (const auto& link : links_) {
        due = link == nullptr ? due : std::min(due, link->due());
    }
    return due;
}

bool UplinkProcess::is_ready() const {
    return undecided_.empty() && node_.list() == slots_.mark() &&
           std::all_of(links_.begin(), links_.end(),
                       [](const auto& link) { return link == nullptr || link->session().live(); });
}

const session::NodeSession& UplinkProcess::session(std::size_t broker) const {
    return links_[broker]->session();
}

const NetworkClient* UplinkProcess::client(std::size_t broker) const {
    return links_[broker].get();
}

bool UplinkProcess::can_take() const {
    return busy_until_ <= world().now();
}

void UplinkProcess::be_busy(Duration duration) {
    busy_until_ = world().now() + duration;
    world().at(busy_until_, [this] { on_input(); });
}

void UplinkProcess::end_busy() {
    busy_until_ = Time::min();
    on_input();
}

void UplinkProcess::crash(Word word) {
    die();
    account_.is_alive = false;
    for (const auto& link : links_) {
        if (link != nullptr) {
            link->end(word, false);
        }
    }
}

void UplinkProcess::leave() {
    die();
    account_.is_alive = false;
    for (const auto& link : links_) {
        if (link != nullptr) {
            link->session().goodbye(world().now());
            link->end(Word::kSoon, true);
        }
    }
}

// ---- Streams -----------------------------------------------------------------------------------

void UplinkProcess::open_stream(IdNumber id) {
    if (!listening_ || !alive()) {
        return;
    }
    streams_.push_back(id);
    if (streams_of_id_[id]++ == 0) {
        promises_.on_presence(account_, id);
        for (const std::size_t slot : node_.logins().placement().brokers_of(promises_.ids()[id])) {
            link_of(slot)->session().login(promises_.ids()[id]);
        }
    }
    on_input();
}

void UplinkProcess::close_a_stream() {
    if (streams_.empty() || !alive()) {
        return;
    }
    const IdNumber id =
        std::exchange(streams_[world().random().below(streams_.size())], streams_.back());
    streams_.pop_back();
    ledger_.chunks_dropped += std::exchange(ledger_.chunks_waiting, 0);
    if (--streams_of_id_[id] == 0) {
        promises_.on_presence(account_, id);
        for (const std::size_t slot : node_.logins().placement().brokers_of(promises_.ids()[id])) {
            link_of(slot)->session().logout(promises_.ids()[id]);
        }
    }
    on_input();
}

// ---- What the sessions ask for ------------------------------------------------------------------

void UplinkProcess::deliver(const wire::MessageList& messages) {
    promises_.on_shown(account_, broker_in_hand_, messages);
    messages.for_each([this](const wire::Message& message) {
        undecided_.push_back(promises_.number_of(message.id));
    });
    settle_some();
}

/// Gives messages their fates in the order in which they came, until one has to wait for its own.
void UplinkProcess::settle_some() {
    for (; !undecided_.empty() && !world().random().chance(kUndecidedPerMille);
         undecided_.pop_front()) {
        count_shown(undecided_.front());
    }
    settles_at_ = undecided_.empty() ? kNever : world().now() + kUndecidedTime;
}

/// What a web node would count (webnode/slot/worker_counters.hpp).
void UplinkProcess::count_shown(IdNumber id) {
    const std::uint32_t streams = streams_of_id_[id];
    if (streams == 0) {
        ++ledger_.unclaimed;
        return;
    }
    ++ledger_.shown;
    ledger_.chunks_given += streams;
    const bool waits = world().random().chance(kChunkWaitsPerMille);
    ledger_.chunks_written += waits ? 0 : streams + std::exchange(ledger_.chunks_waiting, 0);
    ledger_.chunks_waiting += waits ? streams : 0;
}

void UplinkProcess::for_each_login(const std::function<void(std::string_view id)>& visit) const {
    for (IdNumber id = 0; id < streams_of_id_.size(); ++id) {
        if (holds(id)) {
            visit(promises_.ids()[id]);
        }
    }
}

/// Frames of a dead process of the same name may arrive after its successor's.
void UplinkProcess::on_refused(wire::ErrorCode code, std::string_view /*text*/) {
    if (code != wire::ErrorCode::kReplaced && code != wire::ErrorCode::kOverloaded) {
        world().violate(fmt::format("{} was refused: {}", process_name(), wire::name_of(code)));
    }
}

void UplinkProcess::on_no_feed(std::string_view text) {
    world().violate(fmt::format("{} cannot connect to its feed: {}", process_name(), text));
}

} // namespace zcomet::sim
