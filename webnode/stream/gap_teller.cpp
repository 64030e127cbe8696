#include "webnode/stream/gap_teller.hpp"

#include "webnode/format/formats.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::webnode::stream {

namespace {

/// A send() takes 5 to 10 µs: of a million streams a step tells a thousand, in some milliseconds.
constexpr Duration kToldEach = 10ms;
/// Slots of a step in which few have to be told.
constexpr std::uint32_t kFew = 16;

} // namespace

void GapTeller::begin(Time now, Concerns concerns) {
    Concerned concerned{connections_.table().last_generation(), std::move(concerns)};
    if (!is_in_round()) {
        concerned_ = std::move(concerned);
        begin_round(now);
        return;
    }
    if (next_ && next_->ids && concerned.ids) {
        concerned.ids = [one = next_->ids, other = concerned.ids](std::string_view id) {
            return one(id) || other(id);
        };
    } else if (next_) {
        concerned.ids = {};
    }
    next_ = std::move(concerned);
}

void GapTeller::begin_round(Time now) {
    slots_ = connections_.table().slot_bound();
    if (slots_ == 0) {
        return;
    }
    first_ = pace_.pick(slots_);
    done_ = 0;
    pace_.begin(now, {.within = kTime, .step = kToldEach, .few = kFew});
}

void GapTeller::on_open(connection::Handle handle) {
    if (!is_in_round()) {
        return;
    }
    if (!concerned_.is_newer(handle)) {
        concerned_.others.insert(handle.packed());
    }
    if (next_ && !next_->is_newer(handle)) {
        next_->others.insert(handle.packed());
    }
}

void GapTeller::turn(Time now) {
    if (due() > now) {
        return;
    }
    for (std::uint32_t left = pace_.take(now, slots_ - done_); left > 0;) {
        const auto slot = static_cast<std::uint32_t>((std::uint64_t{first_} + done_) % slots_);
        const std::uint32_t count = std::min(left, slots_ - slot);
        tell(slot, count);
        done_ += count;
        left -= count;
    }
    if (done_ == slots_) {
        end_round(now);
    }
}

void GapTeller::end_round(Time now) {
    pace_.end();
    concerned_ = {};
    if (next_) {
        concerned_ = *std::exchange(next_, std::nullopt);
        begin_round(now);
    }
}

void GapTeller::tell(std::uint32_t first, std::uint32_t count) {
    connections_.table().for_connections_in(
        first, count, [this](connection::Handle handle, connection::Connection& connection) {
            if (!connection.parked() || !concerned_.has(handle)) {
                return;
            }
            ids_.clear();
            streams_.for_each_id_of(connection, [this](std::string_view id) {
                const bool is_concerned = !concerned_.ids || concerned_.ids(id);
                if (is_concerned && !with_history_.match(id)) {
                    ids_.push_back(id);
                }
            });
            if (ids_.empty()) {
                return;
            }
            const format::Gap gap{ids_, history::name_of(history::GapReason::kCutOff)};
            counters_.add(slot::WorkerCounter::kGapsTold);
            if (polls_ != nullptr && polls_->has(handle)) {
                polls_->add_gap(handle, gap);
                return;
            }
            const format::Form form = format::Form::unpack(connection.form());
            words_.clear();
            format::format_at(form.format).append_gap(words_, gap, form.framing);
            static_cast<void>(connections_.write(handle, connection, words_));
        });
}

/// Generations rise from connection to connection, and begin again after four billion.
bool GapTeller::Concerned::is_newer(connection::Handle handle) const {
    const std::uint32_t ahead = handle.generation - newest;
    return ahead != 0 && ahead <= UINT32_MAX / 2;
}

} // namespace zcomet::webnode::stream
