// A program of its own in a Zcomet cluster, by the client library: it logs in as an id, sends three
// messages to it, and prints what it receives. Built with an installed Zcomet by
//
//     c++ -std=c++20 client.cpp $(pkg-config --cflags --libs zcomet) -o client
//
// usage: client [BROKER [ID]]      as in: client tcp://127.0.0.1:5555 example
#include <topology/client/client.hpp>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>

using namespace std::chrono_literals;

namespace {

/// @return the exit status.
int complain(const zcomet::Error& error) {
    std::cerr << "client: " << error.text << "\n";
    return 1;
}

} // namespace

int main(int argc, char** argv) {
    const std::string broker = argc > 1 ? argv[1] : "tcp://127.0.0.1:5555";
    const std::string id = argc > 2 ? argv[2] : "example";

    const auto connected = zcomet::client::Client::connect({.broker = broker});
    if (!connected.ok()) {
        return complain(connected.error());
    }
    zcomet::client::Client& client = *connected.value();
    if (const zcomet::Status done = client.login(id); !done.ok()) {
        return complain(done.error());
    }
    for (int i = 1; i <= 3; ++i) {
        const auto sent = client.send_acknowledged(id, "message " + std::to_string(i));
        if (!sent.ok()) {
            return complain(sent.error());
        }
        const std::optional<std::uint32_t> known = sent.value().nodes;
        std::cout << "arrived at " << (known ? std::to_string(*known) : "?") << " node(s)\n";
    }
    for (int i = 1; i <= 3; ++i) {
        const auto message = client.receive(3s);
        if (!message) {
            std::cerr << "client: nothing came\n";
            return 1;
        }
        std::cout << message->id << ": " << message->text << "\n";
    }
    return 0;
}
