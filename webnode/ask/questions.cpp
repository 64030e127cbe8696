#include "webnode/ask/questions.hpp"

#include <utility>

namespace zcomet::webnode::ask {

bool Questions::refuse(request::Exchange& exchange, std::string_view id, bool is_full) {
    if (!broker_->has_broker(id)) {
        exchange.answer(request::try_again(503, request::kNoBroker));
        return true;
    }
    if (is_full) {
        exchange.answer(request::try_again(
            429, "very many questions wait for their answers; try again in a moment"));
    }
    return is_full;
}

/// Proxies must not keep it: it is about this moment.
http::Reply Questions::told(std::string json) {
    http::Reply reply;
    reply.type = "application/json";
    reply.text = std::move(json);
    reply.headers.push_back({"Cache-Control", "no-store"});
    return reply;
}

} // namespace zcomet::webnode::ask
