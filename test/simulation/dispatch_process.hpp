// A simulated sender of several brokers: the sessions and the turns that topology/link/dispatch.cpp
// has, around simulated sockets, with messages to send.
#pragma once

#include "test/simulation/promises_brokers.hpp"
#include "test/simulation/uplink_process.hpp"
#include "topology/session/failover.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::sim {

class DispatchProcess : public Process, private session::SenderEvents {
  public:
    struct Options {
        Duration silence_max = session::Failover::kSilenceMax;
        std::uint64_t repeats_per_mille = 0; ///< of SEND frames: sent twice
    };
    /// The sender's name is "s" and `slot`. It begins to connect.
    DispatchProcess(World& world, const Networks& networks, ClusterPromises& promises,
                    const cluster::BrokerList& list, unsigned slot, const Options& options);
    ~DispatchProcess() override;

    /// As Dispatch::use(), if the list is newer.
    void use(const cluster::BrokerList& list);
    /// Of the list that the brokers were told of.
    [[nodiscard]] std::uint64_t told_version() const { return told_.version; }

    /// Sends a message as soon as it may. Messages to other ids need not wait for it.
    void post(IdNumber id, std::size_t filler_bytes, wire::Confirm confirm);
    /// Asks who holds the id.
    void ask(IdNumber id);
    void crash(Word word);
    void stop_faults() { options_.repeats_per_mille = 0; }

    [[nodiscard]] ClusterPromises::Sender& account() const { return account_; }
    [[nodiscard]] unsigned slot() const { return slot_; }
    [[nodiscard]] const session::Failover& failover() const { return failover_; }
    /// Whether all brokers can be used, and nothing waits or is unanswered.
    [[nodiscard]] bool is_ready() const;
    /// Its end of the network with that broker. nullptr: there is none.
    [[nodiscard]] const NetworkClient* client(std::size_t broker) const;

  private:
    class Link;
    struct Post {
        std::size_t filler_bytes = 0;
        wire::Confirm confirm = wire::Confirm::kNothing;
    };

    void turn() override;
    [[nodiscard]] Time due() const override;
    [[nodiscard]] bool may_send(IdNumber id) const;
    void send_posted();
    void note_sent(std::size_t broker, const std::string& frame);
    void open_links();
    void follow_list();

    void on_receipt(std::uint64_t number, const wire::Outcome& outcome) override;
    void on_acknowledged(std::uint64_t number, const wire::Outcome& outcome) override;
    void on_unknown(std::uint64_t number) override;
    void on_refused(wire::ErrorCode code, std::string_view text) override;

    ClusterPromises& promises_;
    unsigned slot_;
    ClusterPromises::Sender& account_;
    Options options_;
    const Networks& networks_;
    cluster::BrokerSlots slots_;
    wire::ListMark told_;
    session::Failover failover_;
    std::vector<std::unique_ptr<Link>> links_;     // by the number in the broker's name
    std::vector<std::unique_ptr<Link>> old_links_; // frames may still name them
    std::vector<std::deque<Post>> posted_;         // by IdNumber
    std::uint64_t failed_over_before_ = 0;         // as of the last turn
};

} // namespace zcomet::sim
