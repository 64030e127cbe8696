"""A web node ends, and nobody notices: streams go elsewhere at an even pace, whole.

usage: drain.py BUILD      (the build directory)
"""

import functools
import pathlib
import re
import selectors
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable

from zcomet_lab.cluster import FREE_HTTP_PORT, Broker, WebNode
from zcomet_lab.programs import Argument, Program, Programs
from zcomet_lab.publishing import Backend
from zcomet_lab.resuming import Log, Progress, ResumingStream
from zcomet_lab.stats import read_stats
from zcomet_lab.waiting import await_true

# A busy machine may need a second for what has to be done within the grace.
GRACE_S, MOVING_S = 3, 2
TIMEOUT_S = 20
# On a busy machine two seconds may be three. A drain would take five before it does anything.
SOON_S = 3
SENDING_PAUSE_S = 0.1
UNKNOWN = 3
"""Exit status of zcomet-ctl drain."""
SENDING_PAUSE_OF_FEW_S = 0.02
# By then a message that was sent has reached every stream, however busy the machine is.
UNDER_WAY_S = 1
# A worker moves a hundred a second if that takes less than its time.
LINES, EVENTS, PAGES = 350, 50, 50
SOURCES = 8
HISTORY = ("--history", "kept-*=10000,1h")
READ_BYTES = 65_536

SHOWN = {
    "lines": re.compile(rb'"data":"(\d+)"'),
    "events": re.compile(rb"^data: (\d+)$", re.MULTILINE),
    "test": re.compile(rb"Recvd msg #\d+: '(\d+)'"),
}
"""How each format shows a message that is a number."""
LAST_WORDS = {
    "lines": re.compile(rb"\r\n0\r\n\r\n$"),
    "events": re.compile(rb"\r\nretry: [5-9]\d\d\n\r\n0\r\n\r\n$"),
    "test": re.compile(rb"\r\n<script>move\([5-9]\d\d\)</script>\n\r\n0\r\n\r\n$"),
}
"""How each format ends a stream that is to go on elsewhere."""


