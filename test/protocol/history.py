"""Streams go on where they were: on another node, after a cut, after a broker's restart.

usage: history.py BUILD      (the build directory)
"""

import functools
import json
import os
import signal
import sys
from typing import Any

from zcomet_lab.cluster import FREE_HTTP_PORT, Broker, WebNode
from zcomet_lab.lines import EventLines, Lines
from zcomet_lab.processes import processes_of
from zcomet_lab.programs import Argument, Programs
from zcomet_lab.publishing import Backend
from zcomet_lab.waiting import await_true

HISTORY = ("--history", "chat.*=50,5m")
FAST: tuple[Argument, ...] = ("--liveness-ms", 600)


class Events:
    """The events of a stream, which may begin at a cursor, and the cursor after the last one."""

    def __init__(self, host: str, ids: str, cursor: str = "") -> None:
        """`ids` is an id, or a query with several."""
        target = f"/events{ids}" if ids.startswith("?") else f"/events/{ids}"
        self._events = EventLines(host, target, {"Last-Event-ID": cursor} if cursor else {})

    @property
    def cursor(self) -> str:
        return self._events.last_id

    def next(self) -> tuple[str, str]:
        """The next event, as its name and its data."""
        return self._events.next_event()

    def await_messages(self, *texts: str) -> None:
        """Exactly these come, in this order, after what else is told."""
        for text in texts:
            event = self.next()
            while event[0] == "position":
                event = self.next()
            assert event == ("message", text), (event, text)


