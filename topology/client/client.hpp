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
// A client works only within its calls, so a program that is logged in calls receive() or work() at
// least once a second to stay alive in the broker's eyes. logout() and work() return at once.
// receive() waits for as long as it is told to. connect(), login(), flush() and all that send wait
// until they are done, for at most ClientOptions::timeout at each step. The destructor of the
// process's last client waits for up to a second until its goodbye is sent. A connect() that fails
// and that destructor wait as well for the system's resolver, if it is busy with the broker's name.
//
// Errors: as values. Nothing throws, except that std::bad_alloc may come from any call.
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
    std::string broker = "tcp://127.0.0.1:5555";
    /// Name in the broker's list of nodes, 1 to 64 printable ASCII characters without blanks;
    /// empty: "client-PID-NUMBER".
    std::string name{};
    /// How long a call waits for the broker, at each step: until it has welcomed us, takes a
    /// message, answers.
    Duration timeout = 3s;
};

struct ReceivedMessage {
    std::string id;
    std::string text;
};

class Client {
  public:
    /// Errors: the address is not "tcp://HOST:PORT"; the name is none; the process is out of
    /// descriptors; no broker answers within the timeout; it speaks another protocol version.
    [[nodiscard]] static Result<std::unique_ptr<Client>> connect(const ClientOptions& options);
    ~Client();

    /// Receive what is sent to `id` from now on. Waits until the broker has confirmed that. When it
    /// returns Done, no message sent later is missed. Logging in twice is the same as once. Errors:
    /// not an id; the broker did not answer in time; it has as many ids as it may have, and this
    /// one is not logged in.
    [[nodiscard]] Status login(std::string_view id);
    /// No longer receive what is sent to `id`; all ids without an argument. Not logged in: nothing
    /// happens.
    void logout(std::string_view id);
    void logout();

    /// Passes a message of at most 65,536 bytes to everyone logged in as `id`.
    /// @return the message's number, from 1. Waits up to the timeout while the broker holds us
    /// back. Errors: not an id; too long; the broker is gone or holds us back for longer than the
    /// timeout.
    [[nodiscard]] Result<std::uint64_t> send(std::string_view id, std::string_view text);

    /// As send(), and waits for the broker's receipt. @return how many nodes held the id.
    [[nodiscard]] Result<std::uint32_t> send_with_receipt(std::string_view id,
                                                          std::string_view text);

    /// As send(), and waits until the message has arrived at every node that holds the id, or is
    /// known not to arrive. If the broker is restarted meanwhile it is sent again; each node shows
    /// it once. @return how many nodes have it; 0: nobody held the id.
    [[nodiscard]] Result<std::uint32_t> send_acknowledged(std::string_view id,
                                                          std::string_view text);

    /// The next message to an id of ours, or nothing if none comes within `timeout`; at once if
    /// there was no login() yet. What comes before it is asked for is kept, without a bound.
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
