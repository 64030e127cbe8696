"""The attacks that hurt version 0.1.0 of 2026-11-28, tried again at a broker with keys.

ROWS says of each what is said to the broker, and what comes of it. Two try it: a stranger, once
without a key and once with a key that the broker does not know, and the holder of a key of the
lowest role, a sender's for a few ids. A node's key is no lower, since it hears each id that it logs
in, nor is an operator's, which sees all nodes; and the key of a sender lies on most hosts.
(keys.py has what a node's key may not, and scripts/zcomet_lab/attacks what strangers do to a broker
without keys.) Meanwhile another sender and a stream go on, and lose nothing, the operator is
answered, and after each attempt nothing has changed at the broker but what the row says.

docs/SECURITY.md has these rows as a table; test/docs/security.py compares the names.
usage: attack_rows.py BUILD [--any-memory] [WORD...]      (the build directory; only rows with one
       of the words. With --any-memory the broker may grow: a sanitizer keeps what is freed)
"""

import argparse
import collections
import contextlib
import dataclasses
import functools
import json
import math
import pathlib
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from zcomet_lab.attacks.sampler import Sampler, resident_bytes
from zcomet_lab.cluster import BROKER_ADMIN, FREE_PORT, WebNode
from zcomet_lab.ctl import Ctl
from zcomet_lab.keys import Keys, values_of
from zcomet_lab.lines import Lines
from zcomet_lab.programs import Program, ProgramError, Programs
from zcomet_lab.skipping import skip
from zcomet_lab.stats import read_stats
from zcomet_lab.waiting import await_true

from pyzmq import Context, zmq  # before the others: ends the test where pyzmq is missing

import curve
import wire
import zmtp

OWN, OTHER = b"shop.1", b"bank.1"
"""An id that the key of the lowest role may send to, and the one of the bystander."""
ERRORS = {1: "malformed", 4: "hello-first", 5: "wrong-role", 10: "overloaded", 12: "not-allowed"}
PONG_TOKEN = 2**40
SEND_PAUSE_S = 0.005
MESSAGES_AFTER = 5
MEMORY_MAX = 64 << 20
GROWTH_MAX = 16 << 20
LOG_BYTES_MAX = 60_000
SMALL_BUFFER = 4096
STALLED_S = 0.3
SETTLED_S = 0.05
FLOOD_S = 1.0
DESCRIPTORS, SILENT = 256, 400
SHORTAGE_PATIENCE_S = 30
WAITING_MAX = 3

UNTOUCHED = (
    *("nodes_joined", "nodes_left", "nodes_died", "nodes_replaced", "nodes_disbelieved"),
    *("nodes_behind", "logins", "logouts", "lists", "resend_requests", "batches_resent"),
    *("history_questions", "subscriptions_ignored", "subscriptions_refused", "messages_shed"),
    *("messages_missing", "messages_repeated", "messages_void", "messages_not_allowed"),
    *("senders_joined", "errors"),
)
"""Counters that nobody but the attacker would raise."""
OWN_DOING = ("errors", "senders_joined")
"""Those of them that each key of a sender may raise, about itself."""


