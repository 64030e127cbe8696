// bench-router: messages from a sender through a broker to a node, without HTTP. A run has two
// processes of this program, one for each role; each prints one line of JSON when all messages have
// passed.
#include "test/bench/link_loop.hpp"
#include "topology/base/random.hpp"
#include "topology/link/zmq_socket.hpp"
#include "topology/loop/readable.hpp"
#include "topology/process/heap.hpp"
#include "topology/program/program.hpp"
#include "topology/session/sender_session.hpp"
#include "topology/wire/id.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace zcomet {

namespace {

/// How long either side waits for the other, or for the next message.
constexpr Duration kPatience = 20s;
constexpr Duration kLookInterval = 100ms;
/// Messages between two looks at the clock and the socket.
constexpr int kBurstMax = 256;

struct Options {
    std::string role;
    std::string broker;
    std::uint32_t ids = 1000;
    std::uint64_t count = 1'000'000;
    std::size_t size_bytes = 100;
    bool alone = false;
    bool in_turn = false;
};

/// Front of each payload: the id it is for, and its number among the messages to that id, from 0.
struct Stamp {
    std::uint32_t id = 0;
    std::uint32_t number = 0;
};

std::vector<std::string> make_ids(std::uint32_t count) {
    std::vector<std::string> ids;
    ids.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        ids.push_back(fmt::format("user-{}", i));
    }
    return ids;
}

double own_cpu_s() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// `at` is on the clock that all processes share.
void print_result(const Options& options, Time at) {
    const nlohmann::json result{
        {"messages", options.count},
        {"at_s", std::chrono::duration<double>(at.time_since_epoch()).count()},
        {"cpu_s", own_cpu_s()}};
    fmt::print("{}\n", result.dump());
}

// ---- The node ----------------------------------------------------------------------------------

/// Holds the ids and checks what arrives: each message at its id, in order, none twice or missing.
class Receiver : public session::NodeEvents {
  public:
    explicit Receiver(const Options& options)
        : ids_(make_ids(options.ids)), next_(options.ids, 0) {}

    void deliver(const wire::MessageList& messages) override {
        messages.for_each([this](const wire::Message& message) { check(message); });
        received_ += messages.count();
        last_ = Clock::now();
    }
    void for_each_login(const std::function<void(std::string_view id)>& visit) const override {
        for (const std::string& id : ids_) {
            visit(id);
        }
    }
    std::uint64_t stream_count() const override { return ids_.size(); }
    wire::NodeLedger ledger() const override { return {}; }
    void on_lost() override { throw std::runtime_error("the broker was lost"); }
    void on_refused(wire::ErrorCode /*code*/, std::string_view text) override {
        throw std::runtime_error("the broker refused: " + std::string(text));
    }
    void on_no_feed(std::string_view text) override { throw std::runtime_error(std::string(text)); }

    [[nodiscard]] std::uint64_t received() const { return received_; }
    /// When the last message arrived; before that, when this was made.
    [[nodiscard]] Time last() const { return last_; }

  private:
    void check(const wire::Message& message) {
        Stamp stamp;
        if (message.payload.size() >= sizeof(stamp)) {
            std::memcpy(&stamp, message.payload.data(), sizeof(stamp));
        }
        if (stamp.id >= ids_.size() || message.id != ids_[stamp.id]) {
            throw std::runtime_error(fmt::format("a message for {} is none of ours", message.id));
        }
        if (stamp.number != next_[stamp.id]++) {
            throw std::runtime_error(fmt::format("message {} to {} came instead of number {}",
                                                 stamp.number, message.id, next_[stamp.id] - 1));
        }
    }

    std::vector<std::string> ids_;
    std::vector<std::uint32_t> next_; // number of the next message to each id
    std::uint64_t received_ = 0;
    Time last_ = Clock::now();
};

int run_node(const Options& options) {
    link::LinkContext context;
    Receiver receiver(options);
    auto opened =
        link::Uplink::open(context, receiver, {options.broker}, "bench-node", Clock::now());
    if (!opened.ok()) {
        throw std::runtime_error(opened.error().text);
    }
    std::vector<std::unique_ptr<link::Uplink>> links;
    links.push_back(std::move(opened).value());
    link::Uplink& link = *links.front();
    link.login("user-0"); // makes the whole list due
    bool asked = false;
    const auto check_patience = [&] {
        if (Clock::now() > receiver.last() + kPatience) {
            throw std::runtime_error(
                fmt::format("only {} of {} messages arrived", receiver.received(), options.count));
        }
    };
    serve(links, kLookInterval, [&] {
        check_patience();
        if (link.live() && !asked) {
            link.confirm_logins(Clock::now());
            asked = true;
        }
        return asked && link.logins_applied();
    });
    program::print_ready("bench-router", "");
    serve(links, kLookInterval, [&] {
        check_patience();
        return receiver.received() >= options.count;
    });
    print_result(options, receiver.last());
    return 0;
}

// ---- The sender --------------------------------------------------------------------------------

