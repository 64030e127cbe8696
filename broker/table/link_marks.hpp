// The marks of one node's links: how a node loses a million ids by a change of one byte.
//
// Each link of the routing table bears one of four marks. The node's LinkMarks say which marks are
// held: a link whose mark is held stands for an id that the node holds, and any other link is void.
// A login gives its link the current mark. A list begins by making another mark the current one, so
// that no link bears it until the list names its id; when the list ends, only that mark is held.
//
// Void links stay in memory until a pass over all links of the node gives them back. A pass also
// gives the links of all older held marks one common mark, so that marks become free again. `used`
// are the marks that links may bear. If a list begins or ends during a pass, the links before that
// point were looked at too early, so another pass follows: `passes` is 2 then.
//
// The states, by how many marks are held and used. The current mark is held, unless the node is
// gone.
//
//   state      held   used      passes   meaning
//   settled    1      as held   0        no link is void
//   listing    2      as held   0        a list is under way, or was given up; no link is void
//   crowded    2-4    2-4       1-2      as listing, but links may be void and marks are scarce
//   clearing   1      2-4       1-2      a list has ended, and links that it did not name are void
//   removed    0      any       1-2      the node is gone, and all its links are void
//
//   event                            settled   listing   crowded   clearing  removed
//   begin_list()                     listing   crowded   crowded   crowded   -
//   end_list(), all ids were named   -         settled   clearing  -         -
//   end_list(), some were not        -         clearing  clearing  -         -
//   remove()                         removed   removed   removed   removed   -
//   end of a pass, passes = 2        -         -         the same state, with passes = 1
//   end of a pass, passes = 1        -         -         listing   settled   free
//
// A crowded or clearing node may use all four marks. The caller then looks at all links at once
// before the next list begins.
#pragma once

#include "topology/base/check.hpp"

#include <bit>
#include <cstdint>
#include <optional>
#include <utility>

namespace zcomet::broker::table {

/// Thread:  one at a time.   Errors: none.   Cost: O(1) each call.
class LinkMarks {
  public:
    /// A link has this many bits for its mark.
    static constexpr unsigned kBits = 2;
    static constexpr std::uint32_t kMarkMax = (1U << kBits) - 1;

    /// The mark that a login gives its link.
    [[nodiscard]] std::uint8_t current() const { return current_; }
    /// Whether a link that bears `mark` stands for an id that the node holds.
    [[nodiscard]] bool is_held(std::uint32_t mark) const { return (held_ >> mark & 1U) != 0; }
    [[nodiscard]] bool is_removed() const { return held_ == 0; }
    /// Whether the links are to be looked at, or are being looked at.
    [[nodiscard]] bool has_pass() const { return passes_ > 0; }

    /// Whether every mark is used. The caller then calls restart_pass(), looks at all links, and
    /// calls end_of_links() before begin_list().
    [[nodiscard]] bool is_full() const { return used_ == kAllMarks; }
    /// A list begins.   @return whether need_pass() must follow.
    [[nodiscard]] bool begin_list() {
        ZCOMET_ASSERT(!is_removed() && !is_full());
        current_ = static_cast<std::uint8_t>(std::countr_one(used_));
        used_ |= only(current_);
        held_ |= only(current_);
        return has_pass() || std::popcount(used_) > 2;
    }
    /// A list ends.
    /// @param named_all  whether it named every id that the node holds.
    /// @return whether need_pass() must follow.
    [[nodiscard]] bool end_list(bool named_all) {
        held_ = only(current_);
        if (named_all && !has_pass()) {
            used_ = held_;
            return false;
        }
        return true;
    }
    /// The node is gone. need_pass() must follow, unless the node has no links and no pass.
    void remove() { held_ = 0; }

    /// All links are to be looked at once more from the first one on.
    /// @return whether that begins now; otherwise it follows the pass that is under way.
    [[nodiscard]] bool need_pass() {
        const bool begins = passes_ == 0;
        passes_ = begins ? 1 : 2;
        return begins;
    }
    /// The pass that is under way begins again at the first link.
    void restart_pass() { passes_ = 1; }
    /// What a pass does with a link that bears `mark`.
    /// @return the mark that the link bears from now on; absent: the link is void and goes.
    [[nodiscard]] std::optional<std::uint8_t> mark_after_pass(std::uint32_t mark) const {
        if (!is_held(mark)) {
            return std::nullopt;
        }
        return mark == current_ ? current_ : older();
    }
    /// The pass has looked at the last link.
    void end_of_links() {
        if (passes_ == 1 && !is_removed()) {
            held_ = static_cast<Marks>(only(current_) | only(older()));
            used_ = held_;
        }
    }
    /// The pass is over, after end_of_links().   @return whether need_pass() must follow.
    [[nodiscard]] bool end_pass() { return std::exchange(passes_, std::uint8_t{0}) > 1; }

  private:
    /// A set of marks, a bit for each.
    using Marks = std::uint8_t;
    static constexpr Marks kAllMarks = (1U << (kMarkMax + 1)) - 1;
    [[nodiscard]] static constexpr Marks only(std::uint32_t mark) {
        return static_cast<Marks>(1U << mark);
    }
    /// The one mark that a pass gives to links with any held mark but the current one.
    [[nodiscard]] std::uint8_t older() const {
        const auto others = static_cast<Marks>(held_ & ~only(current_));
        return others == 0 ? current_ : static_cast<std::uint8_t>(std::countr_zero(others));
    }

    std::uint8_t current_ = 0;
    Marks used_ = only(0);
    Marks held_ = only(0);
    std::uint8_t passes_ = 0;
};
static_assert(sizeof(LinkMarks) == 4);

} // namespace zcomet::broker::table