class Bystander:
    """A sender and a stream of its id, by a key that has nothing to do with the attacks."""

    NAME = b"honest"

    def __init__(self, listen: str, keys: dict[str, bytes], http: str) -> None:
        self.incarnation = secrets.randbits(62) + 1
        self._stream = Lines(http.removeprefix("http://"), f"/lines/{OTHER.decode()}")
        self._peer = curve.Peer(listen, keys)
        self._ending = threading.Event()
        self._trouble: Exception | None = None
        self._shown: list[str] = []
        self.sent = 0
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), daemon=True)
            for work in (self._send_all, self._read_all)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # for the thread that asks
            self._trouble = self._trouble or error

    def _send_all(self) -> None:
        heard = self._peer.hear()
        self._peer.say(wire.hello(self.incarnation, wire.SENDER, self.NAME))
        wire.read_sender_welcome(next(heard))
        while not self._ending.wait(SEND_PAUSE_S):
            number = self.sent + 1
            acknowledge = number % 2 == 0
            message = (OTHER, b"message %d" % number)
            self._peer.say(
                wire.send(number, [message], receipt=not acknowledge, acknowledge=acknowledge)
            )
            wanted = wire.ACKNOWLEDGED if acknowledge else wire.RECEIPT
            frame = next(frame for frame in heard if wire.Reader(frame).kind == wanted)
            nodes = wire.read_outcomes(frame).nodes
            assert nodes == [1], f"message {number} is said to be at {nodes} nodes"
            self.sent = number
        self._peer.say(wire.header(wire.GOODBYE))

    def _read_all(self) -> None:
        while line := self._stream.next():
            text = json.loads(line)["data"]
            expected = f"message {len(self._shown) + 1}"
            assert text == expected, f"the stream shows {text!r} in place of {expected!r}"
            self._shown.append(text)

    def check(self) -> None:
        """Waits until some further messages have arrived."""
        wanted = self.sent + MESSAGES_AFTER
        await_true(
            lambda: f"the bystander's message {wanted} arrives ({len(self._shown)} have)",
            lambda: self._trouble is not None or len(self._shown) >= wanted,
        )
        if self._trouble:
            raise AssertionError(f"the bystander: {self._trouble!r}")

    def finish(self) -> int:
        """Returns how many messages were sent; all have arrived."""
        self.check()
        self._ending.set()
        self._threads[0].join()
        sent = self.sent
        await_true("all messages arrived", lambda: len(self._shown) == sent)
        return sent


class Scene:
    """A broker with keys, a web node, an operator, and the keys of those who attack."""

    def __init__(self, programs: Programs, folder: pathlib.Path, growth_max: float) -> None:
        self.programs = programs
        self.growth_max = growth_max
        """What the broker may grow by during one attempt."""
        self.ctl_path = programs.path("zcomet-ctl")
        self.keys = Keys(self.ctl_path, folder)
        self.files = {
            "web": self.keys.new("web", "node,sender"),
            "bank": self.keys.new("bank", "sender", "bank.*"),
            "shop": self.keys.new("shop", "sender", "shop.*"),
            "admin": self.keys.new("admin", "operator"),
        }
        self.lowest = values_of(self.files["shop"])
        public, secret = zmq.curve_keypair()
        self.unknown = self.lowest | {"public": public, "secret": secret}
        self.broker = programs.start(
            "zcomet-broker",
            *("--listen", FREE_PORT, "--feed", FREE_PORT, "--keys", self.keys.directory),
            *("--memory-max", MEMORY_MAX, *BROKER_ADMIN),
        )
        ready = self.broker.await_ready()
        self.listen, self.feed, self.admin = ready["listen"], ready["feed"], ready["admin"]
        self.ctl = Ctl(self.ctl_path, "--broker", self.listen, "--key", self.files["admin"])
        self.node = WebNode(programs, self.listen, "--key", self.files["web"], name="web")
        self.node.await_ready()
        self.bystander = Bystander(self.listen, values_of(self.files["bank"]), self.node.http)
        self.ctl.await_logins([OTHER.decode()])
        self.bystander.start()
        [node] = self.ctl.json("nodes")
        self.victim = int(node["incarnation"], 16)
        self.victim_name = node["name"].encode()

    def counters(self) -> dict[str, int]:
        """What the broker has counted; without a question to it, which would count."""
        stats = await_true("the admin page answers", lambda: read_stats(self.admin))
        counters: dict[str, int] = stats["counters"]
        return counters

    def check_operator(self) -> None:
        """The operator is answered, and sees the one node, which is live and has the one id."""
        [node] = self.ctl.json("nodes")
        told = (int(node["incarnation"], 16), node["live"], node["ids"])
        assert told == (self.victim, True, 1), node


Frames = Callable[[Scene], list[bytes]]


def nothing(_scene: Scene) -> list[bytes]:
    return []


