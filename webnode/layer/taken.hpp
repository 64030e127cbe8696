// What a layer has made of bytes that a connection has sent.
#pragma once

#include <cstdint>
#include <string_view>

namespace zcomet::webnode::layer {

struct Taken {
    enum class After : std::uint8_t {
        kOpen,
        kEnded,   ///< the client has ended its half: nothing comes after `text`
        kRefused, ///< the client must be told that its bytes make no sense; then it ends
        kFull,    ///< there is no place for the client: likewise
        kFailed,  ///< all is said: the connection must end
        kClosed,  ///< the connection is closed
    };
    /// For the next layer, and at last for the reader of requests. Valid until the next call.
    std::string_view text{};
    After after = After::kOpen;
    bool keeps = false;  ///< the beginning of something is kept, which needs its time and memory
    bool begins = false; ///< `text` begins a request, whatever came before it
};

} // namespace zcomet::webnode::layer
