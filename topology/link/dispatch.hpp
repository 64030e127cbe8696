// A sender's way to its brokers: a link to each, and each message goes to the first broker of its
// id that is alive (session/failover.hpp).
#pragma once

#include "topology/base/result.hpp"
#include "topology/cluster/broker_list.hpp"
#include "topology/cluster/broker_slots.hpp"
#include "topology/link/link_context.hpp"
#include "topology/link/link_set.hpp"
#include "topology/link/sender_link.hpp"
#include "topology/loop/source.hpp"
#include "topology/session/failover.hpp"
#include "topology/session/sender_events.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::link {

/// For a loop to drive; after a run of send() call turn(), or Loop::wake(). Thread: one, for its
/// whole life.
class Dispatch final : public loop::Source {
  public:
    /// @param events   lives longer than this.
    /// @param brokers  need not be reachable yet.
    /// @param failover  time without a word from a broker after which another one is used.
    /// Errors: an address cannot be used.
    [[nodiscard]] static Result<std::unique_ptr<Dispatch>>
    open(LinkContext& context, session::SenderEvents& events, const cluster::BrokerList& brokers,
         const std::string& name, Time now, Duration failover = session::Failover::kSilenceMax);

    /// Goes by a newer list of brokers, and tells them so once nothing is under way that was sent
    /// by the one before. Brokers that are not in it are left once they have answered.
    /// Errors: as BrokerSlots::use(), and nothing has changed; or a broker cannot be connected to,
    /// and it counts as one that is away.
    [[nodiscard]] Status use(const cluster::BrokerList& list, Time now);
    /// Whether there was never another broker than one.
    [[nodiscard]] bool has_one_broker() const { return slots_.size() == 1; }

    /// As in Failover.
    [[nodiscard]] bool has_broker(std::string_view id) const { return failover_.has_broker(id); }
    [[nodiscard]] bool can_send(std::string_view id, std::size_t message_bytes) const {
        return failover_.can_send(id, message_bytes);
    }
    std::uint64_t send(std::string_view id, std::string_view payload,
                       wire::Confirm confirm = wire::Confirm::kNothing,
                       std::string_view attributes = {}) {
        return failover_.send(id, payload, confirm, attributes);
    }
    void ask(std::string_view id, const wire::Query& query) { failover_.ask(id, query); }
    void ask(std::string_view id, const wire::History& history) { failover_.ask(id, history); }
    [[nodiscard]] bool all_taken_in() const { return failover_.not_taken_in() == 0; }
    [[nodiscard]] std::uint64_t not_taken_in() const { return failover_.not_taken_in(); }
    [[nodiscard]] std::uint64_t unacknowledged() const { return failover_.unacknowledged(); }
    [[nodiscard]] session::SenderSessionCounters counters() const { return failover_.counters(); }
    [[nodiscard]] std::uint64_t failed_over() const { return failover_.failed_over(); }

    /// Whether any broker has welcomed us.
    [[nodiscard]] bool welcomed() const;
    /// As in SenderSession, for all brokers.
    void hurry();
    void flush(Time now);

    /// Receives what waits, then sends what is due. Never blocks. @return whether more is waiting:
    /// then call it again without sleeping, since the descriptors will not say so.
    bool turn(Time now) override;
    [[nodiscard]] Time due() const override { return links_.due(); }
    [[nodiscard]] std::span<const int> fds() const override { return links_.fds(); }
    [[nodiscard]] std::uint32_t fds_version() const override { return links_.fds_version(); }

    /// Sends what is waiting, then GOODBYE; the sockets linger for up to a second to pass it on.
    void close(Time now) { links_.close(now); }

  private:
    Dispatch(LinkContext& context, session::SenderEvents& events,
             const cluster::BrokerList& brokers, std::string name, Duration failover);

    /// Opens links to brokers that have none; those of the list.
    [[nodiscard]] Status open_links(Time now);
    void leave_unlisted(Time now);

    LinkContext& context_;
    const std::string name_;
    cluster::BrokerSlots slots_;
    wire::ListMark told_; // which list the brokers were told of
    session::Failover failover_;
    LinkSet<SenderLink> links_;
};

} // namespace zcomet::link
