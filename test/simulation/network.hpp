// A network between one broker and its nodes and senders, as ZeroMQ over TCP shows it to them.
//
// On one connection frames keep their order, and arrive late but whole, until the connection
// breaks. Then the first frames under way still arrive (they had reached the other end), and the
// rest is lost. Each end finds a broken connection in its own time, or by silence after
// kSilenceMax; frames written until then are lost. The connecting end tries again for ever. The
// broker takes the new connection for another peer: it has another routing id and a subscription of
// its own. In addition, the broker's feed may drop any message, and its ROUTER may not take a
// frame.
#pragma once

#include "test/simulation/world.hpp"
#include "topology/wire/frames.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::sim {

enum class Socket : std::uint8_t { kDealer, kSub };
enum class Way : std::uint8_t { kToBroker, kToClient };
/// How an end of a connection learns that the connection is gone.
enum class Word : std::uint8_t { kSoon, kBySilence };

/// A node or a sender, from the network's side.
class NetworkClient {
  public:
    virtual ~NetworkClient() = default;
    [[nodiscard]] virtual const std::string& name() const = 0;
    [[nodiscard]] virtual wire::Role role() const = 0;
    virtual void on_arrival(Socket socket, std::string frame) = 0;
    /// The DEALER has got a connection, or has lost it.
    virtual void on_connection() = 0;
};

class NetworkServer {
  public:
    virtual ~NetworkServer() = default;
    virtual void on_arrival(const std::string& connection, std::string frame) = 0;
    /// @param client  NetworkClient::name().
    virtual void on_subscription(const std::string& client, const std::string& topic,
                                 bool subscribed) = 0;
};

struct NetworkOptions {
    Duration delay_min = 20us;
    Duration delay_max = 2ms;
};
/// Frames that are lost although their connection lives, or that are altered.
struct FrameDrops {
    std::uint64_t feed_per_mille = 0;
    std::uint64_t replies_per_mille = 0;
    /// Of LOGIN and LOGOUT frames, swapped: the broker's table then differs although no number
    /// does.
    std::uint64_t turned_changes_per_mille = 0;
    /// Of the HEARTBEATs of nodes, with one of the counts replaced.
    std::uint64_t lies_per_mille = 0;
    /// Of subscriptions, followed by the end of one that nobody meant: XPUB passes on what any
    /// connection says of any topic.
    std::uint64_t strays_per_mille = 0;
};

class Network {
  public:
    /// ZeroMQ gives up a connection that has been silent for this long (SocketLimits in
    /// topology/link/link_context.hpp).
    static constexpr Duration kSilenceMax = 3s;
    /// How much later the silence may be noticed.
    static constexpr Duration kSilenceLate = 1s;

    struct Connection;
    /// A client's socket: it connects, and connects again, until it is closed.
    struct Link {
        NetworkClient* client = nullptr;
        Socket socket = Socket::kDealer;
        std::string topic; ///< of a SUB
        bool closed = false;
        Connection* connection = nullptr; ///< from the client's side; may be dead already
        std::array<Time, 2> blocked_until{Time::min(), Time::min()}; ///< by Way
    };
    struct Flight {
        Time arrives;
        std::string frame;
    };
    struct Lane {
        std::deque<Flight> flights;
        Time last_arrival = Time::min();
        bool armed = false; ///< whether the next arrival is among the world's events
    };
    struct Connection {
        Link* link = nullptr;
        std::string name; ///< the routing id
        std::uint64_t broker_life = 0;
        bool broken = false;
        bool broker_knows = true; ///< whether the broker's end believes it alive
        bool subscribed = false;
        std::array<Lane, 2> lanes; ///< by Way
    };

    /// @param server  name of the broker, for the trace.
    Network(World& world, const NetworkOptions& options, std::string server = "broker")
        : world_(world), options_(options), server_name_(std::move(server)) {}

    /// A broker begins to listen.
    void serve(NetworkServer& server);
    void broker_dies(Word word);

    /// Begins to connect. The client outlives the network.
    Link& connect(NetworkClient& client, Socket socket, std::string topic = {});
    /// Ends the client's socket; the broker hears of it soon.
    void close(Link& link);
    /// @param lingering  whether everything under way arrives before the connection goes.
    void client_dies(const NetworkClient& client, Word word, bool lingering);

    [[nodiscard]] static bool connected(const Link& link) { return link.connection != nullptr; }
    /// @return false if there is no connection now, which loses the frame.
    bool send(Link& link, std::string frame);
    /// @return false if the ROUTER does not know the connection, or takes no more for it.
    bool send_to_peer(std::string_view connection, std::string frame);
    /// Whether the broker's end believes the connection alive.
    [[nodiscard]] bool is_known(std::string_view connection) {
        return connection_of(connection).broker_knows;
    }
    /// Whose connection it is: NetworkClient::name().
    [[nodiscard]] const std::string& client_of(std::string_view connection) {
        return connection_of(connection).link->client->name();
    }
    /// The same; if so it sends `probe`.
    bool is_connected(std::string_view connection, std::string probe);
    void publish(std::string_view topic, const std::string& frame);

    /// Frames in the given directions wait until `duration` is over.
    void block(Link& link, bool to_broker, bool to_client, Duration duration);
    /// The connection breaks, if there is one.
    void break_connection(Link& link, Word client_word, Word broker_word);
    /// All links of a client that lives, for faults.
    [[nodiscard]] std::vector<Link*> links_of(const NetworkClient& client);
    void drop(const FrameDrops& drops) { drops_ = drops; }
    /// No more faults: nothing is blocked, nothing is dropped.
    void heal();

    /// When a frame other than a heartbeat was last sent.
    [[nodiscard]] Time last_talk() const { return last_talk_; }
    /// Something happened that a process has yet to notice: counts like a frame.
    void note_talk() { last_talk_ = world_.now(); }

  private:
    [[nodiscard]] Connection& connection_of(std::string_view name);
    void attempt_after(Link& link, Duration delay);
    void attempt(Link& link);
    void launch(Connection& connection, Way way, std::string frame);
    void arm(Connection& connection, Way way);
    void arrive(Connection& connection, Way way);
    void hand_over(Connection& connection, Way way, std::string frame);
    void turn_change(const Connection& connection, std::string& frame);
    void lie(const Connection& connection, std::string& frame);
    void subscribe(Connection& connection, const std::string& topic);
    void give_up_if_blocked(Link& link, Connection& connection);
    void sever(Connection& connection, Word client_word, Word broker_word);
    void lose_some(Lane& lane);
    void client_notices(Connection& connection);
    void broker_notices(Connection& connection);
    [[nodiscard]] Duration notice_delay(Word word);
    [[nodiscard]] bool blocked(const Link& link, Way way) const;
    void note_frame(const Connection& connection, Way way, std::string_view event,
                    std::string_view frame) const;

    World& world_;
    NetworkOptions options_;
    std::string server_name_;
    FrameDrops drops_;
    NetworkServer* server_ = nullptr;
    std::uint64_t broker_life_ = 0;
    std::deque<Link> links_;             // never moved: clients hold on to them
    std::deque<Connection> connections_; // likewise; the routing id is the index
    Time last_talk_ = World::kStart;
};

} // namespace zcomet::sim