@dataclasses.dataclass(frozen=True)
class Row:
    """An attack: what is said to the broker's two sockets, and what comes of it with the key."""

    name: str
    says: Frames = nothing
    """Frames to the socket of peers."""
    answers: Sequence[str] = ()
    """What they are answered by, in order. In a flood, one of these each."""
    topics: Frames = nothing
    """Messages to the socket of feeds, which lets in no key of a sender."""
    floods: bool = False
    """The frames are said again and again, for a second."""
    connections: int = 1
    """How many do so at a time."""
    reads: bool = True
    """They read what they are answered."""
    raises: Sequence[str] = ()
    """Counters of the broker that have to tell of it."""
    permitted: Sequence[str] = ()
    """Counters that may rise as well."""


def own_hello(role: int, name: bytes = b"thief") -> bytes:
    return wire.hello(secrets.randbits(62) + 1, role, name)


def ping(token: int = PONG_TOKEN) -> bytes:
    return wire.header(wire.PING) + wire.u64(token)


def first_part_of_list() -> bytes:
    """A LIST of a megabyte that does not end."""
    ids = 75_000
    head = wire.header(wire.LIST) + wire.u64(1) + b"\1" + wire.u32(ids)
    return head + b"".join(wire.str8(b"%012d" % number) for number in range(ids))


HELLO_AND_GOODBYE = [wire.hello(2**61, wire.SENDER, b"fickle"), wire.header(wire.GOODBYE)]
LEDGER = (10**18, 7, 2**63, 3, 5, 11, 2**64 - 1, 1, 994)
NEVER_SENT = 2**60
JUMP = 2**63
# As many as a broker answers in a second.
ERRORS_PER_S = 10

