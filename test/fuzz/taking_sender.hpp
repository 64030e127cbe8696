// A broker that takes every message, and looks whether it is one.
#pragma once

#include "topology/base/check.hpp"
#include "topology/wire/attributes.hpp"
#include "topology/wire/frames.hpp"
#include "topology/wire/id.hpp"
#include "webnode/publish/publisher.hpp"
#include "webnode/route/message_rules.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zcomet::fuzz {

class TakingSender : public webnode::publish::Sender {
  public:
    [[nodiscard]] bool has_broker(std::string_view /*id*/) const override { return true; }
    [[nodiscard]] bool can_send(std::string_view /*id*/,
                                std::size_t /*message_bytes*/) const override {
        return true;
    }
    std::uint64_t send(std::string_view id, std::string_view text, wire::Confirm /*confirm*/,
                       std::string_view attributes) override {
        ZCOMET_ASSERT(wire::valid_id(id));
        ZCOMET_ASSERT(text.size() <= wire::kPayloadBytesMax);
        ZCOMET_ASSERT(webnode::route::is_utf8(text));
        ZCOMET_ASSERT(attributes.size() <= wire::kSentAttributesBytesMax);
        ZCOMET_ASSERT(wire::why_malformed_attributes(attributes).empty());
        return ++sent;
    }

    std::uint64_t sent = 0;
};

} // namespace zcomet::fuzz
