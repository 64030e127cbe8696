// The client library: log in as ids and receive, send to ids; the calls of the 2008 router, from
// C++.
//
//     auto client = zcomet::Client::connect({.broker = "tcp://127.0.0.1:5555"});
//     if (!client.ok()) { … client.error().text … }
//     client.value()->login("123");
//     client.value()->send("456", "hello");
//     while (auto message = client.value()->receive(1s)) { … message->id, message->text … }
//
// Thread: a Client belongs to the thread that made it. Two threads want two clients.
//
// A client works only within its calls. A program that is logged in must call receive() or work()
// at least once a second, or the broker takes it for dead. logout() and work() return at once.
// receive() waits up to its timeout. connect(), login(), flush() and the send calls wait until they
// are done, for at most ClientOptions::timeout at each step. The destructor of the process's last
// client waits up to a second until its goodbye is sent. A connect() that fails and that destructor
// wait as well for the system's resolver, if it is busy with the broker's name.
//
// Errors: as values. Nothing throws, except that any call may throw std::bad_alloc.
#pragma once

#include "topology/base/result.hpp"
#include "topology/base/time.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace zcomet::client {

struct ClientOptions {
    /// HOST:PORT, with or without "tcp://" in front. Of several brokers of one cluster all, with
    /// spaces between them, each by the name that it has there: NAME=HOST:PORT (zcomet(7)).
    std::string broker = "tcp://127.0.0.1:5555";
    /// Name in the broker's list of nodes, 1 to 64 printable ASCII characters without blanks;
    /// empty: "client-PID-NUMBER".
    std::string name{};
    /// The key file by which the broker knows us (zcomet-ctl keys new); empty: the one that
    /// ZCOMET_KEY names in the environment, or none. A broker without keys wants none.
    std::string key{};
    /// How long a call waits for the broker at each step: to be welcomed, to have a message taken,
    /// to get an answer.
    Duration timeout = 3s;
    /// Of several brokers: how many of them know an id, 1 to 4.
    std::uint32_t replicas = 2;
    /// Of several brokers: how long one may say nothing before messages go to another one, 100 ms
    /// to a minute. One whose port refuses is given up after a tenth of a second.
    Duration failover = 1s;
};

struct ReceivedMessage {
    std::string id;
    std::string text;
    std::string event; ///< its name, where the sender gave one
};

/// What became of a message that was sent.
struct Sent {
    std::optional<std::uint32_t> nodes{}; ///< a number of them; nothing: it is not known
    /// Where a stream goes on after it, if the broker keeps the message; else empty.
    std::string cursor{};
};

class Client {
  public:
    /// Errors: the broker's address is malformed; the name is invalid; the key file is
    /// none, or others may read it; the process is out of descriptors; no broker answers within the
    /// timeout; it speaks another protocol version.
    [[nodiscard]] static Result<std::unique_ptr<Client>> connect(const ClientOptions& options);
    ~Client();

    /// Receive what is sent to `id` from now on. Waits until the broker has confirmed that. When it
    /// returns Done, no message sent later is missed. Logging in twice is the same as once. Errors:
    /// not an id; the broker did not answer in time; it has no room for another id, and this one is
    /// not logged in.
    [[nodiscard]] Status login(std::string_view id);
    /// No longer receive what is sent to `id`, or to any id without an argument. Does nothing for
    /// an id that is not logged in.
    void logout(std::string_view id);
    void logout();

    /// Passes a message of at most 65,536 bytes to everyone logged in as `id`.
    /// @param event  says which kind of event this is: pages hear it by addEventListener(event).
    ///     A line of at most 128 bytes of UTF-8; empty: a plain message.
    /// @return the message's number, from 1. Waits up to the timeout while the broker holds us
    /// back. Errors: not an id; too long; not an event; the broker is gone or holds us back for
    /// longer than the timeout.
    [[nodiscard]] Result<std::uint64_t> send(std::string_view id, std::string_view text,
                                             std::string_view event = {});

    /// As send(), and waits for the broker's receipt. @return how many nodes held the id; nothing
    /// if the broker does not know. Errors: also, the key may not send to the id.
    [[nodiscard]] Result<Sent> send_with_receipt(std::string_view id, std::string_view text,
                                                 std::string_view event = {});

    /// As send(), and waits until the message has arrived at every node that holds the id, or is
    /// known not to arrive. If the broker is restarted meanwhile the message is sent again; each
    /// node shows it once. @return how many nodes have it; 0: no node held the id. Nothing: it was
    /// sent again, no node holds the id now, and nobody knows whether the first copy had arrived.
    [[nodiscard]] Result<Sent> send_acknowledged(std::string_view id, std::string_view text,
                                                 std::string_view event = {});

    /// The next message to one of our ids, or nothing if none comes within `timeout`; nothing at
    /// once if there was no login() yet. Messages that were not asked for yet are kept, without a
    /// bound.
    [[nodiscard]] std::optional<ReceivedMessage> receive(Duration timeout);

    /// Sends and receives what is due, without waiting. Of a flood it leaves the rest to the next
    /// call.
    void work();

    /// Waits until the broker has taken in everything sent. Errors: not within the timeout.
    [[nodiscard]] Status flush();

  private:
    class State;
    explicit Client(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

} // namespace zcomet::client
