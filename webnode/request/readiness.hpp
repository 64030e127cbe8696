// Whether a node takes streams, and whether it wants more clients. The worker knows.
#pragma once

#include <string_view>

namespace zcomet::webnode::request {

/// Each answer is a sentence without its full stop, and a constant; empty: there is no reason.
/// Thread: the worker's loop only.
class Readiness {
  public:
    Readiness() = default;
    virtual ~Readiness() = default;
    Readiness(const Readiness&) = delete;
    Readiness& operator=(const Readiness&) = delete;

    /// Why no stream may open now: a request that would open one is answered with 503.
    [[nodiscard]] virtual std::string_view why_no_streams() const = 0;
    /// Why a balancer should send clients to other nodes now.
    [[nodiscard]] virtual std::string_view why_not_ready() const = 0;
};

/// For what has no worker: nothing stands in the way.
class AlwaysReady final : public Readiness {
  public:
    [[nodiscard]] std::string_view why_no_streams() const override { return {}; }
    [[nodiscard]] std::string_view why_not_ready() const override { return {}; }
};

} // namespace zcomet::webnode::request