ROWS = (
    # ---- What one may do -------------------------------------------------------------------------
    Row(
        "hear all messages of all nodes",
        topics=lambda scene: [b"\1", b"\1" + wire.u64(scene.victim)],
    ),
    Row(
        "ask who is online where, and for the names and numbers of nodes",
        says=lambda _: [
            own_hello(wire.SENDER),
            *(wire.query(1, what) for what in (b"nodes", b"stats", b"ledger")),
            *(wire.query(1, what, OTHER) for what in (b"who", b"streams")),
            wire.history(1, 0, 0, OTHER),
        ],
        answers=("welcome", *["not-allowed"] * 6),
    ),
    Row(
        "join as a node and log in any id",
        says=lambda _: [own_hello(wire.NODE), wire.login(1, OTHER)],
        answers=("not-allowed", "hello-first"),
    ),
    Row(
        "join with a node's name",
        says=lambda scene: [own_hello(wire.NODE, scene.victim_name)],
        answers=("not-allowed",),
    ),
    Row(
        "speak for a node: say that it leaves, and that it has no ids",
        says=lambda scene: [
            wire.hello(scene.victim, wire.NODE, scene.victim_name),
            wire.login_list(2**40),
            wire.header(wire.GOODBYE),
        ],
        answers=("not-allowed", "hello-first", "hello-first"),
    ),
    Row(
        "end a node's subscription",
        topics=lambda scene: [b"\0" + wire.u64(scene.victim)] * 50,
    ),
    Row(
        "speak for a sender, and jump to an enormous number",
        says=lambda scene: [
            wire.hello(scene.bystander.incarnation, wire.SENDER, Bystander.NAME),
            wire.send(JUMP, [(OTHER, b"forged")]),
            own_hello(wire.SENDER),
            wire.send(JUMP, [(OWN, b"forged")], acknowledge=True),
        ],
        answers=("not-allowed", "hello-first", "welcome", "malformed"),
    ),
    Row(
        "report made-up numbers, and leave",
        says=lambda _: [
            own_hello(wire.NODE),
            wire.heartbeat(0, 0, 0, ledger=LEDGER),
            own_hello(wire.SENDER),
            wire.heartbeat(0, NEVER_SENT, 0),
            wire.header(wire.GOODBYE),
        ],
        answers=("not-allowed", "hello-first", "welcome", "malformed"),
    ),
    Row(
        "hold a busy id and acknowledge slowly, to slow all its senders",
        says=lambda _: [
            own_hello(wire.NODE),
            wire.login(1, OTHER),
            wire.heartbeat(1, 1, 0, wire.digest(OTHER)),
        ],
        answers=("not-allowed", "hello-first", "hello-first"),
    ),
    Row(
        "send to any id",
        says=lambda _: [
            own_hello(wire.SENDER),
            wire.send(1, [(OTHER, b"forged")]),
            wire.send(2, [(OTHER, b"forged")], receipt=True),
            wire.send(3, [(OTHER, b"forged")], acknowledge=True),
        ],
        answers=("welcome", "not-allowed", "not taken", "not taken"),
        raises=("messages_not_allowed",),
        permitted=("messages_void",),
    ),
    # ---- What floods cost ------------------------------------------------------------------------
    Row(
        "ask, ping and babble at full speed",
        says=lambda _: [
            *(wire.query(1, what) for what in (b"stats", b"ledger", b"nodes")),
            ping(1),
            wire.header(wire.PING),
        ],
        floods=True,
        answers=("not-allowed", "malformed", "pong"),
        raises=("errors_not_allowed", "errors_malformed", "pings"),
    ),
    Row(
        "join as thousands of nodes, and ask for all of them",
        says=lambda _: [own_hello(wire.NODE, b"n"), *[wire.query(1, b"nodes")] * 20],
        floods=True,
        connections=50,
        answers=("not-allowed",),
        raises=("errors_not_allowed",),
    ),
    Row(
        "the same, and read no answer",
        says=lambda _: [own_hello(wire.NODE, b"n"), *[wire.query(1, b"nodes")] * 20],
        floods=True,
        connections=50,
        reads=False,
        raises=("errors_not_allowed",),
    ),
    Row(
        "ask for statistics and read no answer",
        says=lambda _: [wire.query(1, b"stats"), wire.query(1, b"who", OWN), ping(1)] * 100,
        floods=True,
        connections=20,
        reads=False,
        raises=("errors_not_allowed", "queries"),
    ),
    Row(
        "subscribe to everything and never read",
        topics=lambda _: [b"\1"],
    ),
    Row(
        "ask for a feed again and again, and not read it",
        says=lambda scene: [own_hello(wire.SENDER), *[wire.resend(scene.victim, 1, 1000)] * 20],
        floods=True,
        reads=False,
        raises=("errors_wrong_role",),
    ),
    Row(
        "hold one id as 16 nodes, acknowledge nothing, and send megabytes to it",
        says=lambda _: [
            own_hello(wire.NODE),
            wire.login(1, OWN),
            own_hello(wire.SENDER),
            *(wire.send(number, [(OWN, b"x" * 60_000)]) for number in range(1, 20)),
        ],
        floods=True,
        connections=16,
        answers=("not-allowed", "hello-first", "wrong-role", "welcome", "malformed"),
        raises=("errors_not_allowed", "messages_void"),
        permitted=("messages_repeated", "messages_missing"),
    ),
    Row(
        "send lists of a megabyte that do not end",
        says=lambda _: [own_hello(wire.NODE), first_part_of_list()],
        floods=True,
        connections=3,
        answers=("not-allowed", "hello-first"),
        raises=("errors_hello_first",),
    ),
    Row(
        "log in millions of ids",
        says=lambda _: [
            own_hello(wire.NODE),
            wire.login(1, *(b"%056d" % number for number in range(10_000))),
        ],
        floods=True,
        answers=("not-allowed", "hello-first"),
        raises=("errors_hello_first",),
    ),
    Row(
        "subscribe to thousands of long topics",
        topics=lambda _: [b"\1" + secrets.token_bytes(1000) for _ in range(1000)],
    ),
    Row(
        "say HELLO and GOODBYE at full speed",
        says=lambda _: HELLO_AND_GOODBYE * 100,
        floods=True,
        answers=("welcome",),
        raises=("senders_joined",),
    ),
    Row(
        "join as many senders, and send much",
        says=lambda _: [own_hello(wire.SENDER), wire.send(1, [(OWN, b"x" * 50)])],
        floods=True,
        connections=100,
        answers=("welcome", "hello-first", "malformed", "wrong-role"),
        raises=("senders_joined", "messages_void"),
        permitted=("messages_repeated", "messages_missing"),
    ),
)


