// Messages that clients publish by HTTP: each is sent, and its request is answered when the broker
// has it, or every node that holds its id.
#pragma once

#include "topology/wire/frames.hpp"
#include "webnode/request/exchange.hpp"
#include "webnode/request/late_answers.hpp"
#include "webnode/slot/worker_counters.hpp"

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>
#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::webnode::publish {

/// The way to the brokers. As in session::Failover.
class Sender {
  public:
    Sender() = default;
    virtual ~Sender() = default;
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;

    [[nodiscard]] virtual bool has_broker(std::string_view id) const = 0;
    [[nodiscard]] virtual bool can_send(std::string_view id, std::size_t message_bytes) const = 0;
    virtual std::uint64_t send(std::string_view id, std::string_view text, wire::Confirm confirm,
                               std::string_view attributes) = 0;
};

/// A message to one or several ids, as a request has it.
struct Publication {
    std::vector<std::string> ids;
    std::string text;
    std::string attributes{}; ///< wire::encode(), without a key
    /// By which its client knows it if it sends it again; empty: it has none.
    std::string idempotency_key{};
    /// Instead of all of these: why the line of the request is no message.
    std::string mistake{};

    /// What it counts: a message to several ids is several, and a line with a mistake is one, since
    /// it takes as much to answer.
    [[nodiscard]] std::size_t messages() const { return mistake.empty() ? ids.size() : 1; }
};

/// What is kept of a request until it is answered is several times as long as its short lines, and
/// a turn sends all its messages.
/// @limit messages of one request
inline constexpr std::size_t kMessagesMax = 1000;

/// A request's messages are answered together, once something is known of each. There may be very
/// many requests at a time, and their answers come in any order.
/// Thread: the worker's loop only.
class Publisher {
  public:
    /// About a hundred bytes each are kept.
    /// @limit messages published by HTTP that a worker has not answered yet
    static constexpr std::size_t kUnansweredMax = 131'072;

    /// @param counters  live longer than this.
    explicit Publisher(metrics::Counters<slot::WorkerCounter>& counters) : counters_(counters) {}

    /// Call it before the first message. `sender`, whose events this hears, lives longer than this.
    void use(Sender& sender) { sender_ = &sender; }

    /// Sends a message to `id`, both valid, with attributes from wire::encode(). The exchange is
    /// answered: 200 {"id":ID,"nodes":N,"cursor"?:CURSOR} when nodes hold the id or the message was
    /// kept, 202 when neither is so or that is not known (N is null then), 422 if its key came
    /// before with another message, 409 while it is not known what became of the first one with it,
    /// 429 while the broker holds senders back or kUnansweredMax messages await their answers, 503
    /// without a broker, 403 if the request's token is not for the id.
    /// @param attributes  without a key.
    /// @param confirm  kReceipt: nodes that hold the id; kAcknowledgement: nodes that have the
    ///     message.
    /// @param idempotency_key  as in Publication.
    void publish(request::Exchange& exchange, std::string_view id, std::string_view text,
                 std::string_view attributes, wire::Confirm confirm,
                 std::string_view idempotency_key = {});

    /// Sends the messages of a request, kMessagesMax at most; answered with 200 and a line of JSON
    /// for each publication:
    /// {"line":N,"id":ID,"nodes":N,"cursor"?:CURSOR}, or with several ids
    /// {"line":N,"nodes":{ID:N,...}}, or
    /// {"line":N,"error":SENTENCE}. With several ids and an error there is both, and null for an id
    /// of which nothing is known. A publication to an id that the request's token is not for has a
    /// mistake.
    void publish(request::Exchange& exchange, std::vector<Publication> publications,
                 wire::Confirm confirm);