/// A sender that does not gather waiting messages as the link does: it sends as fast as the window
/// allows.
class Sender : private session::Wires, private session::SenderEvents {
  public:
    Sender(link::LinkContext& context, const Options& options)
        : options_(options), ids_(make_ids(options.ids)), next_(options.ids, 0),
          payload_(std::max(options.size_bytes, sizeof(Stamp)), 'x'),
          dealer_(context, zmq::socket_type::dealer),
          session_(*this, *this, random_u64(), "bench-sender",
                   options.alone ? Duration::zero() : feed::kSenderGatherWindow) {}

    void run() {
        if (const Status connected = dealer_.connect(options_.broker); !connected.ok()) {
            throw std::runtime_error(connected.error().text);
        }
        await_writable();
        session_.start(Clock::now());
        while (!session_.welcomed()) {
            wait();
        }
        const Time start = Clock::now();
        while (sent_ < options_.count) {
            send_burst(Clock::now());
            take_in();
            if (!may_send()) {
                wait();
            }
        }
        session_.flush(Clock::now());
        while (!session_.all_taken_in()) {
            wait();
        }
        session_.goodbye(Clock::now());
        dealer_.linger(std::chrono::milliseconds(1000));
        print_result(options_, start);
    }

  private:
    void send(std::string&& frame) override {
        if (dealer_.send(frame) != link::ZmqSocket::Sent::kOk) {
            throw std::runtime_error("the connection to the broker was lost");
        }
    }
    std::optional<std::string_view> receive() override {
        in_hand_ = dealer_.receive_single();
        return in_hand_ ? std::optional(link::bytes_of(*in_hand_)) : std::nullopt;
    }
    bool connected() override { return dealer_.writable(); }
    void on_lost() override { throw std::runtime_error("the broker was lost"); }
    void on_refused(wire::ErrorCode /*code*/, std::string_view text) override {
        throw std::runtime_error("the broker refused: " + std::string(text));
    }

    void await_writable() {
        const Time deadline = Clock::now() + kPatience;
        while (!dealer_.writable()) {
            static_cast<void>(loop::await_readable(dealer_.fd(), Clock::now() + kLookInterval));
            if (Clock::now() > deadline) {
                throw std::runtime_error("no broker answers at " + options_.broker);
            }
        }
    }
    bool may_send() const {
        return session_.can_send(wire::message_bytes(wire::kIdBytesMax, payload_.size()));
    }
    void send_burst(Time now) {
        for (int i = 0; i < kBurstMax && sent_ < options_.count && may_send(); ++i) {
            const auto id =
                static_cast<std::uint32_t>((options_.in_turn ? sent_ : random_()) % ids_.size());
            const Stamp stamp{id, next_[id]++};
            std::memcpy(payload_.data(), &stamp, sizeof(stamp));
            session_.send(ids_[id], payload_);
            ++sent_;
            if (options_.alone) {
                session_.tick(now);
            }
        }
        session_.tick(now);
    }
    void take_in() {
        while (const auto frame = receive()) {
            session_.on_broker_frame(*frame, Clock::now());
        }
    }
    void wait() {
        if (!dealer_.readable()) {
            static_cast<void>(loop::await_readable(
                dealer_.fd(), std::min(session_.due(), Clock::now() + kLookInterval)));
        }
        take_in();
        session_.tick(Clock::now());
    }

    Options options_;
    std::vector<std::string> ids_;
    std::vector<std::uint32_t> next_; // number of the next message to each id
    std::string payload_;
    std::minstd_rand random_{1};
    std::uint64_t sent_ = 0;
    link::ZmqSocket dealer_;
    std::optional<zmq::message_t> in_hand_; // receive() gave a view of it
    session::SenderSession session_;
};

void add_options(CLI::App& app, Options& options) {
    app.add_option("--role", options.role, "Which side this process is")
        ->required()
        ->check(CLI::IsMember({"node", "sender"}));
    app.add_option("--broker", options.broker, "Address of the broker")
        ->type_name("tcp://HOST:PORT")
        ->required();
    app.add_option("--ids", options.ids, "The node holds N ids; each message goes to a random one")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--count", options.count, "How many messages there are")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--size", options.size_bytes, "Bytes of a message")
        ->type_name("BYTES")
        ->capture_default_str()
        ->check(CLI::Range(sizeof(Stamp), wire::kPayloadBytesMax));
    app.add_flag("--in-turn", options.in_turn,
                 "Each message goes to the next id, not to a random one");
    app.add_flag("--alone", options.alone,
                 "Send each message in a ZeroMQ message of its own; otherwise as all senders do, "
                 "with others that wait");
}

} // namespace

} // namespace zcomet

int main(int argc, char** argv) {
    CLI::App app{"Measures a broker: messages from a sender to a node", "bench-router"};
    zcomet::Options options;
    zcomet::add_options(app, options);
    zcomet::program::add_common_options(app);
    return zcomet::program::run_program(app, argc, argv, [&options] {
        zcomet::process::keep_freed_frames(0);
        if (options.role == "node") {
            return zcomet::run_node(options);
        }
        zcomet::link::LinkContext context;
        zcomet::Sender(context, options).run();
        return 0;
    });
}
