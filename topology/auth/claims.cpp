#include "topology/auth/claims.hpp"

#include "topology/auth/json_object.hpp"
#include "topology/history/patterns.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace zcomet::auth {

namespace {

constexpr double kYear10000 = 253'402'300'800.0;

bool match(const std::vector<std::string>& patterns, std::string_view id) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [id](const std::string& pattern) { return history::matches(pattern, id); });
}

bool names(const std::vector<std::string>& topics, std::string_view topic) {
    return std::any_of(topics.begin(), topics.end(),
                       [topic](const std::string& one) { return one == topic || one == "*"; });
}

/// Reads members of one object. A mistake is remembered, and the rest is not read any more.
class Reader {
  public:
    explicit Reader(const nlohmann::json& object) : object_(object) {}

    void text(const char* name, std::string& out) {
        if (const nlohmann::json* const value = member(name); value != nullptr) {
            is_good_ = value->is_string();
            out = is_good_ ? value->get<std::string>() : std::string();
        }
    }
    /// @param round  a time may have a fraction.
    void time(const char* name, UnixSeconds& out, double (*round)(double)) {
        if (const nlohmann::json* const value = member(name); value != nullptr) {
            const double seconds = value->is_number() ? value->get<double>() : -1;
            is_good_ = seconds >= 0 && seconds < kYear10000; // false for what is no number
            out = is_good_ ? static_cast<UnixSeconds>(round(seconds)) : 0;
        }
    }
    void patterns(const char* name, std::vector<std::string>& out) {
        texts(name, out);
        is_good_ = is_good_ && out.size() <= kClaimPatternsMax &&
                   std::all_of(out.begin(), out.end(), [](const std::string& pattern) {
                       return history::why_no_pattern(pattern).empty();
                   });
    }
    void text_or_texts(const char* name, std::vector<std::string>& out) {
        const nlohmann::json* const value = member(name);
        if (value != nullptr && value->is_string()) {
            out = {value->get<std::string>()};
        } else {
            texts(name, out);
        }
    }
    /// Adds to `out`.
    void topics(const char* name, std::vector<std::string>& out) {
        std::vector<std::string> more;
        texts(name, more);
        out.insert(out.end(), more.begin(), more.end());
        is_good_ = is_good_ && out.size() <= kClaimTopicsMax;
    }
    [[nodiscard]] bool is_good() const { return is_good_; }

  private:
    [[nodiscard]] const nlohmann::json* member(const char* name) const {
        const auto found = object_.find(name);
        return is_good_ && found != object_.end() ? &*found : nullptr;
    }
    void texts(const char* name, std::vector<std::string>& out) {
        const nlohmann::json* const value = member(name);
        if (value == nullptr) {
            return;
        }
        is_good_ = value->is_array() &&
                   std::all_of(value->begin(), value->end(),
                               [](const nlohmann::json& item) { return item.is_string(); });
        if (is_good_) {
            out = value->get<std::vector<std::string>>();
        }
    }

    const nlohmann::json& object_;
    bool is_good_ = true;
};

/// {"mercure":{"publish":[…],"subscribe":[…]}}
bool read_mercure(const nlohmann::json& token, Claims& claims) {
    const auto found = token.find("mercure");
    if (found == token.end()) {
        return true;
    }
    if (!found->is_object()) {
        return false;
    }
    Reader reader(*found);
    reader.topics("publish", claims.topics_to_publish);
    reader.topics("subscribe", claims.topics_to_subscribe);
    return reader.is_good();
}

/// @return the topics that a detail of Mercure names; nothing: it is malformed.
std::optional<std::vector<std::string>> topics_of_detail(const nlohmann::json& detail) {
    const auto found = detail.find("topics");
    if (found == detail.end() || !found->is_array() || found->empty()) {
        return std::nullopt;
    }
    std::vector<std::string> topics;
    for (const nlohmann::json& matcher : *found) {
        const auto match = matcher.is_object() ? matcher.find("match") : matcher.end();
        if (match == matcher.end() || !match->is_string()) {
            return std::nullopt;
        }
        std::string type = "Exact";
        Reader reader(matcher);
        reader.text("match_type", type);
        reader.text("matchType", type);
        if (!reader.is_good()) {
            return std::nullopt;
        }
        const bool is_exact = type == "Exact" || type == "exact" || *match == "*";
        if (is_exact) {
            topics.push_back(match->get<std::string>());
        }
    }
    return topics;
}

bool read_detail(const nlohmann::json& detail, Claims& claims) {
    const auto topics = topics_of_detail(detail);
    const auto actions = detail.find("actions");
    if (!topics || actions == detail.end() || !actions->is_array() || actions->empty()) {
        return false;
    }
    for (const nlohmann::json& action : *actions) {
        if (action != "publish" && action != "subscribe") {
            return false;
        }
        auto& out = action == "publish" ? claims.topics_to_publish : claims.topics_to_subscribe;
        out.insert(out.end(), topics->begin(), topics->end());
        if (out.size() > kClaimTopicsMax) {
            return false;
        }
    }
    return true;
}

/// RFC 9396; details of other types are about something else.
bool read_details(const nlohmann::json& token, Claims& claims) {
    const auto found = token.find("authorization_details");
    if (found == token.end()) {
        return true;
    }
    return found->is_array() &&
           std::all_of(found->begin(), found->end(), [&claims](const nlohmann::json& detail) {
               if (!detail.is_object()) {
                   return false;
               }
               const std::string type = text_member(detail, "type");
               const bool is_of_mercure =
                   type == "mercure" || type == "https://mercure.rocks/authorization-detail";
               return !is_of_mercure || read_detail(detail, claims);
           });
}

} // namespace

bool Claims::may_listen(std::string_view id) const {
    return (!id.empty() && subject == id) || match(ids, id);
}

bool Claims::may_publish(std::string_view id) const {
    return match(publish, id);
}

bool Claims::may_publish_topic(std::string_view topic) const {
    return names(topics_to_publish, topic);
}

bool Claims::may_subscribe_topic(std::string_view topic) const {
    return names(topics_to_subscribe, topic);
}

std::optional<Claims> read_claims(std::string_view json) {
    nlohmann::json object;
    if (!read_object(json, object)) {
        return std::nullopt;
    }
    Claims claims;
    Reader reader(object);
    reader.text("sub", claims.subject);
    reader.patterns("ids", claims.ids);
    reader.patterns("publish", claims.publish);
    // A token is good for no longer than it says.
    reader.time("exp", claims.expires, std::floor);
    reader.time("nbf", claims.not_before, std::ceil);
    reader.text("iss", claims.issuer);
    reader.text_or_texts("aud", claims.audience);
    const bool is_good =
        reader.is_good() && read_mercure(object, claims) && read_details(object, claims);
    return is_good ? std::optional(std::move(claims)) : std::nullopt;
}

std::string write_claims(const Claims& claims) {
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    const auto add = [&json](const char* name, const auto& value) {
        if (!value.empty()) {
            json[name] = value;
        }
    };
    add("iss", claims.issuer);
    add("sub", claims.subject);
    add("aud", claims.audience);
    add("ids", claims.ids);
    add("publish", claims.publish);
    if (!claims.topics_to_publish.empty()) {
        json["mercure"]["publish"] = claims.topics_to_publish;
    }
    if (!claims.topics_to_subscribe.empty()) {
        json["mercure"]["subscribe"] = claims.topics_to_subscribe;
    }
    if (claims.not_before != 0) {
        json["nbf"] = claims.not_before;
    }
    if (claims.expires != kForever) {
        json["exp"] = claims.expires;
    }
    return json.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace zcomet::auth
