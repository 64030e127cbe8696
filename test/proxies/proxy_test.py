"""A proxy in front of web nodes, configured as docs/deployment has it.

What it must not do: cut a quiet stream, hold messages back, keep a browser logged in that has left,
lose what a web node writes last, send browsers to a web node that takes none, keep an EventSource
from going on where it was.
The idle time-outs are two seconds instead of a minute, and quiet streams get signs of life each
second instead of each 25.
usage: proxy_test.py BUILD PROXY      (the build directory; nginx, haproxy, caddy, apache, varnish)
"""

import os
import pathlib
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence

from zcomet_lab.addresses import own_address
from zcomet_lab.cluster import FREE_HTTP_PORT, Broker, WebNode
from zcomet_lab.programs import Program, Programs
from zcomet_lab.publishing import Backend
from zcomet_lab.skipping import skip
from zcomet_lab.waiting import await_true

from apache import Apache
from caddy import Caddy
from clients import COMPLETE, Http1Stream, Http2Stream, Http2Tabs, Stream, http_version
from event_sources import Body, EventSource, Http1Body, Http2Body
from event_sources import Opener as EventsOpener
from front import IDLE_S, Certificate, Front, Site
from haproxy import HAProxy
from nginx import Nginx
from varnish import Varnish

FRONTS: dict[str, type[Front]] = {
    "apache": Apache,
    "caddy": Caddy,
    "haproxy": HAProxy,
    "nginx": Nginx,
    "varnish": Varnish,
}

HEARTBEAT_S = 1
QUIET_S = 2 * IDLE_S + 0.5
CUT_MAX_S = 5 * IDLE_S
DELAY_MAX_S = 0.05
MESSAGES = 21
# A busy machine delays messages, too: the best round counts.
ROUNDS_MAX = 10
LEAVING_TRIES_MAX = 3
LARGE = "x" * 60_000
LAST_MESSAGES = 8
NEW_STREAMS = 6
PAUSE_S = 0.1
PROBE = "is anybody there?"
LIVENESS = ("--liveness-ms", 1500)
RETURNING = "returns"
HISTORY = ("--history", f"{RETURNING}-*=10000,1h")
SOURCES_OF_A_WAY = 4
SHOWN_BETWEEN = 20
SENDING_PAUSE_S = 0.02
END = "the end"

Opener = Callable[[str], Stream]
"""Opens a stream of an id."""


class Scene:
    """A proxy in front of two web nodes."""

    def __init__(self, test: "Test", name: str, nodes: list[WebNode]) -> None:
        self.nodes = nodes
        self.site = Site(
            test.folder / name,
            test.certificate,
            test.host,
            [node.http.removeprefix("http://") for node in nodes],
            [node.api.removeprefix("http://") for node in nodes],
        )
        self._test = test
        self.proxy: Program = test.front.start(test.programs, self.site)
        self.ways: dict[str, Opener] = {"HTTP/1.1": self._http1}
        """The ways through the proxy."""
        self.events: dict[str, EventsOpener] = {"HTTP/1.1": self._http1_events}
        """The same ways for EventSources."""
        if test.front.speaks_tls:
            self.ways |= {"HTTP/1.1, TLS": self._http1_tls, "HTTP/2, TLS": self._http2}
            self.events |= {
                "HTTP/1.1, TLS": self._http1_tls_events,
                "HTTP/2, TLS": self._http2_events,
            }

    def _http1(self, user_id: str) -> Stream:
        return Http1Stream(f"{self.site.http}/lines/{user_id}")

    def _http1_tls(self, user_id: str) -> Stream:
        return Http1Stream(f"{self.site.https}/lines/{user_id}", self._certificate())

    def _http2(self, user_id: str) -> Stream:
        return Http2Stream(f"{self.site.https}/lines/{user_id}", self._certificate())

    def _http1_events(self, user_id: str, cursor: str) -> Body:
        return Http1Body(f"{self.site.http}/events/{user_id}", cursor)

    def _http1_tls_events(self, user_id: str, cursor: str) -> Body:
        return Http1Body(f"{self.site.https}/events/{user_id}", cursor, self._certificate())

    def _http2_events(self, user_id: str, cursor: str) -> Body:
        return Http2Body(f"{self.site.https}/events/{user_id}", cursor, self._certificate())

    def _certificate(self) -> str:
        return str(self.site.certificate.certificate)

    def restart_proxy(self) -> None:
        """All connections through it are cut."""
        self._test.programs.end(self.proxy)
        self.proxy = self._test.front.start(self._test.programs, self.site)

    def check_http_version(self) -> None:
        version = http_version(f"{self.site.https}/healthz", self._certificate())
        assert version == "2", f"a client that can speak HTTP/2 speaks HTTP/{version}"

    def streams(self) -> list[int]:
        """How many streams each web node has."""
        return [node.counters()["streams"] for node in self.nodes]

    def await_streams(self, count: int) -> None:
        await_true(
            lambda: f"there are {count} streams; there are {self.streams()}",
            lambda: sum(self.streams()) == count,
        )


