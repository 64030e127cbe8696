// What zcomet-msggen sends, and when. Pure: times go in, messages come out; the same options and
// seed give the same messages.
//
// N generators of the same interval, spread evenly over it, take turns: generator 1, 2, … N, 1, …
// So one sequence stands for any number of generators, and finding the next message costs nothing.
#pragma once

#include "topology/base/time.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace zcomet::tools::msggen {

inline constexpr std::uint32_t kGeneratorsMax = 100'000;
inline constexpr Duration kGeneratorIntervalMax = std::chrono::hours(24);
static_assert(kGeneratorIntervalMax.count() <=
                  std::numeric_limits<Duration::rep>::max() / kGeneratorsMax,
              "a generator's share of the interval is computed without overflow");

struct GeneratorOptions {
    std::uint64_t count = 1;      ///< messages of each generator, 1 or more
    Duration interval{};          ///< between two of a generator; 0: as fast as possible
    std::uint64_t id_max = 1;     ///< how many ids there are to draw from, 1 or more
    std::uint64_t id_first = 1;   ///< the lowest id
    std::uint32_t generators = 1; ///< 1 to kGeneratorsMax
    std::string message{}; ///< empty: "Fake message Num = K", K counting each generator's from 1
    std::size_t size_bytes = 0; ///< shorter messages are padded to this, the stamp included
    std::uint64_t seed = 0;
    bool stamp = false;   ///< end each message with " ts=NANOSECONDS"
    std::string sender{}; ///< tag each message with this name and its number; empty: no tags
};

/// Its views live until the next message is made.
struct GeneratedMessage {
    std::uint64_t id_number = 0;
    std::string_view id;
    std::string_view text;
    std::uint32_t generator = 1; ///< which one made it, from 1
    std::uint64_t number = 1;    ///< of all messages, from 1: the one in its tag
    bool last = false;           ///< it was the last of its generator
};

/// Thread: one.
class Generator {
  public:
    /// @param start  when the first message is due. Message k of generator g (both from 0) is due
    /// at
    ///               start + k × interval + g × interval / generators: there is no drift.
    Generator(GeneratorOptions options, Time start);

    [[nodiscard]] bool finished() const { return round_ == options_.count; }
    /// When the next message is due; kNever once finished. A message that was not fetched in time
    /// stays due, so a generator that is late catches up.
    [[nodiscard]] Time due() const;

    /// More bytes than the id and the text of any message have together.
    [[nodiscard]] std::size_t message_bytes_max() const;

    /// To which id the next message goes, due or not. The generator must not be finished. The view
    /// lives until the message after that is asked for.
    [[nodiscard]] std::string_view next_id();

    /// The next message, due or not. The generator must not be finished.
    /// @param realtime_ns  nanoseconds since 1970, for the stamp; unused without one.
    /// Cost: no allocation once the longest message has been made.
    [[nodiscard]] GeneratedMessage next(std::uint64_t realtime_ns);

  private:
    [[nodiscard]] std::uint64_t draw_id();
    void write_text(std::uint64_t realtime_ns);

    GeneratorOptions options_;
    std::mt19937_64 random_;
    std::uint64_t fair_end_; ///< draws from this value on would favour small ids
    Time round_start_;
    std::uint64_t round_ = 0;                     ///< messages that every generator has made
    std::uint32_t generator_ = 0;                 ///< the one whose turn it is, from 0
    std::uint64_t made_ = 0;                      ///< messages of all generators
    std::optional<std::uint64_t> next_id_number_; ///< drawn ahead
    std::array<char, 20> id_{};
    std::string text_;
    std::string tag_;
};

} // namespace zcomet::tools::msggen
