// One run of a cluster: rounds of streams, messages and faults, each followed by peace, in which
// everything must come right.
#pragma once

#include "test/simulation/calm.hpp"
#include "test/simulation/profile.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace zcomet::sim {

class Schedule {
  public:
    /// @param seed  decides everything that happens.
    Schedule(std::uint64_t seed, bool tracing);

    /// Runs it to its end, or to the first broken promise: world().violation().
    void run();
    [[nodiscard]] World& world() { return world_; }

  private:
    void run_round();
    void act();
    void post_burst();
    void post_copy();
    void open_first_streams();
    void make_peace();
    void wait_for_calm();
    void probe();
    void break_in_peace();
    [[nodiscard]] bool greets_after_break(const NodeProcess& node);
    void crawl();
    [[nodiscard]] Cluster living();

    // Faults: faults.cpp.
    void inject(Fault fault);
    void cut(bool one_way);
    void break_a_connection(Fault fault);
    void stall_one();
    void end_one(Fault fault);
    void lose_a_host();
    void take_a_name();
    void forge_hello();
    void intrude();

    void start_broker();
    void start_node(unsigned slot);
    void start_sender(unsigned slot);
    void end_broker(Word word);
    void end_node(NodeProcess& node, Word word);
    void end_sender(SenderProcess& sender, Word word);
    [[nodiscard]] NodeProcess* any_node();
    [[nodiscard]] SenderProcess* any_sender();
    [[nodiscard]] NetworkClient* any_client();
    [[nodiscard]] Duration pause_of_a_restart();

    World world_;
    Profile profile_;
    Network network_;
    Promises promises_;
    // Processes that ended stay, since events and frames may still name them.
    std::vector<std::unique_ptr<BrokerProcess>> all_brokers_;
    std::vector<std::unique_ptr<NodeProcess>> all_nodes_;
    std::vector<std::unique_ptr<SenderProcess>> all_senders_;
    BrokerProcess* broker_ = nullptr;
    std::vector<NodeProcess*> nodes_;     // the latest of each name; nullptr: left out
    std::vector<SenderProcess*> senders_; // likewise
    bool in_peace_ = false;
};

} // namespace zcomet::sim