class Client:
    """A connection, and all that has come over it."""

    def __init__(self, host: str, path: str, form: str = "") -> None:
        name, _, port = host.rpartition(":")
        self.form = form
        self.bytes = b""
        self.ended_at = 0.0
        self.socket = socket.create_connection((name, int(port)), TIMEOUT_S)
        self.send(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")

    def send(self, text: str) -> None:
        self.socket.sendall(text.encode())

    def read(self) -> bool:
        """Takes what has come, or waits for something; returns whether there may be more."""
        try:
            some = self.socket.recv(READ_BYTES)
        except ConnectionResetError:
            some, self.bytes = b"", self.bytes + b"(reset)"
        self.bytes += some
        if not some:
            self.ended_at = time.monotonic()
        return bool(some)

    def read_all(self) -> str:
        """Until the connection ends."""
        while self.read():
            pass
        return self.bytes.decode()

    def read_answer(self) -> str:
        """The answer to the last request, which has a length and a connection that stays."""
        self.bytes = b""
        while b"\r\n\r\n" not in self.bytes:
            assert self.read(), self.bytes
        head, _, _ = self.bytes.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        assert length, head
        while len(self.bytes) < len(head) + 4 + int(length[1]):
            assert self.read(), self.bytes
        return self.bytes.decode()

    def numbers(self) -> list[int]:
        """The messages that a stream has shown."""
        return [int(number) for number in SHOWN[self.form].findall(self.bytes)]


class Crowd:
    """Streams that are read as they come, on a thread of its own, until all have ended."""

    def __init__(self, clients: list[Client]) -> None:
        self.clients = clients
        self._selector = selectors.DefaultSelector()
        for client in clients:
            self._selector.register(client.socket, selectors.EVENT_READ, client)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._selector.get_map():
            for key, _ in self._selector.select():
                if not key.data.read():
                    self._selector.unregister(key.data.socket)

    def finish(self) -> None:
        self._thread.join(TIMEOUT_S)
        assert (
            not self._thread.is_alive()
        ), f"{len(self._selector.get_map())} streams have not ended"


class Publisher:
    """Sends numbers to some ids, on a thread of its own."""

    def __init__(self, api: str, pause_s: float, text_of: Callable[[int], str], *ids: str) -> None:
        self.sent_at: list[float] = []
        """When each was taken in."""
        self._backend = Backend(api)
        self._pause_s = pause_s
        self._text_of = text_of
        self._ids = ids
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._is_over.wait(self._pause_s):
            self._send(self._text_of(len(self.sent_at)))
            self.sent_at.append(time.monotonic())

    def _send(self, text: str) -> None:
        for user_id in self._ids:
            self._backend.send(user_id, text)

    def finish(self, end: str = "") -> int:
        """Returns how many it has sent; then sends `end`."""
        self._is_over.set()
        self._thread.join()
        if end:
            self._send(end)
        return len(self.sent_at)

    def sent_before(self, moment: float) -> int:
        return sum(sent < moment for sent in self.sent_at)


class Scene:
    """A broker, a node that is going to end, and one that stays, which has the API."""

    def __init__(self, programs: Programs, *options: Argument) -> None:
        self.broker = Broker(programs, *HISTORY)
        api = ("--api", FREE_HTTP_PORT)
        self.ending = WebNode(
            programs, self.broker.listen, "--workers", 2, *api, *options, name="ending"
        ).await_ready()
        self.staying = WebNode(programs, self.broker.listen, *api, name="staying").await_ready()
        self.host = self.ending.http.removeprefix("http://")
        self.api = self.staying.api.removeprefix("http://")

    def open(self, form: str, user_id: str, count: int = 1) -> list[Client]:
        return [Client(self.host, f"/{form}/{user_id}", form) for _ in range(count)]

    def await_streams(self, count: int) -> None:
        await_true(
            lambda: f"there are {count} streams; there are {self.ending.counters()['streams']}",
            lambda: self.ending.counters()["streams"] == count,
        )

    def last_line(self) -> str:
        return self.ending.program.log().splitlines()[-1]

    def drain_by_ctl(self) -> None:
        """What an operator may do twice, by the name of the web node or of a worker."""
        for name in ("ending", "ending/2"):
            asked = self.broker.ctl.run("drain", name)
            assert asked.returncode == 0 and "was told to drain" in asked.stdout, asked
        asked = self.broker.ctl.run("drain", "nobody")
        assert asked.returncode == UNKNOWN and "no broker knows" in asked.stdout, asked

    def is_open(self) -> bool:
        name, _, port = self.host.rpartition(":")
        try:
            socket.create_connection((name, int(port)), TIMEOUT_S).close()
        except ConnectionRefusedError:
            return False
        return True


def check_pace(ends: list[float]) -> None:
    """Some in each third of the time. How even that is, unit tests know; this machine is busy."""
    ends.sort()
    spread = ends[-1] - ends[0]
    assert 0.7 * MOVING_S < spread < MOVING_S + 5, f"the streams ended within {spread:.2f} s"
    for third in range(3):
        begin = ends[0] + third * spread / 3
        count = sum(begin <= end <= begin + spread / 3 for end in ends)
        assert 0.05 < count / len(ends) < 0.8, f"third {third}: {count} of {len(ends)}"


def check_streams(crowd: Crowd, publisher: Publisher) -> None:
    """Each has all that was sent before its end, once and in order, and ends as its format does."""
    for client in crowd.clients:
        assert LAST_WORDS[client.form].search(client.bytes), client.bytes[-99:]
        numbers = client.numbers()
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), numbers
        wanted = publisher.sent_before(client.ended_at - UNDER_WAY_S)
        assert numbers[-1] + 1 >= wanted, (client.form, numbers[-1], wanted)


def check_drain(programs: Programs) -> None:
    scene = Scene(programs, "--drain-grace", GRACE_S, "--drain-seconds", MOVING_S)
    idle, asks, halfway = (Client(scene.host, "/readyz") for _ in range(3))
    for client in (idle, asks, halfway):
        assert client.read_answer().startswith("HTTP/1.1 200"), client.bytes
    halfway.send("GET /hea")
    crowd = scene.open("lines", "all", LINES)
    crowd += scene.open("events", "all", EVENTS) + scene.open("test", "all", PAGES)
    poll = Client(scene.host, "/poll?id=quiet&wait=60")
    [leaving] = scene.open("lines", "leaving")
    scene.await_streams(len(crowd) + 2)
    publisher = Publisher(scene.api, SENDING_PAUSE_S, str, "all")
    await_true("messages come", lambda: all(client.read() and client.numbers() for client in crowd))

    begun = time.monotonic()
    scene.ending.program.ask_to_drain()
    asks.send(f"GET /readyz HTTP/1.1\r\nHost: {scene.host}\r\n\r\n")
    answer = asks.read_answer()
    while answer.startswith("HTTP/1.1 200"):  # a signal is no request: it may be behind it
        asks.send(f"GET /readyz HTTP/1.1\r\nHost: {scene.host}\r\n\r\n")
        answer = asks.read_answer()
    assert answer.startswith("HTTP/1.1 503") and "this node is ending" in answer, answer
    leaving.socket.close()
    crowd += scene.open("lines", "all")
    reading = Crowd(crowd)
    for client in (idle, asks):
        assert not client.read(), client.bytes  # no answer more, and no reset
        assert b"reset" not in client.bytes
    assert time.monotonic() - begun >= GRACE_S, "the port was left before its time"
    await_true("nobody gets in any more", lambda: not scene.is_open())
    halfway.bytes = b""
    halfway.send(f"lthz HTTP/1.1\r\nHost: {scene.host}\r\n\r\n")
    answer = halfway.read_all()
    assert answer.startswith("HTTP/1.1 200") and "\r\nConnection: close\r\n" in answer, answer
    answer = poll.read_all()
    assert answer.startswith("HTTP/1.1 204") and "\r\nConnection: close\r\n" in answer, answer
    assert scene.ending.counters()["streams"] > 0, "the streams have ended too soon"
    backend = Backend(scene.ending.api.removeprefix("http://"))
    assert backend.send("all", "the last streams")["nodes"] > 0
    reading.finish()
    publisher.finish()
    check_streams(reading, publisher)
    ends = [client.ended_at for client in crowd]
    assert min(ends) - begun >= GRACE_S, "a stream has ended before its time"
    check_pace(ends)
    scene.ending.program.finish(TIMEOUT_S)
    told = len(crowd) + 1
    # A worker that hears of the end a moment later than the other one has not counted who left.
    lines = [
        f"event=drained streams={told + left} told={told} left={left} cut=0 seconds="
        for left in (0, 1)
    ]
    assert any(line in scene.last_line() for line in lines), scene.last_line()
    print(f"{told} streams went elsewhere over {max(ends) - min(ends):.1f} s")


