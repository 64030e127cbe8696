// LinkMarks: every event in every state that a node with two ids can reach, in every order, against
// a model in which each link stores whether its id is held. The events do the same as the routing
// table.
#include "broker/table/link_marks.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <bit>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace link_marks_test {

using zcomet::broker::table::LinkMarks;

namespace {

constexpr int kIds = 2;

struct Link {
    int id = 0;
    std::uint32_t mark = 0;
    bool is_held = true;
    bool is_named = false; ///< by the list under way
};

/// A node with its links, the first one first, as the routing table keeps them.
struct Node {
    LinkMarks marks;
    std::vector<Link> links;
    std::size_t pass_at = 0; ///< the link that the pass looks at next
    bool has_list = false;
    bool is_gone = false;

    /// Identifies the state of the whole node, so that each state is visited once.
    [[nodiscard]] std::vector<std::uint32_t> key() const {
        std::vector<std::uint32_t> key{std::bit_cast<std::uint32_t>(marks),
                                       static_cast<std::uint32_t>(pass_at), has_list, is_gone};
        for (const Link& link : links) {
            key.insert(key.end(), {static_cast<std::uint32_t>(link.id), link.mark, link.is_held,
                                   link.is_named});
        }
        return key;
    }
    [[nodiscard]] int held_marks() const {
        int held = 0;
        for (std::uint32_t mark = 0; mark <= LinkMarks::kMarkMax; ++mark) {
            held += marks.is_held(mark) ? 1 : 0;
        }
        return held;
    }
    [[nodiscard]] bool has_two_passes() const { return LinkMarks(marks).end_pass(); }
    /// In the words of link_marks.hpp.
    [[nodiscard]] std::string state() const {
        if (marks.is_removed()) {
            return "removed";
        }
        if (held_marks() == 1) {
            return marks.has_pass() ? "clearing" : "settled";
        }
        return marks.has_pass() ? "crowded" : "listing";
    }

    auto find(int id) {
        return std::find_if(links.begin(), links.end(), [&](const Link& l) { return l.id == id; });
    }
    void erase(std::size_t at) {
        links.erase(links.begin() + static_cast<std::ptrdiff_t>(at));
        pass_at -= at < pass_at ? 1 : 0;
    }
    void enqueue() {
        if (marks.need_pass()) {
            pass_at = 0;
        }
    }

    void login(int id) {
        const auto known = find(id);
        if (known != links.end()) {
            *known = {id, marks.current(), true, has_list};
            return;
        }
        links.insert(links.begin(), {id, marks.current(), true, has_list});
        ++pass_at;
    }
    void logout(int id) {
        const auto known = find(id);
        if (known != links.end() && known->is_held) {
            erase(static_cast<std::size_t>(known - links.begin()));
        }
    }
    void begin_list() {
        if (marks.is_full()) {
            marks.restart_pass();
            pass_at = 0;
            while (pass_at < links.size()) {
                look_at_link();
            }
            marks.end_of_links();
        }
        has_list = true;
        for (Link& link : links) {
            link.is_named = false;
        }
        if (marks.begin_list()) {
            enqueue();
        }
    }
    void end_list() {
        has_list = false;
        bool named_all = true;
        for (Link& link : links) {
            CHECK((link.is_held && link.mark == marks.current()) == link.is_named);
            named_all = named_all && (link.is_named || !link.is_held);
            link.is_held = link.is_named;
        }
        if (marks.end_list(named_all)) {
            enqueue();
        }
    }
    void remove() {
        is_gone = true;
        marks.remove();
        for (Link& link : links) {
            link.is_held = false;
        }
        if (links.empty() && !marks.has_pass()) {
            *this = Node{};
        } else {
            enqueue();
        }
    }
    void look_at_link() {
        Link& link = links[pass_at];
        const auto mark = marks.mark_after_pass(link.mark);
        CHECK(mark.has_value() == link.is_held);
        if (mark) {
            link.mark = *mark;
            ++pass_at;
        } else {
            erase(pass_at);
        }
    }
    void end_pass() {
        marks.end_of_links();
        if (marks.end_pass()) {
            enqueue();
        } else if (is_gone) {
            CHECK(links.empty());
            *this = Node{};
        }
    }

