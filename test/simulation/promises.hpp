// What the cluster promises, checked from the outside while it runs: from the messages given to
// senders, the broker's input and answers, the messages that nodes show, and the losses that each
// of them counts.
//
//   * Each message that the broker takes in goes to exactly the nodes that its own answer to QUERY
//     "who" names. Its receipt and its counters say the same.
//   * A message that goes to a node is shown there once and in order, unless the node or the
//     broker's record of it ends, or the broker sheds the message: both count that.
//   * A record that ends with messages not shown counts the bytes that were dropped.
//   * On each node, messages from one sender to one id never go back in their numbers, even if the
//     broker is restarted. Exception: messages that the sender repeated for want of an
//     acknowledgement after it had sent later ones.
//   * No node shows a message twice, even if it was sent again. A message has its origin exactly if
//     its sender awaits an acknowledgement.
//   * A sender is told once where a message arrived, and that many nodes have shown it; as many as
//     it went to, if none of them is gone and nothing was shed. If it was sent again, and no node
//     has it now, the answer is that nobody knows.
//   * A message with a key that its sender repeats is not passed on again once the broker knows
//     where it arrived: the answer is what it was.
//   * If a second sender sends the same message under the same key, the broker passes one of the
//     two on, and keeps it, and each node shows it once. The other sender is told what became of
//     that one, or that this is not known yet. A broker knows only the keys that came to itself.
//   * A number that jumps, without its sender's word on the same connection that numbers before it
//     were lost, changes nothing; nor does a word that cannot be true.
//   * A node whose connection ended says HELLO as soon as it has another one (schedule.cpp,
//     break_in_peace).
//   * A login or logout that was in the table at a calm moment stays there until the node changes
//     it or the broker forgets the node, whatever lists are sent.
//   * A node that was told that its logins are in the table finds them there.
//   * A message that a sender accepted is taken in once, or counted as unconfirmed; one whose
//     acknowledgement is awaited, at most as often as it was sent.
//   * Unless a frame was altered, a node and a broker that count the same changes know the same
//     ids: the digests agree.
//   * A living process keeps its place: no other connection is welcomed for it while the broker
//     hears it. One that has just said HELLO does not pass for dead.
//   * Nobody with another key takes the place or the name of a living process, has a say about the
//     feed of a living node, or is told anything. A process with its own key is never refused for
//     that.
//   * A feed that has begun goes on until its broker forgets the node: it publishes something in
//     each two heartbeats, whatever the broker hears of subscriptions.
//   * No credit is held back for a node that the broker has left behind. At full speed, a node that
//     is far slower than the others is left behind within some seconds; one that is as fast as the
//     others is not (schedule.cpp, crawl).
//   * A node whose broker has begun another feed for it says that it was cut off, once, and so does
//     the ledger, with the number of its streams.
//   * Unless a frame was altered, no node reports what cannot be.
//   * A feed publishes no more once a window of bytes is under way. A sender has at most a window
//     of bytes under way, or a single larger frame. It has credit only for numbers that a broker
//     took in.
//
// Of ids with a history (promises_histories.cpp):
//
//   * The broker gives each message the next position of its clock, which never goes back, and
//     keeps it once, whatever its sender repeats. Its answers have all messages after the cursor,
//     in order, or say that some are gone. They do not say so if the messages have to be there.
//   * A stream, over all its visits to any nodes, is shown the messages in order and none twice.
//     Each message kept since it began is shown, or within a gap that it is told. It is told of a
//     gap only if messages are missing in it, its cursor is no cursor, or another broker has begun.
//     Exception: a message that its sender repeated to another broker is kept there, too. A stream
//     may be shown it for each.
//
// calm.hpp says what must hold when a cluster has been left alone.
#pragma once

