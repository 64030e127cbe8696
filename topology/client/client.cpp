#include "topology/client/client.hpp"

#include "topology/base/text.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/cluster/broker_list.hpp"
#include "topology/history/cursor.hpp"
#include "topology/link/dispatch.hpp"
#include "topology/link/peer_key.hpp"
#include "topology/link/query.hpp"
#include "topology/link/uplink.hpp"
#include "topology/loop/loop.hpp"
#include "topology/wire/attributes.hpp"
#include "topology/wire/id.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <exception>
#include <iterator>
#include <mutex>
#include <optional>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

namespace zcomet::client {

namespace {

/// One ZeroMQ context for all clients of the process, alive as long as one of them is. Each client
/// has its own key.
std::shared_ptr<link::LinkContext> shared_context() {
    static std::mutex mutex;
    static std::weak_ptr<link::LinkContext> weak;
    const std::lock_guard lock(mutex);
    std::shared_ptr<link::LinkContext> context = weak.lock();
    if (!context) {
        context = std::make_shared<link::LinkContext>();
        weak = context;
    }
    return context;
}

std::string default_name() {
    static std::atomic<unsigned> number{0};
    return "client-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
}

/// Those between the spaces; one that is empty if there are none.
std::vector<std::string> words_in(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> words{std::istream_iterator<std::string>(stream), {}};
    return words.empty() ? std::vector<std::string>(1) : words;
}

/// What a client may need at once. libzmq ends the process when it finds no descriptors for what
/// its threads wait with.
constexpr std::size_t kDescriptorsOfClient = 24;

bool has_descriptors() {
    std::array<UniqueFd, kDescriptorsOfClient> probes;
    return std::all_of(probes.begin(), probes.end(), [](UniqueFd& probe) {
        probe.reset(::eventfd(0, EFD_CLOEXEC));
        return probe.valid();
    });
}

/// Turns of the link that one work() gives it. A link receives up to 64 batches in a turn, so a
/// flood of messages keeps a caller for some 4,000 batches at most.
/// @limit turns of a client's link within one call of work()
constexpr int kTurnsOfWork = 64;

/// What ZeroMQ or a loop throws, being out of something, becomes an Error.
/// @param call  may open sockets; returns a Result.
template <typename Call> auto without_throwing(Call&& call) -> decltype(call()) {
    try {
        return call();
    } catch (const std::exception& error) {
        return Error{std::string("the client cannot reach its broker: ") + error.what()};
    }
}

} // namespace

class Client::State : private session::NodeEvents, private session::SenderEvents {
  public:
    State(ClientOptions options, cluster::BrokerList brokers, link::Security security)
        : options_(std::move(options)), brokers_(std::move(brokers)), shared_(shared_context()),
          context_(std::move(security), *shared_) {
        if (options_.name.empty()) {
            options_.name = default_name();
        }
    }

