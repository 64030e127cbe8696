// A simulated node: the session and the turns that topology/link/node_link.cpp has, between
// simulated sockets, and streams that open and close.
#pragma once

#include "test/simulation/network.hpp"
#include "test/simulation/process.hpp"
#include "test/simulation/promises.hpp"
#include "topology/history/catch_up.hpp"
#include "topology/history/patterns.hpp"
#include "topology/session/node_session.hpp"
#include "topology/session/turns.hpp"
#include "topology/wire/owned_ids.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::sim {

class NodeProcess : public Process,
                    public NetworkClient,
                    private session::Wires,
                    private session::FeedWires,
                    private session::NodeEvents,
                    private history::CatchUpHost {
  public:
    /// The node's name is "n" and `slot`. It begins to connect.
    /// @param confirms_per_mille  how often it asks the broker, after the first stream of an id, to
    ///     say when the login is in the table, as the client library does.
    NodeProcess(World& world, Network& network, Promises& promises, unsigned slot,
                std::uint64_t confirms_per_mille);

    /// A browser opens a stream; does nothing before the node listens.
    void open_stream(IdNumber id);
    /// One stream, any, closes if there is one.
    void close_a_stream();
    /// It takes nothing from its feed until `duration` is over.
    void be_busy(Duration duration);
    void end_busy();
    /// From now on it takes a batch each `pace`; 0: as many as come.
    void crawl(Duration pace) { pace_ = pace; }
    void crash(Word word);
    /// Says GOODBYE, and ends.
    void leave();
    /// Each stream must have all that it is owed.
    void check_streams();

    [[nodiscard]] NodeAccount& account() const { return account_; }
    [[nodiscard]] const session::NodeSession& session() const { return session_; }
    [[nodiscard]] std::uint64_t incarnation() const { return account_.incarnation; }
    [[nodiscard]] std::size_t streams() const { return streams_.size(); }
    /// When its present feed began in the place of another one.
    [[nodiscard]] std::uint64_t streams_cut_off() const { return streams_cut_off_; }
    [[nodiscard]] std::size_t catching_up() const { return catch_up_.size(); }
    [[nodiscard]] bool holds(IdNumber id) const { return streams_of_id_[id] > 0; }

    [[nodiscard]] const std::string& name() const override { return process_name(); }
    [[nodiscard]] wire::Role role() const override { return wire::Role::kNode; }

  private:
    struct Stream {
        std::vector<IdNumber> ids;
        // Only if one of them has a history:
        history::StreamKey key = 0;
        StreamAccount* account = nullptr;
        bool is_catching_up = false;
    };

    void turn() override;
    [[nodiscard]] Time due() const override;
    void note_welcome(const std::string& frame);
    void account_for_batch();
    void count_shown(IdNumber id);
    void show_to_streams(const wire::Message& message);
    void begin_visit(Stream& stream);
    void end_visits();
    void catch_all_up(const history::Cursor& cursor);
    [[nodiscard]] Stream* find(history::StreamKey key);
    void log_in(IdNumber id);
    void log_out(IdNumber id);
    [[nodiscard]] wire::OwnedIds names_of(const Stream& stream) const;
    [[nodiscard]] bool has_history(const Stream& stream) const;
    void look_whether_confirmed();

    void on_arrival(Socket socket, std::string frame) override;
    void on_connection() override;

    void send(std::string&& frame) override;
    [[nodiscard]] std::optional<std::string_view> receive() override;
    [[nodiscard]] bool connected() override { return Network::connected(dealer_); }
    [[nodiscard]] Status connect_feed(const std::string& endpoint) override;
    [[nodiscard]] std::optional<std::string_view> receive_batch() override;
    [[nodiscard]] bool batch_waits() override { return !from_feed_.empty(); }
    void deliver(const wire::MessageList& messages) override;
    [[nodiscard]] bool can_take() const override;
    void for_each_login(const std::function<void(std::string_view id)>& visit) const override;
    std::uint64_t stream_count() const override { return streams_.size(); }
    wire::NodeLedger ledger() const override { return ledger_; }
    void on_feed_begun(const wire::HistoryTerms& history, bool is_first) override;
    void on_kept(const wire::Kept& kept) override { catch_up_.on_kept(kept, world().now()); }
    void on_applied(std::uint64_t number) override { catch_up_.on_applied(number); }
    void on_live(std::string_view broker_name) override;
    void on_lost() override;
    void on_gap(const session::Gap& gap) override;
    void on_refused(wire::ErrorCode code, std::string_view text) override;
    void on_no_feed(std::string_view text) override;

    void ask(const wire::History& history) override { session_.ask(history); }
    void show(history::StreamKey key, const history::StreamMessage& message) override;
    void tell_position(history::StreamKey key, const history::Cursor& cursor) override;
    void tell_gap(history::StreamKey key, history::GapReason reason,
                  const history::Cursor& goes_on) override;
    void caught_up(history::StreamKey key, const history::Cursor& through) override;
    [[nodiscard]] bool was_shown(const wire::Origin& origin) const override {
        return node_.seen().has(origin);
    }
    [[nodiscard]] bool has_under_way(history::StreamKey /*key*/) const override { return false; }

    Network& network_;
    Promises& promises_;
    NodeAccount& account_;
    session::Node node_;
    session::NodeSession session_;
    session::ConnectionWatch watch_;
    session::NodeTurn turn_;
    Network::Link& dealer_;
    Network::Link* sub_ = nullptr;
    std::deque<std::string> from_broker_;
    std::deque<std::string> from_feed_;
    std::string frame_in_hand_;
    std::string batch_in_hand_;
    std::uint64_t lost_before_ = 0; // as of the last call of account_for_batch()
    std::uint64_t duplicates_before_ = 0;
    std::uint64_t streams_cut_off_ = 0;
    bool is_cut_off_ = false;         // the WELCOME in hand names another feed than the last
    std::uint64_t welcomed_feed_ = 0; // incarnation of the feed that the last WELCOME named
    std::uint64_t feed_ = 0;          // of the feed of the batch in hand
    std::uint64_t confirms_per_mille_;
    const Feed* confirming_ = nullptr; // the broker's record of the node when it was asked
    std::vector<bool> to_confirm_;     // by id: held then, and ever since
    bool listening_ = false;
    Time busy_until_ = Time::min();
    Duration pace_ = Duration::zero();
    history::CatchUp catch_up_{*this};
    history::Patterns with_history_;
    history::Cursor cursor_; // where the node is with its feed, as webnode/stream/delivery.hpp
    history::StreamKey last_key_ = 0;
    std::vector<Stream> streams_;
    std::vector<std::uint32_t> streams_of_id_;
    wire::NodeLedger ledger_; // without the session's own counts
};

} // namespace zcomet::sim
