#include "broker/shell/gatekeeper.hpp"

#include "topology/base/text.hpp"
#include "topology/keys/curve_text.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <charconv>
#include <cstring>
#include <string_view>

namespace zcomet::broker::shell {

namespace {

/// The number that the kernel has for a socket, and for no other one; 0: there is no such socket.
std::uint64_t cookie_of(int fd) {
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    return ::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        text.append(text.empty() ? "" : ",").append(name);
    }
    return text.empty() ? "-" : log_value(text);
}

} // namespace

Gatekeeper::Gatekeeper(link::LinkContext& context, const std::string& path,
                       const std::vector<keys::KeyFile>& allowed, std::function<void()> on_refusal)
    : on_refusal_(std::move(on_refusal)),
      zap_(context, [this](const link::ZapRequest& request) { return judge(request); }),
      watch_(path, [this](const Result<keys::Directory>& directory) { on_read(directory); }) {
    nobody_.index = SIZE_MAX;
    ring_.take(allowed);
    spdlog::info("event=keys allowed={} directory={}", ring_.size(), log_value(path));
    if (!watch_.notices()) {
        spdlog::warn("event=keys-not-watched text=\"the system has no room for inotify; changes of "
                     "the keys are read on SIGHUP only\"");
    }
}

const keys::KnownKey& Gatekeeper::key_of(zmq::message_t& message) const {
    const char* const user = link::user_of(message);
    if (user == nullptr) {
        return nobody_;
    }
    std::size_t index = SIZE_MAX;
    std::from_chars(user, user + std::strlen(user), index);
    const keys::KnownKey* const key = ring_.at(index);
    return key == nullptr ? nobody_ : *key;
}

void Gatekeeper::end_connection(zmq::message_t& message) const {
    if (link::is_connection_open(message)) {
        ::shutdown(link::descriptor_of(message), SHUT_RDWR);
    }
}

std::uint32_t Gatekeeper::note_subscription(const keys::KnownKey& key, zmq::message_t& message) {
    const int fd = link::descriptor_of(message);
    const std::uint64_t cookie = cookie_of(fd);
    Subscriber& subscriber = subscribers_[fd];
    if (subscriber.cookie != cookie) {
        subscriber = {.key = &key, .cookie = cookie};
    }
    return ++subscriber.subscriptions;
}

void Gatekeeper::add_to(loop::Loop& loop) {
    loop.add(zap_, loop::Order::kBroker);
    loop.add(watch_, loop::Order::kBroker);
}

void Gatekeeper::remove_from(loop::Loop& loop) {
    loop.remove(zap_);
    loop.remove(watch_);
}

/// Only nodes have something to hear on the feed's port.
std::optional<std::string> Gatekeeper::judge(const link::ZapRequest& request) {
    const std::string text = keys::to_curve_text(request.key);
    const keys::KnownKey* const key = ring_.find(text);
    const bool is_feed = request.domain == "feed";
    if (key != nullptr && (!is_feed || key->may(keys::Role::kNode))) {
        return std::to_string(key->index);
    }
    on_refusal_();
    if (const auto times = refused_.pass(Clock::now()); times > 0) {
        spdlog::warn("event=key-refused socket={} key={} public={} address={} times={} text=\"{}\"",
                     is_feed ? "feed" : "listen", key == nullptr ? "-" : log_value(key->name),
                     log_value(text), log_value(request.address), times,
                     key == nullptr ? "no such key is allowed" : "only nodes may subscribe");
    }
    return std::nullopt;
}

void Gatekeeper::on_read(const Result<keys::Directory>& directory) {
    if (!directory.ok()) {
        spdlog::error("event=keys-not-read text={} keys=\"as before\"",
                      log_value(directory.error().text));
        return;
    }
    for (const std::string& problem : directory.value().problems) {
        spdlog::error("event=key-ignored text={}", log_value(problem));
    }
    const keys::KeyRing::Changes changes = ring_.take(directory.value().allowed);
    if (!changes.empty()) {
        spdlog::info("event=keys-changed allowed={} added={} changed={} revoked={}", ring_.size(),
                     listed(changes.added), listed(changes.changed), listed(changes.revoked));
        end_subscribers();
    }
}

/// Their nodes are let go by the router, so that no batch goes to their topics any more.
void Gatekeeper::end_subscribers() {
    absl::erase_if(subscribers_, [](const auto& subscriber) {
        const auto& [fd, who] = subscriber;
        const std::uint64_t cookie = cookie_of(fd);
        const bool is_there = cookie != 0 && cookie == who.cookie;
        if (is_there && !who.key->may(keys::Role::kNode)) {
            ::shutdown(fd, SHUT_RDWR);
            return true;
        }
        return !is_there;
    });
}

} // namespace zcomet::broker::shell
