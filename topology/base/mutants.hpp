// Deliberate bugs, to show that the simulation (test/simulation) finds them. Each is one line in a
// core, `ZCOMET_MUTANT(kName)`, which is the constant false in everything but that test's own copy
// of the cores.
#pragma once

#ifdef ZCOMET_MUTANTS

#include <array>
#include <cstdint>
#include <string_view>

/// Every mutant, as (kName, "name", "what it does wrong").
#define ZCOMET_MUTANT_LIST(X)                                                                      \
    X(kAcknowledgeAtPublishing, "acknowledge-at-publishing",                                       \
      "a feed lets go of a batch when it is published, not when the node has it")                  \
    X(kAcknowledgeUnwelcomed, "acknowledge-unwelcomed",                                            \
      "a node tells a broker that has not welcomed it how much it has of another one's feed")      \
    X(kApplyPastGap, "apply-past-gap", "a node applies a batch although earlier ones are missing") \
    X(kApplyRepeats, "apply-repeats", "a node applies a batch that is sent again once more")       \
    X(kAcceptForeignFeed, "accept-foreign-feed", "a node does not look at a feed's incarnation")   \
    X(kForgetTail, "forget-tail", "the empty batch of a quiet feed does not name the last number") \
    X(kRestartNumbers, "restart-numbers", "a node's new feed has the incarnation of its old one")  \
    X(kRereadAfterWelcome, "reread-after-welcome", "each WELCOME makes a node begin at 1 again")   \
    X(kPublishPastWindow, "publish-past-window", "a feed publishes without minding its window")    \
    X(kShedSilently, "shed-silently", "word of shed batches says that no messages were in them")   \
    X(kSweepEarly, "sweep-early", "a list's first part logs out what only later parts name")       \
    X(kTrustChanges, "trust-changes", "nobody minds whether login changes are missing")            \
    X(kKeepIdsOfTheGone, "keep-ids-of-the-gone", "a node that is removed stays in the table")      \
    X(kNeverSweep, "never-sweep", "the dead are not buried")                                       \
    X(kRouteRepeats, "route-repeats", "what a sender sends again is passed on again")              \
    X(kForgetSubscriptions, "forget-subscriptions",                                                \
      "the end of a node's old connection ends its new subscription")                              \
    X(kIgnoreOblivion, "ignore-oblivion",                                                          \
      "a node minds neither hello-first nor the silence of its feed")                              \
    X(kForgetAwayChanges, "forget-away-changes",                                                   \
      "logins and logouts made while the broker is away are not told later")                       \
    X(kTrustPong, "trust-pong",                                                                    \
      "a node takes a broker's PONG for its word on logins that never came there")                 \
    X(kForgetUnconfirmed, "forget-unconfirmed", "a sender does not count what it lost")            \
    X(kRenumberSends, "renumber-sends", "a sender begins at 1 again after it lost its broker")     \
    X(kSendPastWindow, "send-past-window", "a sender does not mind its window")                    \
    X(kReceiptsOfOne, "receipts-of-one", "a receipt says one node for whatever was routed")        \
    X(kShowDuplicates, "show-duplicates", "a node shows again what is sent again")                 \
    X(kForgetSeen, "forget-seen", "a node's new feed makes it forget which messages it has shown") \
    X(kAcknowledgeAtRouting, "acknowledge-at-routing",                                             \
      "a broker acknowledges what it has passed on, not what nodes have")                          \
    X(kAcknowledgeShed, "acknowledge-shed", "a broker takes what it has shed for arrived")         \
    X(kAcknowledgeForTheGone, "acknowledge-for-the-gone",                                          \
      "a broker takes for arrived what it has for a node that is removed")                         \
    X(kNeverSendAgain, "never-send-again",                                                         \
      "a sender waits for acknowledgements of a broker that never had the messages")               \
    X(kSendAgainPastWindow, "send-again-past-window",                                              \
      "a sender does not mind its window when it sends again")                                     \
    X(kTrustAnswers, "trust-answers",                                                              \
      "a sender does not mind that an acknowledgement may be lost")                                \
    X(kIgnoreDigests, "ignore-digests",                                                            \
      "a broker does not look whether a node has the ids it knows")                                \
    X(kDigestWithoutLogouts, "digest-without-logouts", "a node's digest leaves its logouts out")   \
    X(kForgetDeparted, "forget-departed", "the ledger forgets what nodes that are gone had said")  \
    X(kLedgerOfAllFeeds, "ledger-of-all-feeds",                                                    \
      "a node's ledger has what came on earlier feeds, too")

namespace zcomet {

enum class Mutant : std::uint8_t {
    kNone,
#define ZCOMET_MUTANT_VALUE(value, name, what) value,
    ZCOMET_MUTANT_LIST(ZCOMET_MUTANT_VALUE)
#undef ZCOMET_MUTANT_VALUE
};

struct MutantName {
    Mutant mutant;
    std::string_view name;
    std::string_view what;
};

inline constexpr auto kMutants = std::to_array<MutantName>({
#define ZCOMET_MUTANT_NAME(value, name, what) {Mutant::value, name, what},
    ZCOMET_MUTANT_LIST(ZCOMET_MUTANT_NAME)
#undef ZCOMET_MUTANT_NAME
});

/// The one that is at work.
inline Mutant active_mutant = Mutant::kNone;

} // namespace zcomet

#define ZCOMET_MUTANT(value) (::zcomet::active_mutant == ::zcomet::Mutant::value)

#else

#define ZCOMET_MUTANT(value) false

#endif