    void check() const {
        for (const Link& link : links) {
            CHECK(marks.is_held(link.mark) == link.is_held);
            CHECK((link.is_held || marks.has_pass())); // or nobody would give its memory back
        }
    }
};

struct Event {
    std::string name;
    std::function<bool(const Node&)> may_come;
    std::function<void(Node&)> comes;
};

std::vector<Event> all_events() {
    const auto is_there = [](const Node& node) { return !node.is_gone; };
    std::vector<Event> events{
        {"begin", is_there, [](Node& node) { node.begin_list(); }},
        {"end", [](const Node& node) { return node.has_list && !node.is_gone; },
         [](Node& node) { node.end_list(); }},
        {"remove", is_there, [](Node& node) { node.remove(); }},
        {"look",
         [](const Node& node) { return node.marks.has_pass() && node.pass_at < node.links.size(); },
         [](Node& node) { node.look_at_link(); }},
        {"end of one pass",
         [](const Node& node) {
             return node.marks.has_pass() && node.pass_at == node.links.size() &&
                    !node.has_two_passes();
         },
         [](Node& node) { node.end_pass(); }},
        {"end of the first pass",
         [](const Node& node) {
             return node.marks.has_pass() && node.pass_at == node.links.size() &&
                    node.has_two_passes();
         },
         [](Node& node) { node.end_pass(); }}};
    for (int id = 0; id < kIds; ++id) {
        events.push_back({"login", is_there, [id](Node& node) { node.login(id); }});
        events.push_back({"logout", is_there, [id](Node& node) { node.logout(id); }});
    }
    return events;
}

using Transitions = std::map<std::pair<std::string, std::string>, std::set<std::string>>;

/// Applies every event in every reachable state, and checks each state.
Transitions walk_all() {
    const std::vector<Event> events = all_events();
    Transitions seen;
    std::set<std::vector<std::uint32_t>> known{Node{}.key()};
    std::deque<Node> next{Node{}};
    while (!next.empty()) {
        const Node from = next.front();
        next.pop_front();
        for (const Event& event : events) {
            if (!event.may_come(from)) {
                continue;
            }
            Node to = from;
            event.comes(to);
            to.check();
            seen[{from.state(), event.name}].insert(to.state());
            if (known.insert(to.key()).second) {
                next.push_back(to);
            }
        }
    }
    CHECK(known.size() > 1000);
    return seen;
}

} // namespace

TEST_CASE("marks tell held links from void ones in every state that can be reached",
          "[link_marks]") {
    Transitions seen = walk_all();
    using States = std::set<std::string>;
    for (const std::string state : {"settled", "listing", "crowded", "clearing"}) {
        CAPTURE(state);
        CHECK(seen[{state, "login"}] == States{state});
        CHECK(seen[{state, "logout"}] == States{state});
    }
    // The table at the head of link_marks.hpp.
    const Transitions expected{
        {{"settled", "begin"}, {"listing"}},
        {{"settled", "remove"}, {"removed", "settled"}}, // without links it is free at once
        {{"listing", "begin"}, {"crowded"}},
        {{"listing", "end"}, {"settled", "clearing"}},
        {{"listing", "remove"}, {"removed", "settled"}},
        {{"crowded", "begin"}, {"crowded"}},
        {{"crowded", "end"}, {"clearing"}},
        {{"crowded", "remove"}, {"removed"}},
        {{"crowded", "look"}, {"crowded"}},
        {{"crowded", "end of one pass"}, {"listing"}},
        {{"crowded", "end of the first pass"}, {"crowded"}},
        {{"clearing", "begin"}, {"crowded"}},
        {{"clearing", "remove"}, {"removed"}},
        {{"clearing", "look"}, {"clearing"}},
        {{"clearing", "end of one pass"}, {"settled"}},
        {{"clearing", "end of the first pass"}, {"clearing"}},
        {{"removed", "look"}, {"removed"}},
        {{"removed", "end of one pass"}, {"settled"}}, // a new node's
        {{"removed", "end of the first pass"}, {"removed"}},
    };
    for (const auto& [step, states] : expected) {
        CAPTURE(step.first, step.second);
        CHECK(seen[step] == states);
    }
    for (const auto& [step, states] : seen) {
        CAPTURE(step.first, step.second);
        CHECK((expected.count(step) == 1 || step.second == "login" || step.second == "logout"));
    }
}

TEST_CASE("a list that names all ids leaves nothing to look at", "[link_marks]") {
    LinkMarks marks;
    const std::uint8_t before = marks.current();
    CHECK_FALSE(marks.begin_list());
    CHECK(marks.current() != before);
    CHECK(marks.is_held(before));
    CHECK_FALSE(marks.end_list(true));
    CHECK_FALSE(marks.is_held(before));
    CHECK_FALSE(marks.has_pass());
}

TEST_CASE("a list that leaves ids out makes their links void at once", "[link_marks]") {
    LinkMarks marks;
    const std::uint8_t before = marks.current();
    CHECK_FALSE(marks.begin_list());
    CHECK(marks.end_list(false));
    CHECK(marks.need_pass());
    CHECK_FALSE(marks.is_held(before));
    CHECK_FALSE(marks.mark_after_pass(before));
    CHECK(marks.mark_after_pass(marks.current()) == marks.current());
}

} // namespace link_marks_test
