// How many streams an id has: asks each node that holds it, and adds up what they say.
#pragma once

#include "broker/router/router_state.hpp"
#include "topology/base/rate_limit.hpp"
#include "topology/base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::broker::router {

/// A table of ids knows their nodes, and only a node knows its streams. A number that somebody did
/// not say in time is "not known", which is the answer also when too many are asked for.
class StreamCounts {
  public:
    /// As many requests as a web node's API may have under way, with some others.
    /// @limit questions about streams that wait for what nodes say
    static constexpr std::size_t kOpenMax = 1024;
    /// The names of an id's nodes may be a long list.
    /// @limit bytes of what is kept for such questions
    static constexpr std::size_t kOpenBytesMax = 4U << 20U;
    /// Each costs as many frames as nodes hold the id, and a question needs no HELLO.
    /// @limit questions about streams for which a broker asks nodes in a second
    static constexpr std::uint32_t kPerSecond = 1000;
    /// A node answers in its next turn. One that does not is stopped, or cut off.
    /// @limit time that nodes have to say how many streams they have of an id
    static constexpr Duration kPatience = 1s;
    /// Bytes that an answer has in addition to what `who` says.
    static constexpr std::size_t kMoreBytes = 32;

    explicit StreamCounts(RouterState& state) : state_(state) {}

    /// Asks the nodes that hold `id`; the asker gets its ANSWER now or later.
    /// @param token  of the question.
    /// @param who    the answer to `who`.
    void ask(std::string_view connection, std::uint64_t token, std::string_view id, std::string who,
             Time now);
    /// A node says how many it has.
    void on_answer(const Incoming& in, const wire::Answer& answer);

    /// Answers questions for which some nodes have said nothing.
    void turn(Time now);
    /// When turn() has something to do; kNever if not at all.
    [[nodiscard]] Time due() const;

  private:
    struct Open {
        std::string connection;
        std::uint64_t token = 0;
        std::string who;
        std::vector<std::uint64_t> awaited; // the incarnations of nodes that have said nothing
        std::uint64_t streams = 0;
        bool is_known = true; // all of them have said a number
        Time until{};
        std::size_t bytes = 0; // that it counts
    };
    using Table = std::map<std::uint64_t, Open>; // by the token that nodes get; the oldest first

    void finish(Table::iterator open, bool is_known);
    void reply(std::string_view connection, std::uint64_t token, std::string who,
               std::string_view streams);

    RouterState& state_;
    Table open_;
    std::size_t open_bytes_ = 0;
    std::uint64_t last_token_ = 0;
    RateLimit rate_{kPerSecond};
};

} // namespace zcomet::broker::router
