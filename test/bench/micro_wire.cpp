// The codec: a frame of N messages or ids, written and read.
#include "topology/base/check.hpp"
#include "topology/wire/frames.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace zcomet {

namespace {

/// As the benchmarks of scripts/bench have them.
const std::string kPayload(100, 'x');

std::vector<std::string> ids(std::int64_t count) {
    std::vector<std::string> ids;
    for (std::int64_t i = 0; i < count; ++i) {
        ids.push_back("user-" + std::to_string(i));
    }
    return ids;
}

std::string send_frame(const std::vector<std::string>& to) {
    wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kSend);
    for (const std::string& id : to) {
        writer.add({id, kPayload});
    }
    return writer.finish_send(wire::Confirm::kNothing, 1);
}

std::string login_frame(const std::vector<std::string>& of) {
    wire::IdFrameWriter writer;
    for (const std::string& id : of) {
        writer.add(id);
    }
    return writer.finish_login(1);
}

void write_send(benchmark::State& state) {
    const std::vector<std::string> to = ids(state.range(0));
    for ([[maybe_unused]] const auto _ : state) {
        benchmark::DoNotOptimize(send_frame(to));
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(write_send)->Arg(1)->Arg(100);

/// Looks at every message, as the router does.
void read_send(benchmark::State& state) {
    const std::string frame = send_frame(ids(state.range(0)));
    for ([[maybe_unused]] const auto _ : state) {
        const auto decoded = wire::decode(frame);
        std::size_t bytes = 0;
        std::get<wire::Send>(std::get<wire::Frame>(decoded))
            .messages.for_each([&](const wire::Message& message) {
                bytes += message.id.size() + message.payload.size();
            });
        benchmark::DoNotOptimize(bytes);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(read_send)->Arg(1)->Arg(100);

void write_login(benchmark::State& state) {
    const std::vector<std::string> of = ids(state.range(0));
    for ([[maybe_unused]] const auto _ : state) {
        benchmark::DoNotOptimize(login_frame(of));
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(write_login)->Arg(1000);

void read_login(benchmark::State& state) {
    const std::string frame = login_frame(ids(state.range(0)));
    for ([[maybe_unused]] const auto _ : state) {
        const auto decoded = wire::decode(frame);
        ZCOMET_ASSERT(std::holds_alternative<wire::Frame>(decoded));
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(read_login)->Arg(1000);

} // namespace

} // namespace zcomet