# ---- Those who try -------------------------------------------------------------------------------


def said_by_stranger(scene: Scene, row: Row) -> None:
    """Neither without a key nor with an unknown one does the broker hear a single frame."""
    before = scene.counters()
    said = ((scene.listen, b"DEALER", row.says(scene)), (scene.feed, b"SUB", row.topics(scene)))
    tries = 0
    for endpoint, socket_type, frames in said:
        if not frames:
            continue
        tries += 1
        with zmtp.connect(endpoint) as peer:
            with contextlib.suppress(ConnectionError):
                peer.sendall(zmtp.greeting() + zmtp.ready(socket_type))
                peer.sendall(b"".join(map(zmtp.frame, frames)))
            assert zmtp.is_closed_by_other_side(peer), "a stranger without a key stays connected"
        assert curve.is_refused(endpoint, scene.unknown, socket_type), "an unknown key is let in"
    await_growth(scene, before, "handshakes_failed", tries)
    await_growth(scene, before, "handshakes_refused", tries)
    check_untouched(before, scene.counters(), UNTOUCHED)


def said_with_key(scene: Scene, row: Row) -> None:
    """With the key of the lowest role."""
    before = scene.counters()
    if row.topics is not nothing:
        assert curve.is_refused(scene.feed, scene.lowest, b"SUB"), "a sender's key reaches the feed"
        await_growth(scene, before, "handshakes_refused", 1)
    if row.floods:
        flood(scene, row)
    elif row.says is not nothing:
        answers = exchange(scene, row.says(scene))
        assert answers == list(row.answers), f"it is answered {answers}"
    for name in row.raises:
        await_growth(scene, before, name, 1)
    untouched = set(UNTOUCHED) - {*OWN_DOING, *row.raises, *row.permitted}
    check_untouched(before, scene.counters(), sorted(untouched))


def exchange(scene: Scene, frames: list[bytes]) -> list[str]:
    """Says the frames; returns the names of the answers, in order."""
    answers: list[str] = []
    with curve.Peer(scene.listen, scene.lowest) as peer:
        peer.say(*frames, ping())
        for frame in peer.hear():
            answer = name_of(frame)
            if answer == "pong":
                return answers
            if answer:
                answers.append(answer)
    raise AssertionError(f"the connection ended after {answers}")


def name_of(frame: bytes) -> str:
    """What an answer says; empty: nothing that matters."""
    kind = wire.Reader(frame).kind
    if kind == wire.ERROR:
        code, _, text = wire.read_error(frame)
        return ERRORS.get(code, text)
    if kind in (wire.RECEIPT, wire.ACKNOWLEDGED):
        outcomes = set(wire.read_outcomes(frame).nodes)
        return "not taken" if outcomes == {wire.NOT_ALLOWED} else f"at {outcomes} nodes"
    if kind in (wire.CREDIT, wire.HEARTBEAT):
        return ""
    return {wire.WELCOME: "welcome", wire.PONG: "pong"}.get(kind, f"kind {kind:#04x}")


def flood(scene: Scene, row: Row) -> None:
    """Says the frames again and again, over some connections at a time."""
    buffer = 0 if row.reads else SMALL_BUFFER
    heard: set[str] = set()
    with contextlib.ExitStack() as stack:
        peers = collections.deque(
            stack.enter_context(curve.Peer(scene.listen, scene.lowest, buffer=buffer))
            for _ in range(row.connections)
        )
        deadline = time.monotonic() + FLOOD_S
        while peers and time.monotonic() < deadline:
            peer = peers.popleft()
            peer.socket.settimeout(STALLED_S)
            try:
                peer.say(*row.says(scene))
            except OSError:  # the broker takes no more, or has ended the connection
                continue
            if row.reads:
                heard |= {name_of(frame) for frame in peer.hear_now()} - {""}
            peers.append(peer)
        scene.bystander.check()
        scene.check_operator()
        if row.reads:
            assert heard and heard <= set(row.answers), f"it is answered {sorted(heard)}"


