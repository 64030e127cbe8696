#include "broker/router/rights.hpp"

namespace zcomet::broker::router {

using keys::Role;

bool Rights::may_be(const keys::KnownKey& key, wire::Role role) {
    return role == wire::Role::kNode ? key.may(Role::kNode)
                                     : key.may(Role::kSender) || key.may(Role::kOperator);
}

bool Rights::may_join(const Incoming& in, const wire::Hello& hello) {
    if (in.key == nullptr || may_be(*in.key, hello.role)) {
        return true;
    }
    return refuse(in, hello.role == wire::Role::kNode ? "this key has not the role node"
                                                      : "this key has not the role sender");
}

/// A sender learns from receipts how many nodes hold an id, so it may ask as well which.
Rights::Answer Rights::may_ask(const Incoming& in, const wire::Query& query) {
    if (in.key == nullptr || in.key->may(Role::kOperator)) {
        return Answer::kAll;
    }
    const bool is_about_id = query.what == "who" || query.what == "streams";
    if (is_about_id && in.key->may(Role::kSender) && in.key->may_send_to(query.argument)) {
        return Answer::kAll;
    }
    const bool is_node = in.peer != store::kNoIndex && state_.peers[in.peer].node() != nullptr;
    if (query.what == "nodes" && is_node) {
        return Answer::kOwn;
    }
    refuse(in, is_about_id ? "this key may not ask about that id"
                           : "this key has not the role operator");
    return Answer::kNone;
}

/// What was sent is for those who may listen.
bool Rights::may_replay(const Incoming& in) {
    return in.key == nullptr || in.key->may(Role::kNode) || in.key->may(Role::kOperator) ||
           refuse(in, "this key has not the role node");
}

bool Rights::refuse(const Incoming& in, std::string_view text) {
    refusals_.refuse(in, wire::ErrorCode::kNotAllowed, text);
    return false;
}

} // namespace zcomet::broker::router
