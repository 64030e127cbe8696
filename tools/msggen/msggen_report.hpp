// The report at the end of zcomet-msggen: for people, and as JSON for programs.
#pragma once

#include <cstdint>
#include <string>

namespace zcomet::tools::msggen {

struct MsggenReport {
    std::uint64_t sent = 0;
    std::uint64_t planned = 0;
    double seconds = 0;      ///< from the first message sent to the last
    double wanted_per_s = 0; ///< 0: as fast as the broker takes them
    double late_ms = 0;      ///< delay of the last message
    double late_ms_max = 0;  ///< the longest delay of a message
    /// Under way when the broker was lost, or not taken in at the end; with acknowledgements: not
    /// acknowledged at the end.
    std::uint64_t unconfirmed = 0;
    bool asks_acknowledgement = false;
    std::uint64_t acknowledged = 0;   ///< arrived at one node or more
    std::uint64_t gone_into_void = 0; ///< no node held the id, as far as the broker said
    std::uint64_t not_known = 0;      ///< sent again, and the broker cannot say whether it arrived
    std::uint64_t resent = 0;         ///< times that a message was sent again
    std::uint64_t lost_brokers = 0;
    std::uint64_t failed_over = 0;    ///< messages that went to another broker than their first one
    std::uint64_t log_lines_lost = 0; ///< lines that could not be written
    std::uint32_t generators = 1;
    std::uint64_t seed = 0;

    /// Messages a second; 0 for fewer than two messages.
    [[nodiscard]] double per_s() const;
    /// Whether the wanted rate was missed: the last message was late by more than 50 ms and by more
    /// than a hundredth of the whole time.
    [[nodiscard]] bool behind_schedule() const;

    /// Whether every message arrived, as far as the options ask for it.
    [[nodiscard]] bool all_arrived() const {
        return unconfirmed == 0 &&
               ((gone_into_void == 0 && not_known == 0) || !asks_acknowledgement);
    }

    /// One sentence a line, each line ended.
    [[nodiscard]] std::string text() const;
    /// One line of JSON, ended.
    [[nodiscard]] std::string json() const;
};

} // namespace zcomet::tools::msggen