def check_untouched(
    before: dict[str, int], after: dict[str, int], untouched: Sequence[str]
) -> None:
    changed = {name: after[name] - before[name] for name in untouched if after[name] > before[name]}
    assert not changed, f"the broker has counted {changed}"


def await_growth(scene: Scene, before: dict[str, int], name: str, least: int) -> None:
    """The broker counts at the end of a turn."""
    await_true(f"{name} grows by {least}", lambda: scene.counters()[name] >= before[name] + least)


def tried(scene: Scene, row: Row, attempt: Callable[[Scene, Row], None]) -> None:
    """One attempt, beside the bystander, and what must hold after each."""
    logged = len(scene.broker.log())
    sampler = Sampler({"broker": resident_bytes(scene.broker.pid)})
    with sampler.sampling():
        attempt(scene, row)
        scene.bystander.check()
        scene.check_operator()
    settle(scene)
    memory = sampler.extent()["broker"]
    grown = memory["peak"] - memory["before"]
    assert grown <= scene.growth_max, f"the broker grew by {grown / 2**20:.0f} MiB"
    logged = len(scene.broker.log()) - logged
    assert logged <= LOG_BYTES_MAX, f"the broker logged {logged} bytes"


def settle(scene: Scene) -> None:
    """Waits until the broker has no frames of the attempt any more, which would count later."""

    def is_quiet() -> bool:
        before = scene.counters()["errors"]
        time.sleep(SETTLED_S)
        return scene.counters()["errors"] == before

    await_true("the broker has no frames of the attempt any more", is_quiet)


# ---- Rows of another kind ------------------------------------------------------------------------


def play_broker(scene: Scene) -> None:
    """An impostor does not have the broker's key: programs send it no frame, and say why."""
    lines: dict[str, dict[str, Any]] = {
        "takes no keys": {},
        "another key": {"curve_secretkey": scene.lowest["secret"], "curve_server": True},
    }
    for words, options in lines.items():
        context: Context = zmq.Context()
        with context, context.socket(zmq.ROUTER) as rogue:
            for name, value in options.items():
                setattr(rogue, name, value)
            rogue.linger = 0
            rogue.bind("tcp://127.0.0.1:*")
            endpoint = rogue.getsockopt_string(zmq.LAST_ENDPOINT)
            node = WebNode(scene.programs, endpoint, "--key", scene.files["web"], name="misled")
            key = ("--key", scene.files["admin"], "--timeout", 1)
            done = Ctl(scene.ctl_path, "--broker", endpoint, *key).run("nodes")
            assert done.returncode == 1 and words in done.stderr, done.stderr
            await_true("the node says why", functools.partial(has, node.program, words))
            assert not rogue.poll(0), "the rogue was told something"
            scene.programs.end(node.program)


def has(program: Program, words: str) -> bool:
    return words in program.log()


class SmallBroker:
    """A broker with keys that has few descriptors."""

    def __init__(self, scene: Scene) -> None:
        self.program = scene.programs.start(
            "zcomet-broker",
            *("--listen", FREE_PORT, "--feed", FREE_PORT, "--keys", scene.keys.directory),
            prefix=("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"),
        )
        self.listen = self.program.await_ready()["listen"]
        self.ctl = Ctl(scene.ctl_path, "--broker", self.listen, "--key", scene.files["admin"])

    def is_reached(self) -> bool:
        with contextlib.suppress(ProgramError):
            self.ctl.json("stats")
            return True
        return False


@contextlib.contextmanager
def crowd(open_one: Callable[[], contextlib.AbstractContextManager[object]]) -> Iterator[None]:
    """Very many connections, or as many as the broker takes."""
    waiting = 0
    with contextlib.ExitStack() as stack:
        for _ in range(SILENT):
            try:
                stack.enter_context(open_one())
            except OSError:
                waiting += 1
                if waiting == WAITING_MAX:
                    break
        yield