class Scene:
    """A broker and two web nodes, of which the first has the API."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs
        self.broker = Broker(programs, *HISTORY, *FAST)
        api = programs.start(
            "zcomet-webnode",
            *("--broker", self.broker.listen, "--http", FREE_HTTP_PORT, "--api", FREE_HTTP_PORT),
            *("--workers", 1, "--per-address", 0, "--name", "one"),
        )
        ready = api.await_ready()
        self.one, self._api = (ready[name].removeprefix("http://") for name in ("http", "api"))
        self.node = WebNode(programs, self.broker.listen, "--workers", 1, name="two")
        self.node.await_ready()
        self.two = self.node.http.removeprefix("http://")
        self._backend = Backend(self._api)

    def send(self, user_id: str, *texts: str) -> None:
        for text in texts:
            await_true(f"{text} is taken in", functools.partial(self._is_taken_in, user_id, text))

    def history(self, user_id: str, query: str = "") -> dict[str, Any]:
        """What GET /history says."""
        status, answer = self._backend.get(f"/history/{user_id}{query}")
        assert status == 200, (status, answer)
        told: dict[str, Any] = json.loads(answer)
        assert told["id"] == user_id, told
        return told

    def post(self, path: str, body: str) -> tuple[int, list[dict[str, Any]]]:
        """The status and the lines of the answer."""
        status, answer = self._backend.post(path, body)
        return status, [json.loads(line) for line in answer.splitlines()]

    def status_of_history(self, user_id: str, query: str = "") -> int:
        return self._backend.get(f"/history/{user_id}{query}")[0]

    def _is_taken_in(self, user_id: str, text: str) -> bool:
        return self._backend.post(f"/send/{user_id}", text)[0] in (200, 202)

    def restart_broker(self) -> None:
        os.kill(self.broker.program.pid, signal.SIGKILL)
        self.broker = Broker(
            self._programs, *HISTORY, *FAST, listen=self.broker.listen, feed=self.broker.feed
        )

    def await_logins(self, *ids: str) -> None:
        self.broker.ctl.await_logins(list(ids))


def check_another_node(scene: Scene) -> None:
    """A stream leaves, and comes back to another node with its cursor."""
    stream = Events(scene.one, "chat.1")
    assert stream.next() == ("position", "{}")
    scene.send("chat.1", "a", "b")
    stream.await_messages("a", "b")
    cursor = stream.cursor
    scene.send("chat.1", "c", "d")
    again = Events(scene.two, "chat.1", cursor)
    scene.send("chat.1", "e")
    again.await_messages("c", "d", "e")
    # As lines, and as a page.
    lines = Lines(scene.one, f"/lines/chat.1?since={cursor}")
    assert [json.loads(lines.next())["data"] for _ in range(3)] == ["c", "d", "e"]
    page = Lines(scene.two, f"/test/chat.1?since={cursor}")
    assert page.next() == "Recvd msg #1: 'c'<br/>"


def await_gap(stream: Events, reason: str) -> None:
    name, data = stream.next()
    assert (name, json.loads(data)["reason"]) == ("gap", reason), (name, data)


def check_gaps(scene: Scene) -> None:
    start = Events(scene.one, "chat.4")
    assert start.next() == ("position", "{}")
    scene.send("chat.4", *(str(n) for n in range(60)))
    short = Events(scene.two, "chat.4", start.cursor)
    await_gap(short, "evicted")
    short.await_messages(*(str(n) for n in range(10, 60)))
    await_gap(Events(scene.two, "chat.4", "nonsense"), "cursor")
    await_gap(Events(scene.two, "other", start.cursor), "cursor")


def texts_of(told: dict[str, Any]) -> list[str]:
    return [message["data"] for message in told["messages"]]


def check_api(scene: Scene) -> None:
    """A backend reads what is kept, in pages, although nobody holds the id."""
    empty = scene.history("chat.7")
    assert (empty["messages"], empty["complete"]) == ([], True), empty
    scene.send("chat.7", "a", "b", "c")
    assert texts_of(scene.history("chat.7")) == ["a", "b", "c"]
    newest = scene.history("chat.7", "?limit=2")
    assert (texts_of(newest), newest["complete"]) == (["b", "c"], False), newest
    first = scene.history("chat.7", f"?limit=2&since={empty['cursor']}")
    assert (texts_of(first), first["complete"]) == (["a", "b"], True), first
    assert first["cursor"] == first["messages"][1]["cursor"], first
    rest = scene.history("chat.7", f"?limit=2&since={first['cursor']}")
    assert (texts_of(rest), rest["complete"]) == (["c"], True), rest
    end = scene.history("chat.7", f"?since={rest['cursor']}")
    assert (end["messages"], end["complete"]) == ([], True), end
    # A stream goes on from such a cursor, and what was evicted is not complete.
    scene.send("chat.7", *(str(n) for n in range(40)))
    Events(scene.two, "chat.7", newest["cursor"]).await_messages(*(str(n) for n in range(40)))
    scene.send("chat.7", *(str(n) for n in range(40, 60)))
    evicted = scene.history("chat.7", f"?since={empty['cursor']}")
    assert (len(evicted["messages"]), evicted["complete"]) == (50, False), evicted
    assert not scene.history("chat.7", "?since=nonsense")["complete"]
    assert scene.status_of_history("other") == 404
    assert scene.status_of_history("chat.7", "?limit=0") == 400
    # Much more than the broker gives in one part.
    scene.send("chat.8", *("x" * 60_000 + str(n) for n in range(12)))
    assert [text[60_000:] for text in texts_of(scene.history("chat.8"))] == [
        str(n) for n in range(12)
    ]


def check_cursors(scene: Scene) -> None:
    """Whoever publishes is told where the message is kept."""
    status, [first] = scene.post("/send/chat.9", "first")
    assert (status, first["nodes"]) == (200, 0), (status, first)
    lines = [{"id": "chat.9", "data": "second"}, {"id": "other", "data": "third"}]
    _, [second, third] = scene.post("/send", "\n".join(map(json.dumps, lines)))
    assert "cursor" not in third, third
    kept = scene.history("chat.9")["messages"]
    assert [message["cursor"] for message in kept] == [first["cursor"], second["cursor"]], kept
    assert texts_of(scene.history("chat.9", f"?since={first['cursor']}")) == ["second"]
    assert scene.post("/send/other", "x")[0] == 202
    # An operator is told the same.
    sent = scene.broker.ctl.json("send", "chat.9", "fourth")
    kept = scene.history("chat.9")["messages"]
    assert sent == {"id": "chat.9", "nodes": 0, "cursor": kept[-1]["cursor"]}, (sent, kept)
    told = scene.broker.ctl.run("send", "--ack", "chat.9", "fifth").stdout
    cursor = scene.history("chat.9")["messages"][-1]["cursor"]
    assert told == f"sent to chat.9: arrived at no node; kept, cursor {cursor}\n", told
    assert "cursor" not in scene.broker.ctl.json("send", "other", "x")


def check_cut_off_node(scene: Scene) -> None:
    """A node that was stopped for so long that the broker has forgotten it catches up."""
    stream = Events(scene.two, "chat.5")
    assert stream.next() == ("position", "{}")
    scene.send("chat.5", "before")
    stream.await_messages("before")
    pids = processes_of(scene.node.program.pid)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    await_true(
        "the broker takes the node for dead",
        lambda: all(node["name"] != "two/1" for node in scene.broker.ctl.json("nodes")),
    )
    scene.send("chat.5", "1", "2", "3")
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    scene.send("chat.5", "4")
    stream.await_messages("1", "2", "3", "4")


def check_broker(scene: Scene) -> None:
    """A new broker cannot vouch for what the old one had: a gap, and then what there is."""
    stream = Events(scene.one, "chat.6")
    assert stream.next() == ("position", "{}")
    scene.send("chat.6", "before")
    stream.await_messages("before")
    cursor = stream.cursor
    scene.restart_broker()
    await_gap(stream, "cut-off")
    scene.await_logins("chat.6")
    scene.send("chat.6", "after")
    stream.await_messages("after")
    again = Events(scene.two, "chat.6", cursor)
    await_gap(again, "epoch")
    again.await_messages("after")


def main() -> int:
    with Programs(sys.argv[1]) as programs:
        scene = Scene(programs)
        check_another_node(scene)
        check_gaps(scene)
        check_api(scene)
        check_cursors(scene)
        check_cut_off_node(scene)
        check_broker(scene)
    print("streams went on where they were")
    return 0


if __name__ == "__main__":
    sys.exit(main())
