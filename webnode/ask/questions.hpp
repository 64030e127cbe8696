// What the classes of this room have in common: requests that wait while the broker is asked.
#pragma once

#include "topology/base/time.hpp"
#include "topology/http/http_front.hpp"
#include "webnode/ask/broker.hpp"
#include "webnode/request/exchange.hpp"
#include "webnode/request/late_answers.hpp"

#include <string>
#include <string_view>

namespace zcomet::webnode::ask {

/// Questions of one kind. Thread: the worker's loop only.
class Questions {
  public:
    Questions(const Questions&) = delete;
    Questions& operator=(const Questions&) = delete;

    /// Call it before the first question. `broker` lives longer than this.
    void use(Broker& broker) { broker_ = &broker; }

    /// The broker refused a question. It does so at once, so that is most likely the newest.
    virtual void on_refused() = 0;
    /// The broker was lost, and the questions with it.
    virtual void on_lost() = 0;

    /// Asks the broker for what is due, and ends the wait of those that have waited for too long.
    virtual void turn(Time now) = 0;
    /// When turn() has something to do; kNever if not at all.
    [[nodiscard]] virtual Time due() const = 0;

    [[nodiscard]] request::LateAnswers& answers() { return answers_; }

  protected:
    Questions() = default;
    ~Questions() = default;

    [[nodiscard]] Broker& broker() { return *broker_; }
    /// Answers the exchange if no question about `id` can be asked now.
    /// @param is_full  whether too many others wait.
    /// @return whether it did.
    bool refuse(request::Exchange& exchange, std::string_view id, bool is_full);
    /// 200 with what the broker has told, a line of JSON.
    [[nodiscard]] static http::Reply told(std::string json);

  private:
    Broker* broker_ = nullptr;
    request::LateAnswers answers_;
};

} // namespace zcomet::webnode::ask