def check_resuming(programs: Programs) -> None:
    """With a history, clients that resume at another node miss nothing."""
    scene = Scene(programs, "--drain-grace", 0, "--drain-seconds", MOVING_S)
    end = "the end"
    ids = [f"kept-{n}" for n in range(SOURCES)]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "log"
        log, progress = Log(str(path)), Progress()
        for n, user_id in enumerate(ids):
            urls = [scene.ending.http, scene.staying.http]
            ResumingStream(n, user_id, urls, end, log, progress).start()
        # So many that their moves take the whole time.
        others = Crowd(scene.open("lines", "others", LINES))
        progress.wait("opened", len(ids))
        publisher = Publisher(scene.api, SENDING_PAUSE_OF_FEW_S, "n by=test/{}".format, *ids)
        await_true("messages come", lambda: len(publisher.sent_at) > 10)
        scene.drain_by_ctl()
        scene.ending.program.finish(TIMEOUT_S)
        others.finish()
        sent = publisher.finish(end)
        progress.wait("ended", len(ids))
        log.close()
        lines = [line.split("\t") for line in path.read_text().splitlines()]
    assert not [line for line in lines if line[0] == "gap"], lines
    for n in range(SOURCES):
        got = [int(line[6]) for line in lines if line[:2] == ["got", str(n)]]
        assert got == list(range(sent)), (n, got, sent)
    assert progress.came_back >= SOURCES, progress.came_back
    assert " cut=0 " in scene.last_line(), scene.last_line()
    print(f"{SOURCES} EventSources came back, and have all of {sent} messages")


def check_soon(programs: Programs, is_second: bool, ask: Callable[[Program], None]) -> None:
    """Without time for a drain, streams end whole all the same."""
    scene = Scene(programs)
    clients = scene.open("lines", "all", LINES)
    scene.await_streams(len(clients))
    crowd = Crowd(clients)
    if is_second:
        scene.ending.program.ask_to_drain()
        await_true("it drains", lambda: all(state == "draining" for state in states(scene.ending)))
    begun = time.monotonic()
    ask(scene.ending.program)
    scene.ending.program.finish(TIMEOUT_S)
    took = time.monotonic() - begun
    assert took < SOON_S, f"it took {took:.1f} s"
    crowd.finish()
    for client in clients:
        assert client.bytes.endswith(b"\r\n\r\n0\r\n\r\n"), client.bytes[-99:]
    line = f"event=drained streams={LINES} told={LINES} left=0 cut=0 seconds="
    assert line in scene.last_line(), scene.last_line()


def states(node: WebNode) -> list[str]:
    stats = read_stats(node.admin)
    return [worker["state"] for worker in stats["workers"]] if stats else []


CHECKS: list[Callable[[Programs], None]] = [
    check_drain,
    check_resuming,
    functools.partial(check_soon, is_second=False, ask=Program.ask_to_end),
    functools.partial(check_soon, is_second=True, ask=Program.ask_to_drain),
    functools.partial(check_soon, is_second=True, ask=Program.ask_to_end),
]


def main() -> None:
    for check in CHECKS:
        with Programs(sys.argv[1]) as programs:
            check(programs)


if __name__ == "__main__":
    main()
