#include "webnode/route/wishes.hpp"

#include <cstddef>
#include <string>

namespace zcomet::webnode::route {

namespace {

/// Clients mostly take a UUID.
/// @limit bytes of an Idempotency-Key
constexpr std::size_t kKeyBytesMax = 255;

} // namespace

std::optional<http::Reply> read_wishes(const http::Request& request, wire::Confirm& confirm) {
    if (idempotency_key(request).size() > kKeyBytesMax) {
        return http::error_reply(400, "an Idempotency-Key has at most " +
                                          std::to_string(kKeyBytesMax) + " bytes");
    }
    const std::string_view wait = request.header("Zcomet-Wait");
    if (!wait.empty() && wait != "nodes") {
        return http::error_reply(400, "Zcomet-Wait takes one word, nodes");
    }
    confirm = wait.empty() ? wire::Confirm::kReceipt : wire::Confirm::kAcknowledgement;
    return std::nullopt;
}

std::string_view idempotency_key(const http::Request& request) {
    return request.header("Idempotency-Key");
}

void give_keys(std::vector<publish::Publication>& publications, std::string_view key) {
    if (key.empty()) {
        return;
    }
    for (std::size_t n = 0; n < publications.size(); ++n) {
        publications[n].idempotency_key = std::string(key) + "\n" + std::to_string(n + 1);
    }
}

} // namespace zcomet::webnode::route