def shake_hands_and_say_nothing(scene: Scene) -> None:
    """A newcomer is answered all the same: connections without a word go when it gets tight."""
    broker = SmallBroker(scene)

    def greeted() -> contextlib.AbstractContextManager[object]:
        peer = zmtp.connect(broker.listen)
        peer.sendall(zmtp.greeting(b"CURVE"))
        return peer

    def let_in() -> contextlib.AbstractContextManager[object]:
        return curve.Peer(broker.listen, scene.lowest, buffer=SMALL_BUFFER, timeout_s=1)

    for open_one in (greeted, let_in):
        with crowd(open_one):
            await_true("a newcomer is answered", broker.is_reached, SHORTAGE_PATIENCE_S, 0.1)
    assert broker.program.status is None
    scene.programs.end(broker.program)


OTHERS: dict[str, Callable[[Scene], None]] = {
    "play the broker": play_broker,
    "shake hands thousands of times and say nothing": shake_hands_and_say_nothing,
}
"""Rows that have nothing to do with the scene's broker: they are tried at the same time."""

Attempt = tuple[str, Callable[[Scene], None]]


def attempts(is_wanted: Callable[[str], bool]) -> Iterator[Attempt]:
    """The name of each attempt at the scene's broker, and what to do."""
    for row in filter(lambda row: is_wanted(row.name), ROWS):
        for who, attempt in (("stranger", said_by_stranger), ("key", said_with_key)):
            yield f"{who}: {row.name}", functools.partial(tried, row=row, attempt=attempt)


def holds(scene: Scene, attempt: Attempt) -> bool:
    """Whether an attempt ends as it has to. Tells how it ended, and goes on in any case."""
    name, do = attempt
    began = time.monotonic()
    try:
        do(scene)
        result = "ok"
    except Exception as error:
        result = f"FAILED: {error!r}"
    print(f"{name}: {result}, {time.monotonic() - began:.1f} s", flush=True)
    return result == "ok"


class Stage:
    """The scene of the next attempt. One that has failed leaves none of its traces to others."""

    def __init__(self, programs: Programs, folder: pathlib.Path, growth_max: float) -> None:
        self._programs, self._folder, self._growth_max = programs, folder, growth_max
        self._scenes = 0
        self.scene = self._build()

    def _build(self) -> Scene:
        self._scenes += 1
        folder = self._folder / str(self._scenes)
        folder.mkdir()
        return Scene(self._programs, folder, self._growth_max)

    def tries(self, attempt: Attempt) -> bool:
        """Whether it ends as it has to."""
        if holds(self.scene, attempt):
            return True
        print(self.scene.broker.log()[-2000:])
        self._programs.end(self.scene.node.program)
        self._programs.end(self.scene.broker)
        self.scene = self._build()
        return False


def end(scene: Scene) -> None:
    """The bystander lost nothing, and the ledger balances."""
    sent = scene.bystander.finish()
    done = scene.ctl.run("ledger")
    assert done.returncode == 0, done.stdout + done.stderr
    print(f"all {sent} messages of the bystander arrived")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--any-memory", action="store_true")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    if not zmq.has("curve"):
        return skip("libzmq was built without CURVE")

    def is_wanted(name: str) -> bool:
        return not options.words or any(word in name for word in options.words)

    with tempfile.TemporaryDirectory() as folder, Programs(options.build) as programs:
        stage = Stage(
            programs, pathlib.Path(folder), math.inf if options.any_memory else GROWTH_MAX
        )
        with ThreadPoolExecutor() as beside:
            others = [item for item in OTHERS.items() if is_wanted(item[0])]
            pending = [beside.submit(holds, stage.scene, item) for item in others]
            held = [stage.tries(attempt) for attempt in attempts(is_wanted)]
            held += [one.result() for one in pending]
        held.append(stage.tries(("the end", end)))
    print(f"{held.count(False)} of {len(held)} failed")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
