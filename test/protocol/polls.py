"""Long polls and streams of several ids go on where they were, on one node after the other.

usage: polls.py BUILD      (the build directory)
"""

import http.client
import json
import sys
import threading
from typing import Any

from history import Events, Scene
from zcomet_lab.lines import Lines
from zcomet_lab.programs import Programs

TIMEOUT_S = 20
MESSAGES = 60


class Poller:
    """A client that polls, on a connection to each of some nodes, which stay open."""

    def __init__(self, hosts: list[str], ids: str) -> None:
        self._nodes = [http.client.HTTPConnection(host, timeout=TIMEOUT_S) for host in hosts]
        self._ids = ids
        self.cursor = ""
        self.polls = 0

    def poll(self, wait_s: int = 10) -> list[dict[str, Any]]:
        """Asks the next node, and returns what it answers."""
        node = self._nodes[self.polls % len(self._nodes)]
        self.polls += 1
        target = f"/poll?{self._ids}&wait={wait_s}"
        node.request("GET", target + (f"&since={self.cursor}" if self.cursor else ""))
        answer = node.getresponse()
        body = answer.read()
        self.cursor = answer.headers.get("Zcomet-Cursor", self.cursor)
        if answer.status == 204:
            return []
        assert answer.status == 200, (answer.status, body)
        told: dict[str, Any] = json.loads(body)
        assert told.get("cursor", "") == answer.headers.get("Zcomet-Cursor", ""), told
        messages: list[dict[str, Any]] = told["messages"]
        return messages


def check_polls(scene: Scene) -> None:
    """Each message comes once and in order, over two nodes in turn."""
    poller = Poller([scene.one, scene.two], "id=chat.p&id=chat.q")
    assert poller.poll(wait_s=0) == [] and poller.cursor, "a poll without messages has a cursor"
    numbers = [str(n) for n in range(MESSAGES)]

    def send() -> None:
        for number in numbers:
            scene.send("chat.p" if int(number) % 3 else "chat.q", number)

    sender = threading.Thread(target=send)
    sender.start()
    heard: list[str] = []
    while len(heard) < MESSAGES:
        heard += [message["data"] for message in poller.poll()]
    sender.join()
    assert heard == numbers, heard


def check_poll_without_history(scene: Scene) -> None:
    poller = Poller([scene.one], "id=plain")
    answers: list[list[dict[str, Any]]] = []
    waiting = threading.Thread(target=lambda: answers.append(poller.poll()))
    waiting.start()
    scene.await_logins("plain")
    scene.send("plain", "now")
    waiting.join()
    assert answers == [[{"id": "plain", "data": "now"}]], answers
    assert not poller.cursor


def check_poll_with_gap(scene: Scene) -> None:
    poller = Poller([scene.two], "id=chat.g")
    poller.cursor = "nonsense"
    (gap,) = poller.poll()
    assert gap["gap"] == {"ids": ["chat.g"], "reason": "cursor"}, gap
    assert poller.cursor != "nonsense"


def check_several_ids(scene: Scene) -> None:
    """A stream of three ids, of which two have a history, goes on at another node."""
    ids = "?id=chat.a&id=plain&id=chat.b"
    stream = Events(scene.one, ids)
    assert stream.next() == ("position", "{}")
    scene.send("chat.b", "1")
    scene.send("plain", "2")
    scene.send("chat.a", "3")
    stream.await_messages("1", "2", "3")
    cursor = stream.cursor
    scene.send("chat.a", "4")
    scene.send("plain", "lost")
    scene.send("chat.b", "5")
    again = Events(scene.two, ids, cursor)
    scene.send("chat.a", "6")
    again.await_messages("4", "5", "6")
    lines = Lines(scene.one, f"/lines{ids}&since={cursor}")
    heard = [json.loads(lines.next()) for _ in range(3)]
    assert [(line["id"], line["data"]) for line in heard] == [
        ("chat.a", "4"),
        ("chat.b", "5"),
        ("chat.a", "6"),
    ], heard


def main() -> int:
    with Programs(sys.argv[1]) as programs:
        scene = Scene(programs)
        check_polls(scene)
        check_poll_without_history(scene)
        check_poll_with_gap(scene)
        check_several_ids(scene)
    print("polls and streams of several ids went on where they were")
    return 0


if __name__ == "__main__":
    sys.exit(main())
