// What a sender may want to know about its session.
#pragma once

#include "topology/wire/frames.hpp"

#include <cstdint>
#include <string_view>

namespace zcomet::session {

/// The program implements what it needs. Every call comes from within a call to the session or its
/// link, on its thread, and must not call back into those.
class SenderEvents {
  public:
    SenderEvents() = default;
    virtual ~SenderEvents() = default;
    SenderEvents(const SenderEvents&) = delete;
    SenderEvents& operator=(const SenderEvents&) = delete;

    /// The message of that number reached the broker when so many nodes held its id; not known: the
    /// broker had the message before. Called once, and only for messages that asked for a receipt.
    virtual void on_receipt(std::uint64_t /*number*/, const wire::Outcome& /*outcome*/) {}
    /// The message of that number has arrived at so many nodes. 0: no node held its id, or none
    /// that held it has it. Not known: no node holds the id now, and it is not known what became of
    /// an earlier copy.
    virtual void on_acknowledged(std::uint64_t /*number*/, const wire::Outcome& /*outcome*/) {}
    /// The message of that number asked for a receipt. Whether its broker has passed it on will
    /// never be known. Only of a sender with several brokers, one of which was given up.
    virtual void on_unknown(std::uint64_t /*number*/) {}
    /// The answers to SenderSession::ask().
    virtual void on_answer(const wire::Answer& /*answer*/) {}
    virtual void on_kept(const wire::Kept& /*kept*/) {}
    /// The broker does not answer a QUERY or HISTORY; it is not known which.
    virtual void on_question_refused(wire::Kind /*kind*/) {}
    virtual void on_welcome(std::string_view /*broker_name*/) {}
    /// The broker has not been heard for the liveness time, or has forgotten this sender.
    virtual void on_lost() {}
    virtual void on_refused(wire::ErrorCode /*code*/, std::string_view /*text*/) {}
    /// The broker's name has no address to connect to. `text` says why. Called after each try, of
    /// which there is one in some seconds.
    virtual void on_no_broker(std::string_view /*text*/) {}
};

} // namespace zcomet::session