class Publisher:
    """Sends numbered messages to some ids without a pause, on a thread of its own."""

    def __init__(self, api: str, user_ids: Sequence[str]) -> None:
        self.sent = 0
        """How many each id has got."""
        self._backend = Backend(api)
        self._user_ids = user_ids
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def finish(self, end: str) -> list[str]:
        """Sends the last message to each; returns those that it had sent before."""
        self._is_over.set()
        self._thread.join()
        self._send(end)
        return [str(number) for number in range(self.sent)]

    def _run(self) -> None:
        while not self._is_over.wait(SENDING_PAUSE_S):
            self._send(str(self.sent))
            self.sent += 1

    def _send(self, text: str) -> None:
        for user_id in self._user_ids:
            assert "cursor" in self._backend.send(user_id, text), "it is not kept"


class Test:
    """The programs, and the checks of one proxy."""

    def __init__(self, front: Front, programs: Programs, folder: pathlib.Path) -> None:
        self.front = front
        self.programs = programs
        self.folder = folder
        self.host = own_address()
        self.certificate = Certificate.make(folder, self.host)
        self._names = iter("abcdefghij")

    def start_node(self, broker: Broker, heartbeat_s: int) -> WebNode:
        api = ("--api", FREE_HTTP_PORT, "--workers", 1, "--http-name", "comet.example.com")
        signs = ("--stream-heartbeat", heartbeat_s)
        drain = ("--drain-grace", 1, "--drain-seconds", 1)
        name = next(self._names)
        return WebNode(self.programs, broker.listen, *api, *signs, *drain, name=name).await_ready()

    def say(self, what: str) -> None:
        print(f"{self.front.name}: {what}", flush=True)

    # A stream that is quiet.

    def check_quiet(self, scene: Scene, silent: Scene, broker: Broker) -> None:
        """Signs of life keep a quiet stream alive, and without them the proxy cuts it."""
        begun = time.monotonic()
        mute = silent.ways["HTTP/1.1"]("mute")
        streams = {way: open_stream(f"quiet-{n}") for n, (way, open_stream) in numbered(scene)}
        broker.ctl.await_logins(f"quiet-{n}" for n in range(len(streams)))
        time.sleep(max(0.0, begun + QUIET_S - time.monotonic()))
        for n, (way, stream) in enumerate(streams.items()):
            assert stream.end is None, f"{way}: a quiet stream has ended: {stream.end}"
            broker.ctl.send(f"quiet-{n}", "still there?")
            stream.await_text("still there?")
            stream.leave()
        scene.await_streams(0)
        self.say(f"quiet streams live on for {QUIET_S} s, with an idle time-out of {IDLE_S} s")
        if self.front.cuts_idle:
            await_true("without signs of life it is cut", lambda: mute.end, CUT_MAX_S)
            self.say(f"without signs of life it is cut after {mute.ended_at - begun:.1f} s")
        else:
            assert mute.end is None, f"cut although it has no idle time-out: {mute.end}"
        mute.leave()

    # How long a message takes.

    def check_delays(self, scene: Scene, backend: Backend) -> None:
        node = scene.nodes[0].http
        direct = self._median_delay(
            lambda name: Http1Stream(f"{node}/lines/{name}"), "direct", backend
        )
        delays = [f"directly {1000 * direct:.1f} ms"]
        for n, (way, open_stream) in numbered(scene):
            median = self._median_delay(open_stream, f"timed-{n}", backend)
            assert median < DELAY_MAX_S, f"{way}: a message takes {1000 * median:.0f} ms"
            delays.append(f"{way} {1000 * median:.1f} ms")
        scene.await_streams(0)
        self.say("a message takes " + ", ".join(delays))

    @staticmethod
    def _median_delay(open_stream: Opener, user_id: str, backend: Backend) -> float:
        """Of the best round."""
        stream = open_stream(user_id)
        await_true("it is logged in", lambda: holds(backend, user_id))
        best = float("inf")
        for turn in range(ROUNDS_MAX):
            delays = [delay(stream, user_id, backend, f"{turn}.{n}") for n in range(MESSAGES)]
            best = min(best, statistics.median(delays))
            if best < DELAY_MAX_S:
                break
        stream.leave()
        return best

    # A browser that leaves.

    def check_leaving(self, scene: Scene, broker: Broker) -> None:
        for way, open_stream in scene.ways.items():
            for attempt in range(LEAVING_TRIES_MAX):
                signs, seconds = self._leave(scene, broker, open_stream)
                if signs <= self.front.signs_max:
                    self.say(
                        f"{way}: who leaves is logged out after {signs} signs, {seconds:.1f} s"
                    )
                    break
                assert attempt + 1 < LEAVING_TRIES_MAX, f"{way}: {signs} signs of life, {seconds} s"

    @staticmethod
    def _leave(scene: Scene, broker: Broker, open_stream: Opener) -> tuple[int, float]:
        """How many signs of life it takes until the web node knows, and how long."""

        def signs() -> int:
            return sum(node.counters()["signs_of_life"] for node in scene.nodes)

        stream = open_stream("leaves")
        broker.ctl.await_logins(["leaves"])
        before = signs()
        begun = time.monotonic()
        stream.leave()
        scene.await_streams(0)
        return signs() - before, time.monotonic() - begun

    def check_tab(self, scene: Scene, broker: Broker) -> None:
        """A page that closes is logged out, although its connection stays for another one."""
        url = f"{scene.site.https}/lines"
        certificate = str(self.certificate.certificate)
        tabs = Http2Tabs(f"{url}/stays", f"{url}/closes", certificate)
        broker.ctl.await_logins(["stays", "closes"])
        tabs.await_closing()
        scene.await_streams(1)
        assert broker.ctl.nodes_of("stays") == 1, "the page that stays is logged out"
        tabs.end()
        scene.await_streams(0)
        self.say("HTTP/2: a page that closes is logged out, another one on its connection stays")

    # The API.

    def check_api(self, scene: Scene) -> None:
        backend = Backend(scene.site.api)
        stream = scene.ways["HTTP/1.1"]("published")
        await_true("a node holds the id", lambda: holds(backend, "published"))
        sent = [str(number) for number in range(MESSAGES)]
        for text in sent:  # on one connection
            assert backend.send("published", text)["nodes"] == 1
        stream.await_text(sent[-1])
        assert [text for text in stream.texts() if text != PROBE] == sent, stream.texts()
        stream.leave()
        public = Backend(scene.site.http.removeprefix("http://"))
        status, _ = public.post("/send/published", "from a browser")
        assert status == 404, f"a browser may publish: {status}"
        scene.await_streams(0)
        self.say("backends publish through it, browsers do not")

    # An EventSource that comes back.

    def check_returning(self, scene: Scene, api: str) -> None:
        """The proxy starts again, and then a web node ends: an EventSource misses nothing."""
        ways = [way for way in scene.events for _ in range(SOURCES_OF_A_WAY)]
        sources = [
            EventSource(f"{RETURNING}-{n}", scene.events[way], END) for n, way in enumerate(ways)
        ]
        self._await_sources(sources, "they are open", lambda source: source.opened > 0)
        publisher = Publisher(api, [source.user_id for source in sources])
        self._await_shown(sources, SHOWN_BETWEEN)
        scene.restart_proxy()
        self._await_sources(sources, "they are back", lambda source: source.opened > 1)
        self._await_shown(sources, publisher.sent + SHOWN_BETWEEN)
        streams = scene.streams()
        ending = streams.index(max(streams))
        before = sum(source.opened for source in sources)
        scene.nodes[ending].program.ask_to_drain()
        await_true(
            lambda: f"those of the ended node are back: {states(sources)}",
            lambda: sum(source.opened for source in sources) >= before + streams[ending],
        )
        self._await_shown(sources, publisher.sent + SHOWN_BETWEEN)
        wanted = publisher.finish(END)
        self._await_sources(sources, "they have the last message", lambda source: source.is_over)
        for way, source in zip(ways, sources, strict=True):
            assert not source.gaps, f"{way}: told of gaps: {source.gaps}"
            assert source.texts == wanted, f"{way}: not each message once: {source.texts}"
        back = sum(source.opened - 1 for source in sources)
        self.say(f"EventSources came back {back} times, and have all of {len(wanted)} messages")

    def _await_shown(self, sources: Sequence[EventSource], count: int) -> None:
        what = f"they have {count} messages"
        self._await_sources(sources, what, lambda source: len(source.texts) >= count)

    @staticmethod
    def _await_sources(
        sources: Sequence[EventSource], what: str, condition: Callable[[EventSource], bool]
    ) -> None:
        def all_do() -> bool:
            refusals = [source.refusal for source in sources if source.refusal]
            assert not refusals, f"EventSources that do not come back: {refusals}"
            return all(map(condition, sources))

        await_true(lambda: f"{what}: {states(sources)}", all_do)

    # A web node that ends, and one that takes no streams.

    def check_unready(self, scene: Scene, broker: Broker) -> None:
        """The first node's broker dies, and comes back."""
        os.kill(broker.program.pid, signal.SIGKILL)
        streams: list[Stream] = []
        refused = in_a_row = 0
        begun = time.monotonic()
        # Until so many in a row went to the other node, after the first one has begun to refuse.
        while in_a_row < NEW_STREAMS or self._takes_streams(scene.nodes[0]):
            assert time.monotonic() < begun + 30, "streams still go to a node without a broker"
            time.sleep(PAUSE_S)
            try:
                went_to = self._open(scene, streams)
            except OSError as error:
                assert not self.front.asks_another_for_503, f"a browser gets {error}"
                refused += 1
                went_to = 0
            in_a_row = in_a_row + 1 if went_to == 1 else 0
        Broker(self.programs, *LIVENESS, listen=broker.listen, feed=broker.feed)
        await_true("the node gets streams again", lambda: self._open(scene, streams) == 0)
        for stream in streams:
            stream.leave()
        scene.await_streams(0)
        self.say(f"a node without its broker gets no streams ({refused} were refused), then again")

    @staticmethod
    def _takes_streams(node: WebNode) -> bool:
        before = node.counters()["streams"]
        try:
            stream = Http1Stream(f"{node.http}/lines/direct")
        except OSError:
            return False
        stream.leave()
        await_true("it is gone", lambda: node.counters()["streams"] == before)
        return True

    def _open(self, scene: Scene, streams: list[Stream]) -> int:
        """Opens one more stream. Which node has it?"""
        before = scene.streams()
        streams.append(scene.ways["HTTP/1.1"](f"new-{len(streams)}"))
        return self._went_to(scene, before)

    @staticmethod
    def _went_to(scene: Scene, before: list[int]) -> int:
        """Which node has a stream more than before."""

        def found() -> list[int]:
            pairs = enumerate(zip(before, scene.streams(), strict=True))
            return [n for n, (old, new) in pairs if new > old]

        return await_true("a node has it", found)[0]

    def check_drain(self, scene: Scene, broker: Broker) -> None:
        """The last messages of a node that ends are whole; new streams go to the other one."""
        streams: dict[str, Stream] = {}
        draining = ""
        for way, open_stream in scene.ways.items():
            for number in range(4):
                before = scene.streams()
                user_id = f"drain-{len(streams)}"
                streams[user_id] = open_stream(user_id)
                if self._went_to(scene, before) == 0:
                    draining += f" {user_id}"
                    break
                assert number < 3, f"{way}: no stream goes to the first node"
        broker.ctl.await_logins(list(streams))
        backend = Backend(scene.nodes[1].api.removeprefix("http://"))
        for number in range(LAST_MESSAGES):
            for user_id in draining.split():
                backend.send(user_id, f"{number} {LARGE}")
        scene.nodes[0].program.ask_to_drain()
        for user_id in draining.split():
            end = streams[user_id].await_end()
            assert end == COMPLETE, f"{user_id}: {end}"
            wanted = [f"{number} {LARGE}" for number in range(LAST_MESSAGES)]
            assert streams[user_id].texts() == wanted, f"{user_id}: not all messages"
            streams.pop(user_id)
        for way, open_stream in scene.ways.items():
            for number in range(NEW_STREAMS):
                user_id = f"after-{len(streams)}"
                streams[user_id] = open_stream(user_id)
                broker.ctl.await_logins([user_id])
                broker.ctl.send(user_id, "welcome")
                streams[user_id].await_text("welcome")
        assert all(stream.end is None for stream in streams.values()), "others were cut"
        for stream in streams.values():
            stream.leave()
        self.say("a node that ends gives whole last messages; new streams go to the other one")