    /// What is different for a foreign protocol.
    struct Terms {
        /// The route has found that the request's token is for all ids.
        bool is_allowed = false;
        /// Where the last message is kept, the text of the answer is its cursor.
        bool tells_cursor = false;
    };
    /// Sends the messages of a request, kMessagesMax at most, none with a mistake, that have one
    /// answer: `done` once it is known of each what became of it; 403, 409, 422, 429 and 503 as
    /// above.
    /// With 429 and 503 none is sent, or some if all together are more than the broker lets a
    /// sender have under way, or if it was lost meanwhile.
    void publish_together(request::Exchange& exchange, std::vector<Publication> publications,
                          wire::Confirm confirm, http::Reply done, Terms terms);
    void publish_together(request::Exchange& exchange, std::vector<Publication> publications,
                          wire::Confirm confirm, http::Reply done) {
        publish_together(exchange, std::move(publications), confirm, std::move(done), {});
    }

    /// To the requests of whose messages something is known.
    [[nodiscard]] request::LateAnswers& answers() { return answers_; }
    /// Whether there are messages of which nothing is known yet.
    [[nodiscard]] bool awaits_any() const { return !awaited_.empty(); }

    /// The broker has said what became of the message with that number: its receipt or its
    /// acknowledgement has come.
    void on_known(std::uint64_t number, const wire::Outcome& outcome);
    /// The broker was lost. Messages that await an acknowledgement are sent again.
    void on_lost();
    /// Of several brokers, the one that had the message with that number was lost.
    void on_unknown(std::uint64_t number);

  private:
    /// Why a message is not sent, or may not have been, or was not taken.
    struct Refusal {
        int status = 0;              ///< 0: there is none
        std::string_view sentence{}; ///< a constant
    };
    /// What became of one message to one id.
    struct Result {
        std::string id;
        wire::Outcome outcome{};
        Refusal refusal{};
    };
    struct Line {
        absl::InlinedVector<Result, 1> results;
        std::string mistake;
    };
    /// The messages of one request, which mostly is a single one: that needs no memory beside this.
    struct Request {
        request::Ticket ticket;
        bool is_batch = false;
        std::optional<http::Reply> done{}; ///< of publish_together()
        bool tells_cursor = false;         ///< likewise
        wire::Confirm confirm = wire::Confirm::kReceipt;
        absl::InlinedVector<Line, 1> lines;
        std::size_t awaited = 0; ///< messages of which nothing is known yet
    };
    /// The place of a message's result.
    struct Awaited {
        std::shared_ptr<Request> request;
        std::size_t line = 0;
        std::size_t result = 0;
    };

    using AwaitedMessages = absl::flat_hash_map<std::uint64_t, Awaited>; // by the message's number

    /// Nothing more will be heard of it.
    void lose(AwaitedMessages::iterator message);
    /// Why messages of this many bytes cannot be sent to `id` now.
    [[nodiscard]] Refusal why_not(std::string_view id, std::size_t bytes,
                                  std::size_t messages = 1) const;
    [[nodiscard]] Refusal why_not_all(const std::vector<Publication>& publications,
                                      std::size_t bytes, std::size_t messages) const;
    void refuse(request::Exchange& exchange, const Refusal& refusal, std::size_t messages);
    void send_all(const std::shared_ptr<Request>& request, std::vector<Publication> publications);
    [[nodiscard]] static Refusal refusal_of(const wire::Outcome& outcome);
    /// @param attributes  with the key, if it has one.
    void send(const std::shared_ptr<Request>& request, std::size_t line, std::size_t result,
              std::string_view text, std::string_view attributes);
    void note_done(Request& request);
    [[nodiscard]] static nlohmann::ordered_json json_of(const Line& line, std::size_t number);
    [[nodiscard]] static http::Reply done_reply(const Request& request);
    /// The answer to a single message.
    [[nodiscard]] static std::string text_of(const Result& result);
    [[nodiscard]] static http::Reply reply_to(const Request& request);
    [[nodiscard]] static http::Reply reply_to_batch(const Request& request);
    [[nodiscard]] static Refusal first_refusal(const Request& request);

    metrics::Counters<slot::WorkerCounter>& counters_;
    Sender* sender_ = nullptr;
    AwaitedMessages awaited_;
    request::LateAnswers answers_;
};

} // namespace zcomet::webnode::publish