    ~State() override {
        // Without memory for a GOODBYE, the broker misses us after its liveness time.
        try {
            const Time now = Clock::now();
            if (node_) {
                node_->close(now);
            }
            if (sender_) {
                sender_->close(now);
            }
        } catch (const std::exception&) { // NOLINT(bugprone-empty-catch)
        }
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    /// Of several brokers some may be away, so nothing is known before the first call.
    Status reach_broker() {
        if (brokers_.brokers.size() > 1) {
            return Done{};
        }
        const Result<Duration> reached =
            link::ping_broker(context_, brokers_.brokers.front().endpoint, options_.timeout);
        return reached.ok() ? Status(Done{}) : Status(reached.error());
    }

    Status login(std::string_view id) {
        if (!wire::valid_id(id)) {
            return Error{wire::why_invalid_id(id)};
        }
        if (Status live = become_node(); !live.ok()) {
            return live;
        }
        const bool is_new = ids_.emplace(id).second;
        if (is_new) {
            node_->login(id);
        }
        node_->confirm_logins(Clock::now());
        Status applied =
            wait_until([this] { return node_->logins_applied(); }, "did not apply the login");
        if (is_new && !applied.ok() && node_->logins_refused()) {
            logout(id); // or it would be logged in later, after this call has failed
        }
        return applied;
    }

    void logout(std::string_view id) {
        if (const auto held = ids_.find(id); held != ids_.end()) {
            ids_.erase(held);
            node_->logout(id);
            work();
        }
    }

    void logout_all() {
        for (const std::string& id : ids_) {
            node_->logout(id);
        }
        ids_.clear();
        work();
    }

    Result<std::uint64_t> send(std::string_view id, std::string_view text, std::string_view event,
                               wire::Confirm confirm) {
        if (!wire::valid_id(id)) {
            return Error{wire::why_invalid_id(id)};
        }
        if (text.size() > wire::kPayloadBytesMax) {
            return Error{"the message has " + std::to_string(text.size()) +
                         " bytes; a message has at most 65536"};
        }
        if (std::string why; !event.empty() && !(why = wire::why_no_event(event)).empty()) {
            return Error{std::move(why)};
        }
        const std::string attributes = wire::encode(wire::Attributes{.event = event});
        const std::size_t bytes = wire::message_bytes(id.size(), text.size(), attributes.size());
        if (Status able = become_able_to_send(id, bytes); !able.ok()) {
            return able.error();
        }
        const std::uint64_t number = sender_->send(id, text, confirm, attributes);
        asked_number_ = number; // the answer may come at once
        turn_sender(Clock::now());
        return number;
    }

    /// Sends, and waits for the answer; `complaint` says what is missing without it.
    Result<Sent> ask(std::string_view id, std::string_view text, std::string_view event,
                     wire::Confirm confirm, const char* complaint) {
        outcome_.reset();
        const Result<std::uint64_t> number = send(id, text, event, confirm);
        if (!number.ok()) {
            return number.error();
        }
        const Status got = wait_until([this] { return outcome_.has_value(); }, complaint);
        if (!got.ok()) {
            return got.error();
        }
        if (outcome_->refusal == wire::Outcome::Refusal::kNotAllowed) {
            return Error{"the broker does not let this key send to that id"};
        }
        Sent sent{.nodes = outcome_->nodes};
        if (outcome_->position != 0) {
            sent.cursor = history::text_of({outcome_->epoch, outcome_->position});
        }
        return sent;
    }

    std::optional<ReceivedMessage> receive(Duration timeout) {
        if (node_) {
            loop_.run_until([this] { return !received_.empty(); },
                            loop::time_after(Clock::now(), timeout));
        }
        work();
        if (received_.empty()) {
            return std::nullopt;
        }
        ReceivedMessage message = std::move(received_.front());
        received_.pop_front();
        return message;
    }

    Status flush() {
        if (!sender_) {
            return Done{};
        }
        sender_->flush(Clock::now());
        return wait_until([this] { return sender_->all_taken_in(); },
                          "did not take in everything that was sent");
    }

    void work() {
        const Time now = Clock::now();
        if (node_) {
            turn_node(now);
        }
        if (sender_) {
            turn_sender(now);
        }
    }

  private:
    /// Until nothing waits, or for as many turns as it may have: the next call goes on. The
    /// descriptors may stay silent about what is left.
    void turn_node(Time now) {
        for (int turns = 0; node_->turn(now); ++turns) {
            if (turns == kTurnsOfWork - 1) {
                loop_.wake(*node_);
                return;
            }
        }
    }
    /// As turn_node(). A sender hears little, so one turn is enough.
    void turn_sender(Time now) {
        if (sender_->turn(now)) {
            loop_.wake(*sender_);
        }
    }
    void deliver(const wire::MessageList& messages) override {
        messages.for_each([this](const wire::Message& message) {
            if (ids_.contains(message.id)) {
                ++ledger_.shown;
                const wire::Attributes attributes = wire::read_attributes(message.attributes);
                received_.push_back({std::string(message.id), std::string(message.payload),
                                     std::string(attributes.event)});
            } else {
                ++ledger_.unclaimed; // it was under way when its id logged out
            }
        });
    }
    void for_each_login(const std::function<void(std::string_view id)>& visit) const override {
        std::for_each(ids_.begin(), ids_.end(), visit);
    }
    std::uint64_t stream_count() const override { return ids_.size(); }
    std::optional<std::uint64_t> streams_of(std::string_view id) const override {
        return ids_.contains(id) ? 1 : 0;
    }
    wire::NodeLedger ledger() const override { return ledger_; }
    void on_refused(wire::ErrorCode /*code*/, std::string_view text) override {
        wrong_ = "refused: " + std::string(text);
    }
    void on_no_broker(std::string_view text) override {
        if (brokers_.brokers.size() > 1) {
            return; // another one may be there
        }
        wrong_ = "cannot be reached: " + std::string(text);
    }
    void on_no_feed(std::string_view text) override {
        wrong_ = "names a feed that cannot be had: " + std::string(text);
    }
    void on_receipt(std::uint64_t number, const wire::Outcome& outcome) override {
        on_outcome(number, outcome);
    }
    void on_acknowledged(std::uint64_t number, const wire::Outcome& outcome) override {
        on_outcome(number, outcome);
    }
    void on_unknown(std::uint64_t number) override { on_outcome(number, {}); }

    Status become_node() {
        if (!node_) {
            auto opened =
                link::Uplink::open(context_, *this, brokers_, options_.name, Clock::now());
            if (!opened.ok()) {
                return opened.error();
            }
            drive(node_, std::move(opened).value());
        }
        return wait_until([this] { return node_->live(); }, "did not open a feed");
    }

    Status become_able_to_send(std::string_view id, std::size_t message_bytes) {
        if (!sender_) {
            auto opened = link::Dispatch::open(context_, *this, brokers_, options_.name,
                                               Clock::now(), options_.failover);
            if (!opened.ok()) {
                return opened.error();
            }
            drive(sender_, std::move(opened).value());
        }
        return wait_until([&] { return sender_->can_send(id, message_bytes); }, "holds us back");
    }

    /// From now on the loop drives `link`, which `place` holds. Throws std::system_error if the
    /// kernel has no room for its descriptors: then the link is gone, and the client as before.
    template <typename Link> void drive(std::unique_ptr<Link>& place, std::unique_ptr<Link> link) {
        loop_.add(*link, loop::Order::kBroker);
        place = std::move(link);
    }

    /// A receipt or an acknowledgement.
    void on_outcome(std::uint64_t number, const wire::Outcome& outcome) {
        if (number == asked_number_) {
            outcome_ = outcome;
        }
    }

    /// Works until `reached` holds. Errors: not within the timeout.
    template <typename Reached> Status wait_until(Reached reached, const char* complaint) {
        wrong_.clear();
        work();
        loop_.run_until([&] { return reached() || !wrong_.empty(); },
                        loop::time_after(Clock::now(), options_.timeout));
        if (reached()) {
            return Done{};
        }
        if (!wrong_.empty()) {
            return Error{"the broker at " + brokers_.text() + " " + wrong_};
        }
        return Error{"the broker at " + brokers_.text() + " " + complaint + " in time"};
    }

    ClientOptions options_;
    cluster::BrokerList brokers_;
    std::shared_ptr<link::LinkContext> shared_; // by the clients of the process
    link::LinkContext context_;
    loop::Loop loop_; // of the two links
    std::unique_ptr<link::Uplink> node_;
    std::unique_ptr<link::Dispatch> sender_;
    std::set<std::string, std::less<>> ids_;
    std::deque<ReceivedMessage> received_;
    wire::NodeLedger ledger_;
    std::uint64_t asked_number_ = 0;       // of the message whose answer is awaited
    std::optional<wire::Outcome> outcome_; // of that message
    std::string wrong_;                    // what the broker did, if it is of no use
};

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}

Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::connect(const ClientOptions& options) {
    if (!options.name.empty() && !is_printable_name(options.name, wire::kNameBytesMax)) {
        return Error{"a client's name has 1 to 64 printable ASCII characters, and no space"};
    }
    if (!has_descriptors()) {
        return Error{"a client needs " + std::to_string(kDescriptorsOfClient) +
                     " more open files than this process may have"};
    }
    if (options.replicas < 1 || options.replicas > cluster::kReplicasMax) {
        return Error{"a client's replicas are 1 to " + std::to_string(cluster::kReplicasMax)};
    }
    if (options.failover < 100ms || options.failover > 1min) {
        return Error{"a client's failover is 100 ms to a minute"};
    }
    const auto brokers = cluster::read_broker_list(words_in(options.broker), options.replicas);
    if (!brokers.ok()) {
        return brokers.error();
    }
    const Result<std::string> key = link::read_peer_key(link::key_file_or_environment(options.key));
    if (!key.ok()) {
        return key.error();
    }
    return without_throwing([&]() -> Result<std::unique_ptr<Client>> {
        auto state =
            std::make_unique<State>(options, brokers.value(), link::security_of_peer(key.value()));
        if (const Status reached = state->reach_broker(); !reached.ok()) {
            return reached.error();
        }
        return std::unique_ptr<Client>(new Client(std::move(state)));
    });
}

Status Client::login(std::string_view id) {
    return without_throwing([&] { return state_->login(id); });
}
void Client::logout(std::string_view id) {
    state_->logout(id);
}
void Client::logout() {
    state_->logout_all();
}

Result<std::uint64_t> Client::send(std::string_view id, std::string_view text,
                                   std::string_view event) {
    return without_throwing([&] { return state_->send(id, text, event, wire::Confirm::kNothing); });
}

Result<Sent> Client::send_with_receipt(std::string_view id, std::string_view text,
                                       std::string_view event) {
    return without_throwing(
        [&] { return state_->ask(id, text, event, wire::Confirm::kReceipt, "gave no receipt"); });
}

Result<Sent> Client::send_acknowledged(std::string_view id, std::string_view text,
                                       std::string_view event) {
    return without_throwing([&] {
        return state_->ask(id, text, event, wire::Confirm::kAcknowledgement,
                           "did not acknowledge the message");
    });
}

std::optional<ReceivedMessage> Client::receive(Duration timeout) {
    return state_->receive(timeout);
}
void Client::work() {
    state_->work();
}
Status Client::flush() {
    return without_throwing([&] { return state_->flush(); });
}

} // namespace zcomet::client
