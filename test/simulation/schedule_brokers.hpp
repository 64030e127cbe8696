// One run of a cluster of several brokers: rounds of streams, messages and faults, each followed by
// peace, in which everything must come right. In the end one broker goes, and messages have to flow
// again in time.
#pragma once

#include "test/simulation/calm_brokers.hpp"
#include "test/simulation/profile_brokers.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace zcomet::sim {

class BrokersSchedule {
  public:
    /// @param seed  decides everything that happens.
    BrokersSchedule(std::uint64_t seed, bool tracing);

    /// Runs it to its end, or to the first broken promise: world().violation().
    void run();
    [[nodiscard]] World& world() { return world_; }

  private:
    void run_round();
    void act();
    void post_burst();
    void make_peace();
    void wait_for_calm();
    void probe();
    void fail_over_in_peace();
    [[nodiscard]] Duration take_away(std::size_t broker);
    void check_answered(const DispatchProcess& sender, std::size_t without);
    [[nodiscard]] Time last_talk() const;
    [[nodiscard]] BrokersCluster living();

    // Faults: faults_brokers.cpp.
    void inject(Fault fault);
    void harm_links(Fault fault);
    void harm_link(Fault fault, std::size_t broker, const NetworkClient& client, Duration duration);
    void stall_one();
    void end_one(Fault fault);
    void lose_a_host();
    void end_broker(std::size_t broker, Word word);
    void end_node(UplinkProcess& node);
    void end_sender(DispatchProcess& sender, Word word);

    void start_broker(std::size_t broker);
    void start_node(unsigned slot);
    void start_sender(unsigned slot);
    [[nodiscard]] std::size_t any_broker() { return world_.random().below(brokers_.size()); }
    /// nullptr: the one that was drawn is dead.
    [[nodiscard]] UplinkProcess* any_node();
    [[nodiscard]] DispatchProcess* any_sender();
    [[nodiscard]] Duration pause_of_a_restart();

    World world_;
    BrokersProfile profile_;
    cluster::Placement placement_;
    Networks networks_; // by broker
    ClusterPromises promises_;
    BrokerWatch watch_;
    // Processes that ended stay, since events and frames may still name them.
    std::vector<std::unique_ptr<BrokerProcess>> all_brokers_;
    std::vector<std::unique_ptr<UplinkProcess>> all_nodes_;
    std::vector<std::unique_ptr<DispatchProcess>> all_senders_;
    std::vector<BrokerProcess*> brokers_;   // the latest of each
    std::vector<UplinkProcess*> nodes_;     // likewise; nullptr: left out
    std::vector<DispatchProcess*> senders_; // likewise
    bool in_peace_ = false;
};

} // namespace zcomet::sim