def states(sources: Sequence[EventSource]) -> str:
    return ", ".join(f"{len(source.texts)} messages, {source.opened} times" for source in sources)


def numbered(scene: Scene) -> list[tuple[int, tuple[str, Opener]]]:
    return list(enumerate(scene.ways.items()))


def holds(backend: Backend, user_id: str) -> bool:
    """Whether a node holds the id: then it gets a message."""
    return bool(backend.send(user_id, PROBE)["nodes"] == 1)


def delay(stream: Stream, user_id: str, backend: Backend, text: str) -> float:
    """How long one message takes, from its sending to its coming. No other has this text."""
    sent = time.monotonic()
    backend.send(user_id, text)
    return stream.await_text(text).at - sent


def run(test: Test) -> None:
    broker = Broker(test.programs, *LIVENESS, *HISTORY)
    nodes = [test.start_node(broker, HEARTBEAT_S) for _ in range(2)]
    scene = Scene(test, "two", nodes)
    silent = Scene(test, "silent", [test.start_node(broker, 0) for _ in range(2)])
    backend = Backend(nodes[0].api.removeprefix("http://"))
    if test.front.speaks_tls:
        scene.check_http_version()
        test.check_tab(scene, broker)
    test.check_quiet(scene, silent, broker)
    test.check_delays(scene, backend)
    test.check_leaving(scene, broker)
    test.check_api(scene)
    alone = [Broker(test.programs, *LIVENESS) for _ in range(2)]
    apart = Scene(test, "apart", [test.start_node(each, HEARTBEAT_S) for each in alone])
    test.check_unready(apart, alone[0])
    returning = Scene(test, "returning", [test.start_node(broker, HEARTBEAT_S) for _ in range(2)])
    test.check_returning(returning, nodes[1].api.removeprefix("http://"))
    test.check_drain(scene, broker)


def main() -> int:
    build, name = sys.argv[1:]
    front = FRONTS[name]()
    if front.path() is None:
        return skip(f"{front.name} (Debian's package {front.program}) is not installed")
    with (
        # Proxies may still write to it while they end.
        tempfile.TemporaryDirectory(prefix="zcomet-proxy-", ignore_cleanup_errors=True) as folder,
        Programs(build) as programs,
    ):
        path = pathlib.Path(folder)
        path.chmod(0o755)  # a proxy may run as another user
        run(Test(front, programs, path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
