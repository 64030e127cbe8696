#include "tools/ctl/ctl_send.hpp"

#include "tools/ctl/all_brokers.hpp"
#include "tools/ctl/ctl_text.hpp"
#include "tools/ctl/line_input.hpp"
#include "topology/base/value_or_throw.hpp"
#include "topology/client/client.hpp"
#include "topology/link/query.hpp"
#include "topology/wire/frames.hpp"
#include "topology/wire/id.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace zcomet::tools::ctl {

namespace {

constexpr std::string_view kIdInLine = "-";

/// As a client wants them.
std::string broker_texts(const CtlOptions& options) {
    std::string texts;
    for (const cluster::ListedBroker& broker : options.brokers.brokers) {
        texts.append(texts.empty() ? "" : " ").append(cluster::text_of(broker));
    }
    return texts;
}

class Sending {
  public:
    Sending(const CtlOptions& options, const SendOptions& what)
        : options_(options), what_(what),
          client_(value_or_throw(client::Client::connect({.broker = broker_texts(options),
                                                          .name = "",
                                                          .key = options.key_file,
                                                          .timeout = options.timeout,
                                                          .replicas = options.brokers.replicas}))) {
    }

    /// @return whether a node has it, as far as is known.
    bool send(const std::string& id, std::string_view message) {
        const client::Sent sent = value_or_throw(
            what_.acknowledged ? client_->send_acknowledged(id, message, what_.event)
                               : client_->send_with_receipt(id, message, what_.event));
        if (options_.json) {
            nlohmann::ordered_json json = {{"id", id}, {"nodes", nullptr}}; // null: not known
            if (sent.nodes) {
                json["nodes"] = *sent.nodes;
            }
            if (!sent.cursor.empty()) {
                json["cursor"] = sent.cursor;
            }
            if (what_.acknowledged) {
                json["acknowledged"] = true;
            }
            fmt::print("{}\n", json.dump());
        } else {
            fmt::print("{}", sent_text(id, sent, what_.acknowledged));
        }
        if (std::fflush(stdout) != 0) { // people see each when it is known
            throw std::runtime_error(
                fmt::format("cannot write to standard output: {}", std::strerror(errno)));
        }
        return sent.nodes != 0;
    }

    /// @param line  a message, or an id, a blank and a message.
    bool send_line(const std::string& line) {
        if (what_.id != kIdInLine) {
            return send(what_.id, line);
        }
        const std::size_t blank = line.find(' ');
        const std::string id = line.substr(0, blank);
        if (!wire::valid_id(id)) {
            throw std::runtime_error(wire::why_invalid_id(id));
        }
        if (blank == std::string::npos) {
            throw std::runtime_error(fmt::format("no message follows the id {}", id));
        }
        return send(id, std::string_view(line).substr(blank + 1));
    }

    bool send_input() {
        LineInput input(STDIN_FILENO, wire::kIdBytesMax + 1 + wire::kPayloadBytesMax);
        bool all_had_nodes = true;
        // The client says that it is alive while no line comes.
        while (const std::optional<std::string> line = input.next([this] { client_->work(); })) {
            try {
                all_had_nodes = send_line(*line) && all_had_nodes;
            } catch (const std::runtime_error& error) {
                throw std::runtime_error(
                    fmt::format("line {}: {}", input.line_number(), error.what()));
            }
        }
        return all_had_nodes;
    }

  private:
    const CtlOptions& options_;
    const SendOptions& what_;
    std::unique_ptr<client::Client> client_;
};

} // namespace

bool ctl_send(const CtlOptions& options, const SendOptions& what) {
    {
        // A client waits until its broker is there. This command does not. The client has a context
        // of its own, and a process with keys must not have two (link_context.hpp).
        link::LinkContext context(options.security);
        static_cast<void>(ask_all(options.brokers, [&](const std::string& broker) {
            static_cast<void>(value_or_throw(
                link::ping_broker(context, broker, options.timeout, link::IfRefused::kFail)));
            return nlohmann::json();
        }));
    }
    Sending sending(options, what);
    return what.from_input ? sending.send_input() : sending.send(what.id, what.message);
}

} // namespace zcomet::tools::ctl
