// A comet stream: the part of a message that all its streams share, and one stream's chunk of it.
#include "webnode/format/comet.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

namespace zcomet::webnode::format {

namespace {

/// Text in which one character of 16 is escaped.
std::string text(std::int64_t bytes) {
    std::string text;
    while (text.size() < static_cast<std::size_t>(bytes)) {
        text += text.size() % 16 == 15 ? '<' : 'x';
    }
    return text;
}

/// Once for each message.
void prepare_message(benchmark::State& state) {
    const std::string message = text(state.range(0));
    std::string shared;
    for ([[maybe_unused]] const auto _ : state) {
        comet_format().prepare({"123", message}, shared);
        benchmark::DoNotOptimize(shared.data());
    }
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(prepare_message)->Arg(100)->Arg(65'536);

/// Once for each stream.
void append_chunk(benchmark::State& state) {
    std::string shared;
    comet_format().prepare({"123", text(state.range(0))}, shared);
    std::string out;
    std::uint32_t number = 0;
    for ([[maybe_unused]] const auto _ : state) {
        out.clear();
        comet_format().append(out, shared, ++number, Framing::kChunked);
        benchmark::DoNotOptimize(out.data());
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(append_chunk)->Arg(100)->Arg(65'536);

} // namespace

} // namespace zcomet::webnode::format
