// What a node tells a broker about its logins: numbered changes in LOGIN and LOGOUT frames, the
// whole LIST when the broker may have another state, and the question whether the broker has
// applied them. docs/PROTOCOL.md, sections 4.3, 4.4 and 4.8, from the node's side.
#pragma once

#include "topology/base/time.hpp"
#include "topology/feed/gather.hpp"
#include "topology/session/login_book.hpp"
#include "topology/session/wires.hpp"
#include "topology/wire/frames.hpp"

#include <cstdint>
#include <string_view>

namespace zcomet::session {

/// Sends nothing before the first welcome(), nor between forget_broker() and the next welcome(): at
/// those times the broker does not know the node, or cannot be heard.
class LoginReporter {
  public:
    /// @param book    of the node; lives longer than this.
    /// @param broker  which of the node's brokers this one is.
    LoginReporter(Wires& wires, LoginBook& book, std::size_t broker)
        : wires_(wires), book_(book), broker_(broker) {}

    /// The first stream of `id` opened, or its last one closed. Sent by a later tick().
    void login(std::string_view id);
    void logout(std::string_view id);

    /// The broker said WELCOME and has applied the changes up to this number. The list follows
    /// unless that is the last change.
    void welcome(std::uint64_t changes_applied);
    /// The broker is lost, or the node leaves it.
    void forget_broker();

    /// The broker's HEARTBEAT names the last change that it has applied.
    void on_heartbeat(std::uint64_t changes_applied);
    /// The broker wants the list.
    void on_list_needed() { list_due_ = true; }
    /// The broker had no room for all ids of a LOGIN or LIST. It asks for the list once it has
    /// room.
    void on_refused() { is_refused_ = true; }
    /// Whether the broker, as far as we know, lacks some of the ids because it had no room for
    /// them.
    [[nodiscard]] bool refused() const { return is_refused_; }
    /// The broker's answer to a PING. Not to be called while a HELLO is unanswered: the broker then
    /// answers PING but applies no LOGIN.
    void on_pong(std::uint64_t token) { confirm_answered_ = token; }

    /// Asks the broker, with a PING, to say when it has applied everything up to now; applied()
    /// then tells. A HEARTBEAT must have been sent just before. While the broker is away the
    /// question waits.
    void ask_for_confirmation();
    /// Whether the answer to the last question has not come. It may have been dropped, so it is
    /// worth to ask again once in a while.
    [[nodiscard]] bool awaits_confirmation() const {
        return is_told_ && confirm_answered_ != confirm_asked_;
    }
    /// Whether HEARTBEAT and ask_for_confirmation() are due again, because the answer to an earlier
    /// question does not cover later changes.
    [[nodiscard]] bool confirmation_due() const { return is_told_ && confirm_due_; }
    /// Whether the broker has applied everything up to the last ask_for_confirmation(), no change
    /// waits, and none was refused.
    [[nodiscard]] bool applied() const;

    /// Whether the broker was told of every login.
    [[nodiscard]] bool has_told_all() const {
        return is_told_ && !list_due_ && changes_.count() == 0;
    }

    /// Sends what is due: the list, logins and logouts.
    void tick(Time now);
    /// When tick() or confirmation_due() next has something to do; kNever if there is nothing.
    [[nodiscard]] Time due() const;

    /// What a HEARTBEAT says of the logins.
    struct Summary {
        std::uint64_t change = 0; ///< number of the last change made
        std::uint64_t digest = 0; ///< of the ids that the broker should know
    };
    /// Sends waiting changes, so that the summary describes what the broker was told. For a
    /// HEARTBEAT that is sent next: a broker that has not applied these changes by then asks for
    /// the list.
    [[nodiscard]] Summary summarize();

    /// Whether the broker has yet to confirm a list. While it works through the list, its answers
    /// are late.
    [[nodiscard]] bool list_under_way() const { return list_under_way_ != 0; }
    /// Since the reporter began.
    [[nodiscard]] std::uint64_t lists_sent() const { return lists_sent_; }

  private:
    void change_id(std::string_view id, bool is_logout);
    void send_changes();
    void send_list();

    Wires& wires_;
    LoginBook& book_;
    std::size_t broker_;
    bool is_told_ = false;        // between welcome() and forget_broker()
    wire::IdFrameWriter changes_; // waiting logins, or waiting logouts
    bool changes_are_logouts_ = false;
    std::uint64_t change_ = 0;           // number of the last login change made
    std::uint64_t confirm_asked_ = 0;    // token of the last PING
    std::uint64_t confirm_answered_ = 0; // token of the last PONG
    std::uint64_t list_under_way_ = 0;   // change of a list that the broker has not confirmed, or 0
    bool list_due_ = false;
    bool is_refused_ = false;
    bool confirm_due_ = false; // an earlier answer does not cover later changes
    feed::GatherWindow gather_{feed::kLoginGatherWindow};
    std::uint64_t lists_sent_ = 0;
};

} // namespace zcomet::session