#include "broker/history/rules.hpp"
#include "broker/router/router.hpp"
#include "test/simulation/accounts.hpp"
#include "test/simulation/broker_watch.hpp"
#include "test/simulation/world.hpp"
#include "topology/history/catch_up.hpp"

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::sim {

class Promises : public BrokerWatch {
  public:
    struct Limits {
        std::size_t feed_window_bytes = 0;
        std::size_t sender_window_bytes = 0;
        std::uint64_t attributed_per_mille = 0; ///< of messages
        std::uint64_t keyed_per_mille = 0;      ///< likewise
        bool tables_drift = false;              ///< frames are altered so that they drift
        bool nodes_lie = false; ///< frames are altered so that nodes report what cannot be
        std::vector<broker::history::Rule> history{};
        bool history_bytes_are_few = false;
    };
    Promises(World& world, const std::vector<std::string>& ids, const Limits& limits);

    // Actions of nodes and senders.
    SenderAccount& add_sender(std::uint64_t incarnation);
    NodeAccount& add_node(unsigned slot, std::uint64_t incarnation);
    /// The number for the next message given to a sender.
    [[nodiscard]] std::uint64_t next_message() const { return messages_.size(); }
    /// What the message with that number carries.
    [[nodiscard]] std::string attributes_of(std::uint64_t message) const;
    /// The same, with the key that its sender gives it.
    [[nodiscard]] std::string sent_attributes_of(std::uint64_t message) const;
    /// The message that a sender will have sent with this: the next one, or that of another sender.
    [[nodiscard]] std::uint64_t first_of(const Post& post) const {
        return post.copy_of != 0 ? post.copy_of : next_message();
    }
    /// A message with a key that another sender sends, for this one to send, too.
    [[nodiscard]] std::optional<Post> copy_for(const SenderAccount& sender);
    void on_sent(SenderAccount& sender, std::uint64_t number, const Post& post);
    void on_frame_sent(SenderAccount& sender, const wire::Send& send);
    /// The sender has credit for its messages up to the number `through`.
    void on_credit(const SenderAccount& sender, std::uint64_t through);
    /// `frames` SEND frames of `bytes` in all are under way without credit.
    void on_under_way(std::size_t frames, std::size_t bytes);
    void on_receipt(const SenderAccount& sender, std::uint64_t number,
                    const wire::Outcome& outcome);
    void on_acknowledged(const SenderAccount& sender, std::uint64_t number,
                         const wire::Outcome& outcome);
    /// The first stream of `id` opened, or its last one closed.
    void on_presence(NodeAccount& node, IdNumber id);
    /// The node believes that its logins are applied.
    /// @param asked  the broker's record of the node when the node asked.
    /// @param held   by IdNumber: whether the node has held the id ever since then.
    void on_confirmed(const NodeAccount& node, const Feed& asked, const std::vector<bool>& held);
    void on_shown(NodeAccount& node, std::uint64_t feed, const wire::MessageList& messages);
    void on_lost(const NodeAccount& node, std::uint64_t feed, std::uint64_t messages);
    /// This many messages of the batch that the node has just taken in were shown before. Called
    /// for every batch.
    void on_duplicates(const NodeAccount& node, std::uint64_t feed, std::uint64_t messages);

    // Streams of ids with a history.
    [[nodiscard]] bool has_history(IdNumber id) const { return rules_[id] != nullptr; }
    /// A client, new or one that was here before, opens a stream.
    StreamAccount& on_visit(NodeAccount& node, IdNumber id);
    void on_leave(StreamAccount& stream);
    void on_stream_shown(StreamAccount& stream, std::string_view payload,
                         const history::Cursor& cursor);
    void on_position_told(StreamAccount& stream, const history::Cursor& cursor);
    void on_gap_told(StreamAccount& stream, history::GapReason reason,
                     const history::Cursor& goes_on);
    /// A calm moment: the stream has all that it is owed.
    void check_complete(const StreamAccount& stream);

    // Actions of the broker.
    void on_broker_start(BrokerView& broker) override;
    void on_broker_end() override;
    void before_frame(std::string_view connection, std::string_view frame) override;
    void after_frame() override;
    void after_turn() override;
    void on_reply(std::string_view connection, std::string_view frame) override;
    void on_publish(std::string_view topic, std::string_view frame) override;
    void on_event(const broker::router::RouterEvent& event) override;
    [[nodiscard]] bool is_heard(std::uint64_t incarnation) const override;
    [[nodiscard]] std::string connection_of(std::uint64_t incarnation) const override;

    // For calm moments.
    /// The feed of the node that the broker knows by the number of `node`, if it is that process.
    [[nodiscard]] const Feed* feed_of(const NodeAccount& node) const;
    [[nodiscard]] NodeSet who(IdNumber id) const;
    [[nodiscard]] const std::vector<std::string>& ids() const { return ids_; }
    /// Of one of them.
    [[nodiscard]] IdNumber number_of(std::string_view id) const;
    /// How many messages of the sender still await an acknowledgement.
    [[nodiscard]] std::uint64_t unanswered(const SenderAccount& sender) const;
    /// How often a node was left behind.
    [[nodiscard]] std::uint64_t left_behind() const { return left_behind_; }
    /// How many messages all senders have accepted.
    [[nodiscard]] std::uint64_t accepted() const { return next_message() - 1; }

  private:
    /// A message, or the copy of one by a second sender. The payload of both has the number of the
    /// first, and what is said of histories and streams is about that.
    struct Message {
        SenderAccount* sender = nullptr;
        std::uint64_t number = 0;
        IdNumber id = 0;
        std::uint64_t first = 0; ///< itself, unless it is a copy
        std::size_t filler_bytes = 0;
        std::uint64_t taken_in = 0; ///< how many times
        std::uint64_t kept = 0;     ///< likewise
        std::size_t kept_in = 0;    ///< number of the last such epoch, from 1
        std::vector<std::optional<std::uint32_t>> receipts; ///< what the broker's receipts said
        // Only with an awaited acknowledgement:
        bool awaited = false;
        bool answered = false;
        std::uint32_t sent = 0;             ///< how many times
        std::uint64_t overtaken_by = 0;     ///< highest number sent before it was last repeated
        std::uint32_t shown_by = 0;         ///< number of node processes
        std::vector<const Feed*> routed_to; ///< all feeds that had it
        // Of the first one, if it has a key:
        bool has_copy = false;
        std::uint64_t copy = 0;   ///< 0: it is not sent yet, or there is none
        std::uint64_t leader = 0; ///< of the two the one that a broker took in first
        std::size_t led_in = 0;   ///< number of the last such epoch, from 1
        // Of a leader, as that broker has it:
        std::uint32_t held = 0; ///< so many nodes held its id
        bool is_told = false;   ///< its sender awaited an acknowledgement, and was given it
        std::optional<std::uint32_t> told;
        // Of the other one:
        bool is_pending = false;      ///< it has come, and an acknowledgement is due
        bool leader_was_told = false; ///< when it came
    };
    /// The broker's knowledge of the node with a name.
    struct Record {
        NodeAccount* node = nullptr; ///< nullptr: nothing
        Feed* feed = nullptr;
        std::string connection;
        bool is_left_behind = false;
    };
    /// One process, from the broker's side.
    struct Spoken {
        wire::Role role = wire::Role::kNode;
        std::uint64_t incarnation = 0;
        Time heard;
        Time said_hello = Time::min();
    };
    /// The counters of the broker that a frame changes.
    struct Counted {
        std::uint64_t in = 0;
        std::uint64_t repeated = 0;
        std::uint64_t rerouted = 0;
        std::uint64_t into_void = 0;
        std::uint64_t routed = 0;
        std::uint64_t missing = 0;
        std::uint64_t dropped_bytes = 0;
        std::uint64_t kept = 0;
    };
    /// The frame that the broker is handling.
    struct Current {
        std::string_view connection;
        std::string_view bytes;
        wire::Frame frame;
        Counted before;
        std::vector<NodeSet> holders; ///< of a SEND: by message
        bool has_receipt = false;
    };

    // Of senders: promises_senders.cpp.
    void look_up(const wire::Send& send);
    void check_send(const wire::Send& send);
    void take_in(Message& message, std::uint64_t number, NodeSet holders);
    /// @return whether it may be taken in once more.
    bool note_taken_in(Message& message, std::uint64_t number);
    [[nodiscard]] SenderAccount* sender_at(std::string_view connection);
    [[nodiscard]] std::uint64_t number_in_list(const Message& message) const {
        return static_cast<std::uint64_t>(&message - messages_.data());
    }
    /// Of a message with a key: the copy that the present broker knows it by; nullptr: none.
    [[nodiscard]] Message* leader_of(const Message& message);
    /// Whether the present broker knows another copy of it.
    [[nodiscard]] bool is_known(const Message& message) {
        const Message* const leader = leader_of(message);
        return leader != nullptr && leader != &message;
    }
    /// Whether the answer to a copy is what became of the other one.
    [[nodiscard]] bool is_as_leader(const Message& message, const wire::Outcome& outcome,
                                    wire::Confirm confirm);
    void check_receipt(const wire::Receipt& receipt);
    void check_position(std::uint64_t message, const wire::Outcome& outcome, bool is_first);
    void check_acknowledged(std::string_view connection, const wire::Acknowledged& acknowledged);

    // Of histories and their streams: promises_histories.cpp.
    void begin_epoch();
    void keep(IdNumber id, std::uint64_t message);
    /// Whether the message is to be kept: the present broker has not kept it.
    [[nodiscard]] bool is_new_to_history(const wire::Message& sent) const;
    void note_question(std::string_view connection, const wire::History& question);
    void check_kept(std::string_view connection, const wire::Kept& kept);
    [[nodiscard]] std::uint64_t may_be_gone_through(IdNumber id) const;
    [[nodiscard]] std::uint64_t may_be_gone_through(const std::vector<IdNumber>& ids) const;
    [[nodiscard]] static std::vector<Epoch::Kept>
    kept_after(const Epoch& epoch, const std::vector<IdNumber>& ids, std::uint64_t position);
    [[nodiscard]] std::string text_of(const std::vector<IdNumber>& ids) const;
    [[nodiscard]] const Epoch* find_epoch(std::uint64_t number) const;
    [[nodiscard]] bool is_kept_at(const history::Cursor& cursor, std::uint64_t message) const;
    [[nodiscard]] bool may_be_hidden(const NodeAccount& node, std::uint64_t message) const;
    [[nodiscard]] const Epoch::Kept* first_owed(const StreamAccount& stream,
                                                std::uint64_t before) const;
    [[nodiscard]] std::string text_of(const StreamAccount& stream) const;

    // Of nodes: promises_nodes.cpp.
    void check_presence(IdNumber id, NodeSet holders);
    void note_shown(NodeAccount& node, const Feed& feed, Message& message,
                    const wire::Message& shown);

    // Of records and feeds: promises_feeds.cpp.
    void note_spoken(std::string_view connection);
    void check_death(std::uint64_t incarnation);
    void note_welcome(std::string_view connection, std::string_view frame);
    void note_feed(const wire::NodeWelcome& welcome, std::uint64_t incarnation,
                   std::string_view connection);
    void note_acknowledgement(std::uint64_t incarnation, std::uint64_t through);
    void note_batch(Feed& feed, const wire::Batch& batch, std::size_t bytes);
    void note_joined(const broker::router::RouterEvent& event);
    void note_shed(const broker::router::RouterEvent& event);
    void on_node_gone(std::uint64_t incarnation);
    void check_removed(std::uint64_t dropped_bytes_before);
    void check_feeds_go_on();
    void note_lag(const broker::router::RouterEvent& event);
    void check_nobody_waits();

    [[nodiscard]] Counted count() const;
    [[nodiscard]] Feed* find_feed(std::uint64_t incarnation) const;
    [[nodiscard]] Record* find_record(std::uint64_t incarnation);
    /// @param position  that it must have; 0: none
    [[nodiscard]] Message* find_message(const wire::Message& message, std::uint64_t position = 0);
    /// The same of the frame in hand, whose sender sent it under this number.
    [[nodiscard]] Message* find_sent(const wire::Message& sent, std::uint64_t number);
    [[nodiscard]] bool has_key(std::uint64_t message) const;
    [[nodiscard]] std::string text_of(const Message& message) const;

    World& world_;
    const std::vector<std::string>& ids_;
    absl::flat_hash_map<std::string, IdNumber> id_numbers_;
    Limits limits_;
    std::vector<Message> messages_; // by the number in the payload; copies are between
    std::deque<SenderAccount> senders_;
    std::deque<NodeAccount> nodes_;
    std::deque<Feed> feeds_;
    absl::flat_hash_map<std::uint64_t, Feed*> feed_by_incarnation_;

    std::vector<const broker::history::Rule*> rules_; // by IdNumber; nullptr: it has no history
    std::deque<Epoch> epochs_;                        // the last: of the present broker
    std::deque<StreamAccount> streams_;
    std::vector<std::vector<StreamAccount*>> away_; // by IdNumber
    struct Question {
        std::vector<IdNumber> ids;
        history::Cursor after;
    };
    absl::flat_hash_map<std::string, Question> questions_; // by connection and token

    BrokerView* broker_ = nullptr;
    std::vector<Record> records_; // by the number in the node's name
    std::optional<Current> current_;
    absl::flat_hash_map<std::string, Spoken> spoken_; // by connection: who said HELLO over it last
    absl::flat_hash_map<std::uint64_t, std::string> connections_; // of those welcomed
    std::vector<Feed*> removed_;                                  // by the call that is under way
    std::uint64_t dropped_bytes_at_turn_ = 0;
    Time last_turn_ = Time::min(); // of the broker
    // As of that turn:
    bool all_left_behind_ = false;
    std::uint64_t left_behind_ = 0;
    std::uint64_t withheld_ = 0; // the broker's count of credit that it held back
};

} // namespace zcomet::sim
