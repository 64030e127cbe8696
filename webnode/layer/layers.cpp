#include "webnode/layer/layers.hpp"

namespace zcomet::webnode::layer {

static_assert(Layer<ProxyLayer> && Layer<TlsLayer>);

Taken Layers::take(connection::Handle handle, std::string_view bytes, Time now) {
    Taken taken{.text = bytes};
    const auto go_on = [&](auto& layer) {
        if (layer.is_on(handle)) {
            taken = layer.take(handle, taken.text, now);
        }
        return taken.after == Taken::After::kOpen && !(taken.keeps && taken.text.empty());
    };
    std::apply([&](auto&... layer) { static_cast<void>((go_on(layer) && ...)); }, list_);
    return taken;
}

bool Layers::keeps_plain(connection::Handle handle) const {
    return !std::get<TlsLayer>(list_).is_on(handle) && kept_.memory_of(handle) > 0;
}

std::size_t Layers::memory_of(connection::Handle handle) const {
    return std::apply(
        [&](const auto&... layer) {
            return (kept_.memory_of(handle) + ... + layer.memory_of(handle));
        },
        list_);
}

void Layers::give_up(connection::Handle handle) {
    kept_.forget(handle);
    std::apply([handle](auto&... layer) { (layer.give_up(handle), ...); }, list_);
}

void Layers::forget(connection::Handle handle) {
    kept_.forget(handle);
    std::apply([handle](auto&... layer) { (layer.forget(handle), ...); }, list_);
}

} // namespace zcomet::webnode::layer
