#include "topology/session/login_reporter.hpp"

namespace zcomet::session {

void LoginReporter::login(std::string_view id) {
    book_.add(broker_, id);
    change_id(id, false);
}

void LoginReporter::logout(std::string_view id) {
    book_.remove(broker_, id);
    change_id(id, true);
}

void LoginReporter::change_id(std::string_view id, bool is_logout) {
    if (!is_told_) {
        // The broker knows nothing of us now, and will be told everything.
        list_due_ = true;
        return;
    }
    if (changes_.count() > 0 && (changes_are_logouts_ != is_logout || changes_.full())) {
        send_changes();
    }
    changes_are_logouts_ = is_logout;
    changes_.add(id);
}

void LoginReporter::welcome(std::uint64_t changes_applied) {
    is_told_ = true;
    if (changes_applied != change_) {
        list_due_ = true;
    }
    confirm_due_ = confirm_answered_ != confirm_asked_;
}

void LoginReporter::forget_broker() {
    is_told_ = false;
    list_due_ = list_due_ || changes_.count() > 0;
    changes_ = {};
    list_under_way_ = 0;
}

void LoginReporter::on_heartbeat(std::uint64_t changes_applied) {
    // A number below our last change means nothing: the frame may answer an earlier heartbeat. The
    // broker, which receives everything in order, is the one that notices a lost change.
    if (changes_applied >= list_under_way_) {
        list_under_way_ = 0;
    }
}

/// The broker takes our frames in order, so its PONG comes after it has applied the earlier ones.
/// If those were lost with a connection, the broker's ERROR to the HEARTBEAT comes before the PONG.
void LoginReporter::ask_for_confirmation() {
    confirm_due_ = false;
    ++confirm_asked_;
    if (is_told_) { // else welcome() sees to it
        wires_.send(wire::encode(wire::Ping{confirm_asked_}));
    }
}

bool LoginReporter::applied() const {
    return is_told_ && !list_due_ && !confirm_due_ && !is_refused_ && changes_.count() == 0 &&
           confirm_answered_ == confirm_asked_;
}

void LoginReporter::tick(Time now) {
    if (!is_told_) {
        return;
    }
    if (list_due_) {
        send_list();
    }
    if (changes_.count() > 0 && gather_.due() <= now) {
        send_changes();
        gather_.went(now);
    }
}

Time LoginReporter::due() const {
    if (!is_told_) {
        return kNever;
    }
    if (list_due_ || confirm_due_) {
        return Time::min();
    }
    return changes_.count() > 0 ? gather_.due() : kNever;
}

LoginReporter::Summary LoginReporter::summarize() {
    send_changes();
    return {change_, book_.digest(broker_)};
}

void LoginReporter::send_changes() {
    if (changes_.count() == 0) {
        return;
    }
    ++change_;
    wires_.send(changes_are_logouts_ ? changes_.finish_logout(change_)
                                     : changes_.finish_login(change_));
}

void LoginReporter::send_list() {
    // The list holds the changes that were waiting to be sent. It is a change of its own, so that
    // the broker's number shows whether it arrived.
    changes_ = {};
    list_under_way_ = ++change_;
    list_due_ = false;
    is_refused_ = false;
    confirm_due_ = confirm_asked_ > 0;
    ++lists_sent_;
    wire::IdFrameWriter part;
    bool first = true;
    book_.for_each(broker_, [&](std::string_view id) {
        if (part.full()) {
            wires_.send(part.finish_list(change_, first, false));
            first = false;
        }
        part.add(id);
    });
    wires_.send(part.finish_list(change_, first, true));
}

} // namespace zcomet::session
