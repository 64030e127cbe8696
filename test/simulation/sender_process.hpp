// A simulated sender: the session and the turns that topology/link/sender_link.cpp has, around a
// simulated socket, with messages to send.
#pragma once

#include "test/simulation/network.hpp"
#include "test/simulation/process.hpp"
#include "test/simulation/promises.hpp"
#include "topology/session/sender_session.hpp"
#include "topology/session/turns.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace zcomet::sim {

class SenderProcess : public Process,
                      public NetworkClient,
                      private session::Wires,
                      private session::SenderEvents {
  public:
    /// How often something goes wrong with its frames.
    struct Faults {
        std::uint64_t repeats_per_mille = 0;   ///< of SEND frames: sent twice
        std::uint64_t forgeries_per_mille = 0; ///< of frames: one with a number that jumps follows
    };
    SenderProcess(World& world, Network& network, Promises& promises, std::string name,
                  const Faults& faults);

    /// Sends a message as soon as it may.
    void post(const Post& post);
    void crash(Word word);
    void stop_faults() { faults_ = {}; }

    [[nodiscard]] const SenderAccount& account() const { return account_; }
    [[nodiscard]] const session::SenderSession& session() const { return session_; }
    /// Messages that it may not send yet.
    [[nodiscard]] std::size_t waiting() const { return posted_.size(); }

    [[nodiscard]] const std::string& name() const override { return process_name(); }
    [[nodiscard]] wire::Role role() const override { return wire::Role::kSender; }

  private:
    struct UnderWay {
        std::uint64_t last_number = 0;
        std::size_t bytes = 0;
    };

    void turn() override;
    [[nodiscard]] Time due() const override;
    /// Whether the message that has waited longest may be sent.
    [[nodiscard]] bool may_send() const;
    void send_posted();
    void note_credit(const std::string& frame);
    void note_under_way(const std::string& frame);
    void note_sent(const std::string& frame);
    void forge(const std::string& frame);

    void on_arrival(Socket socket, std::string frame) override;
    void on_connection() override { on_input(); }

    void send(std::string&& frame) override;
    [[nodiscard]] std::optional<std::string_view> receive() override;
    [[nodiscard]] bool connected() override { return Network::connected(dealer_); }
    void on_receipt(std::uint64_t number, const wire::Outcome& outcome) override;
    void on_acknowledged(std::uint64_t number, const wire::Outcome& outcome) override;
    void on_welcome(std::string_view broker_name) override;
    void on_refused(wire::ErrorCode code, std::string_view text) override;

    Network& network_;
    Promises& promises_;
    SenderAccount& account_;
    session::SenderSession session_;
    session::ConnectionWatch watch_;
    session::SenderTurn turn_;
    Network::Link& dealer_;
    Faults faults_;
    bool has_forged_ = false;
    std::deque<std::string> from_broker_;
    std::deque<Post> posted_;
    std::deque<UnderWay> under_way_;
    std::size_t under_way_bytes_ = 0;
    std::string in_hand_; // the frame whose view receive() gave
};

} // namespace zcomet::sim
