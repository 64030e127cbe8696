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

/// In which a process has a new list of brokers on its host.
inline constexpr Duration kListTime = 2s;

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

    // Changes of the list: list_steps.cpp.
    /// The next step of a change, or the first one, or a step back; nothing while a process has not
    /// taken the last one.
    void change_list();
    void begin_change();
    void take_step(cluster::BrokerList next);
    [[nodiscard]] bool have_all_taken_list() const;
    /// A process learns of the list after a while.
    template <typename Process> void pass_list_on(Process& process, Duration delay);
    void pass_list_on();
    /// What a process finds that starts: its host may not have the newest one yet.
    [[nodiscard]] const cluster::BrokerList& list_on_a_host();
    /// By the numbers in the brokers' names.
    [[nodiscard]] cluster::Placement placed_without(cluster::Change without) const;
    void place();

    // Faults: faults_brokers.cpp.
    void inject(Fault fault);
    void harm_links(Fault fault);
    void harm_link(Fault fault, std::size_t broker, const NetworkClient* client, Duration duration);
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
    cluster::BrokerList list_;       // the newest
    cluster::BrokerList last_list_;  // the one before
    cluster::LoginPlacement logins_; // of list_, by the numbers in the brokers' names
    cluster::Placement placement_;   // of senders, likewise
    cluster::BrokerSet left_;        // brokers that nodes have left
    Networks networks_;              // by broker
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
