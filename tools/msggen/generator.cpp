#include "tools/msggen/generator.hpp"

#include "tools/logs/message_tag.hpp"
#include "topology/base/check.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace zcomet::tools::msggen {

namespace {

constexpr std::string_view kDefaultText = "Fake message Num = ";
constexpr std::string_view kStampKey = " ts=";
constexpr std::uint64_t kDrawMax = std::numeric_limits<std::uint64_t>::max();
using Digits = std::array<char, 20>; // of any 64-bit number

std::string_view to_digits(std::uint64_t number, Digits& room) {
    const auto [end, status] = std::to_chars(room.data(), room.data() + room.size(), number);
    ZCOMET_ASSERT(status == std::errc{});
    return {room.data(), static_cast<std::size_t>(end - room.data())};
}

} // namespace

Generator::Generator(GeneratorOptions options, Time start)
    : options_(std::move(options)), random_(options_.seed),
      fair_end_(kDrawMax - kDrawMax % options_.id_max), round_start_(start) {
    ZCOMET_ASSERT(options_.count >= 1);
    ZCOMET_ASSERT(options_.generators >= 1);
    ZCOMET_ASSERT(options_.generators <= kGeneratorsMax);
    ZCOMET_ASSERT(options_.interval >= Duration::zero());
    ZCOMET_ASSERT(options_.interval <= kGeneratorIntervalMax);
}

Time Generator::due() const {
    if (finished()) {
        return kNever;
    }
    return round_start_ + options_.interval * generator_ / options_.generators;
}

std::size_t Generator::message_bytes_max() const {
    const std::size_t text_bytes =
        std::max(options_.message.size(), kDefaultText.size() + std::tuple_size_v<Digits>);
    const std::size_t end_bytes =
        logs::tag_bytes_max(options_.sender.size()) + kStampKey.size() + std::tuple_size_v<Digits>;
    return std::tuple_size_v<Digits> + std::max(text_bytes + 1 + end_bytes, options_.size_bytes);
}

std::uint64_t Generator::draw_id() {
    std::uint64_t drawn = random_();
    while (drawn >= fair_end_) {
        drawn = random_();
    }
    return options_.id_first + drawn % options_.id_max;
}

void Generator::write_text(std::uint64_t realtime_ns) {
    Digits room;
    if (options_.message.empty()) {
        text_.assign(kDefaultText).append(to_digits(round_ + 1, room));
    } else {
        text_.assign(options_.message);
    }
    const std::string_view stamp =
        options_.stamp ? to_digits(realtime_ns, room) : std::string_view();
    tag_.clear();
    if (!options_.sender.empty()) {
        logs::append_tag(tag_, {options_.sender, made_});
    }
    const std::size_t end_bytes =
        tag_.size() + (options_.stamp ? kStampKey.size() + stamp.size() : 0);
    if (text_.size() + end_bytes < options_.size_bytes) {
        text_.push_back(' ');
        text_.resize(std::max(options_.size_bytes - end_bytes, text_.size()), 'x');
    }
    text_.append(tag_);
    if (options_.stamp) {
        text_.append(kStampKey).append(stamp);
    }
}

std::string_view Generator::next_id() {
    if (!next_id_number_) {
        next_id_number_ = draw_id();
    }
    return to_digits(*next_id_number_, id_);
}

GeneratedMessage Generator::next(std::uint64_t realtime_ns) {
    ZCOMET_ASSERT(!finished());
    ++made_;
    write_text(realtime_ns);
    GeneratedMessage message;
    message.number = made_;
    message.id = next_id();
    message.id_number = *std::exchange(next_id_number_, std::nullopt);
    message.text = text_;
    message.generator = generator_ + 1;
    message.last = round_ + 1 == options_.count;
    if (++generator_ == options_.generators) {
        generator_ = 0;
        ++round_;
        round_start_ += options_.interval;
    }
    return message;
}

} // namespace zcomet::tools::msggen
