// What formats share in which a message looks the same on all streams of its id.
#pragma once

#include "webnode/format/framing.hpp"

namespace zcomet::webnode::format {

/// Its prepare() ends with make_chunk().
class UnnumberedFormat : public StreamFormat {
  public:
    /// @param type  a constant.
    explicit UnnumberedFormat(std::string_view type) : type_(type) {}

    [[nodiscard]] http::Reply open(const http::Request& request) const override {
        return endless_reply(type_, request);
    }

    void append(std::string& out, std::string_view shared, std::uint32_t /*number*/,
                Framing framing) const override {
        append_chunk(out, shared, framing);
    }

  private:
    std::string_view type_;
};

} // namespace zcomet::webnode::format
