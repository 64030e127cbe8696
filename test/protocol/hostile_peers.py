"""Attacks the sockets of a running broker and web node.

The attacks range from bytes that are not ZeroMQ to a million logins by one peer. Each is refused,
and counted if there is a frame to count. Meanwhile a sender and a stream go on, and lose nothing.
usage: hostile_peers.py BUILD      (the build directory)
"""

import contextlib
import re
import secrets
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable

from zcomet_lab.cluster import Broker, WebNode
from zcomet_lab.programs import Programs
from zcomet_lab.streams import RecordedStream
from zcomet_lab.waiting import await_true

from pyzmq import Context, zmq  # before the others: ends the test where pyzmq is missing

import malformed_peer
import wire
import zmtp

LOGINS = 1_000_000
LOGINS_ONE_BY_ONE = 100_000
IDS_PER_FRAME = 100_000  # of nine bytes each, so nearly as many as a frame may have
SUBSCRIPTION_BYTES_MAX = 1024
TOPICS = 250_000
TOPICS_MAX = 200_000  # two for each of --peers-max
# The messages that the bystander has to get through before an attack counts as survived.
MESSAGES_AFTER_ATTACK = 5
SEND_PAUSE_S = 0.002
PEERS_AT_ONCE = 100
QUESTIONS = 2000  # from each of them; ZeroMQ takes in half of that
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
TIMEOUT_S = 30
READ_BYTES = 65_536


class Bystander:
    """A sender and a stream that have nothing to do with the attacks.

    Each message has a receipt before the next one is sent, so that a lost one shows at once.
    """

    ID = "bystander"

    def __init__(self, context: Context, broker: str, http_url: str) -> None:
        self._context, self._broker = context, broker
        self._sent = 0
        self._trouble: Exception | None = None
        self._stream = RecordedStream(http_url, self.ID)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._send_all)

    def start(self) -> None:
        self._thread.start()

    def _send_all(self) -> None:
        try:
            with malformed_peer.Connection(self._context, self._broker) as peer:
                peer.greet(wire.SENDER)
                while not self._ending.wait(SEND_PAUSE_S):
                    self._send_one(peer)
                peer.leave()
        except Exception as error:  # for the thread that asks
            self._trouble = error

    def _send_one(self, peer: malformed_peer.Connection) -> None:
        number = self._sent + 1
        message = (self.ID.encode(), b"message %d" % number)
        peer.say(wire.send(number, [message], receipt=True))
        told = wire.read_outcomes(peer.hear_kind(wire.RECEIPT))
        assert told == wire.Outcomes(number, [1], 0, [0]), f"the receipt is {told}"
        self._sent = number

    def check(self) -> None:
        """Waits until some further messages have arrived."""
        wanted = self._sent + MESSAGES_AFTER_ATTACK
        self._await_arrived(wanted)
        self._check_order(list(self._stream.shown))

    def _await_arrived(self, count: int) -> None:
        await_true(
            "the bystander's messages arrive",
            lambda: self._trouble is not None or len(self._stream.shown) >= count,
        )
        if self._trouble:
            raise AssertionError(f"the bystander: {self._trouble!r}")

    @staticmethod
    def _check_order(arrived: list[tuple[int, str]]) -> None:
        expected = [(number, f"message {number}") for number in range(1, len(arrived) + 1)]
        assert arrived == expected, "the bystander's messages are not those that were sent"

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()

    def check_all(self) -> int:
        """Returns how many messages were sent. All of them have arrived, in order, once."""
        self._await_arrived(self._sent)
        self._check_order(self._stream.shown)
        assert len(self._stream.shown) == self._sent
        return self._sent


class Target:
    """The targets of the attacks, and their counters."""

    def __init__(self, context: Context, broker: Broker, web_node: WebNode) -> None:
        self.context = context
        self.listen, self.feed = broker.listen, broker.feed
        self.http = web_node.http.replace("http://", "tcp://")
        self.broker, self.web_node = broker.program, web_node
        self.stats = malformed_peer.Stats(context, self.listen)

    def await_ids(self, count: int) -> None:
        """Waits for this number of ids: the broker counts them at the end of a turn."""
        await_true(f"there are {count} ids", lambda: self.stats.read()["ids"] == count)

    def await_counter(self, what: str, name: str, least: int) -> None:
        """Waits until a counter of the broker has that value or more."""
        await_true(what, lambda: self.stats.read()[name] >= least)


# ---- Bytes that are not ZeroMQ ------------------------------------------------------------------

NOT_ZEROMQ = [
    b"\xff" * 64,
    b"\0" * 64,
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    b"\x01\0",
    b"\xff\0\0\0\0\0\0\0\x01\x7f",
    secrets.token_bytes(4096),
]


def bytes_that_are_no_zeromq(target: Target) -> None:
    for endpoint in (target.listen, target.feed):
        for said in NOT_ZEROMQ:
            with zmtp.connect(endpoint) as peer, contextlib.suppress(OSError):
                peer.sendall(said)
                peer.recv(64)


def greetings_cut_short(target: Target) -> None:
    whole = zmtp.greeting() + zmtp.ready()
    # The last one claims a value longer than its bytes. libzmq takes it as a READY without a value.
    said = [whole[:end] for end in range(len(whole))] + [
        zmtp.greeting() + zmtp.command(b"READY", b"\x01a" + struct.pack(">I", 2**32 - 1))
    ]
    for endpoint in (target.listen, target.feed):
        for one in said:
            with zmtp.connect(endpoint) as peer:
                peer.sendall(one)


def greetings_of_others(target: Target) -> None:
    """Other mechanisms and wrong commands end the connection."""
    greeting = zmtp.greeting()
    said = [
        zmtp.greeting(mechanism=b"PLAIN"),
        zmtp.greeting(mechanism=b"CURVE"),
        zmtp.greeting(mechanism=b"\xff" * 20),
        greeting + zmtp.command(b""),
        greeting + zmtp.command(b"NONSENSE"),
        greeting + zmtp.command(b"READY", b"\xff"),
        greeting + zmtp.command(b"READY", zmtp.metadata(b"Socket-Type", b"NONSENSE")),
        greeting + zmtp.ready(b"PUSH"),
        greeting + zmtp.frame(b"a message before READY"),
    ]
    for endpoint in (target.listen, target.feed):
        for one in said:
            with zmtp.connect(endpoint) as peer:
                peer.sendall(one)
                assert zmtp.is_closed_by_other_side(peer), f"{one[64:]!r} is tolerated"


def frames_too_long(target: Target) -> None:
    """A frame that claims to be longer than is allowed ends the connection before it is read."""
    for size in (malformed_peer.FRAME_BYTES_MAX + 1, 2**31, 2**63 - 1, 2**63, 2**64 - 1):
        for endpoint, socket_type in ((target.listen, b"DEALER"), (target.feed, b"SUB")):
            with zmtp.shake_hands(endpoint, socket_type) as peer:
                peer.sendall(zmtp.long_frame(size) + b"x" * 1000)
                assert zmtp.is_closed_by_other_side(peer), f"a frame of {size} bytes is tolerated"


def commands_after_the_handshake(target: Target) -> None:
    said = [
        zmtp.command(b"PING"),
        zmtp.command(b"PING", b"\0"),
        zmtp.command(b"PING", b"\0\0" + b"x" * 200),
        zmtp.command(b"PONG", b"x" * 200),
        zmtp.command(b"SUBSCRIBE", b"x"),
        zmtp.command(b"CANCEL", b"x"),
        zmtp.command(b"ERROR", b"\xff"),
        zmtp.command(b"ERROR", b"\x05a"),
        zmtp.command(b""),
        zmtp.frame(b"", zmtp.COMMAND),
        zmtp.frame(b"\xff", zmtp.COMMAND),
        zmtp.frame(b"x", 0xF8),
        zmtp.frame(b"x", zmtp.COMMAND | zmtp.MORE),
    ]
    for endpoint, socket_type in ((target.listen, b"DEALER"), (target.feed, b"SUB")):
        for one in said:
            with zmtp.shake_hands(endpoint, socket_type) as peer:
                with contextlib.suppress(ConnectionError):
                    peer.sendall(one)


def messages_cut_short(target: Target) -> None:
    """A connection that ends in the middle of a message leaves nothing behind."""
    before = target.stats.errors()
    for said in (
        zmtp.frame(b"", zmtp.MORE),
        zmtp.long_frame(1000) + b"x" * 999,
        zmtp.frame(b"a", zmtp.MORE) + zmtp.frame(b"b", zmtp.MORE),
    ):
        with zmtp.shake_hands(target.listen) as peer:
            peer.sendall(said)
    assert target.stats.errors() == before


def subscriptions(target: Target) -> None:
    """Topics that no node can have are counted."""
    before = target.stats.read()["subscriptions_ignored"]
    topics = [b"", b"x", b"x" * 7, b"x" * 9, b"x" * 255, b"x" * (SUBSCRIPTION_BYTES_MAX - 1)]
    with zmtp.shake_hands(target.feed, b"SUB") as peer:
        for topic in topics:
            peer.sendall(zmtp.frame(b"\x01" + topic))
        peer.sendall(
            zmtp.frame(b"\x00never subscribed") + zmtp.frame(b"\x02a message") + zmtp.frame(b"")
        )
        ignored = "subscriptions_ignored"
        target.await_counter("subscriptions are counted", ignored, before + len(topics))
    # Each of them ends with its connection.
    target.await_counter("the end of each is counted", ignored, before + 2 * len(topics))


def subscriptions_too_long(target: Target) -> None:
    """libzmq takes seconds over a topic of a megabyte, so no peer may subscribe to one."""
    for size in (SUBSCRIPTION_BYTES_MAX + 1, 65_536, malformed_peer.FRAME_BYTES_MAX):
        with zmtp.shake_hands(target.feed, b"SUB") as peer:
            with contextlib.suppress(ConnectionError):
                peer.sendall(zmtp.frame(b"\x01".ljust(size, b"x")))
            assert zmtp.is_closed_by_other_side(peer), f"a topic of {size - 1} bytes is tolerated"


def subscriptions_by_the_hundred_thousand(target: Target) -> None:
    """More topics than the broker remembers keep no node from its feed."""
    before = target.stats.read()["subscriptions_ignored"]
    with zmtp.shake_hands(target.feed, b"SUB") as peer:
        for first in range(0, TOPICS, 1000):
            topics = (wire.u64(2**63 + number) for number in range(first, first + 1000))
            peer.sendall(b"".join(zmtp.frame(b"\x01" + topic) for topic in topics))
        target.await_counter(
            "subscriptions beyond the bound are counted",
            "subscriptions_ignored",
            before + TOPICS - TOPICS_MAX,
        )
        check_joining(target)


def check_joining(target: Target) -> None:
    """A node can join, and gets its feed."""
    with malformed_peer.Connection(target.context, target.listen) as node:
        incarnation = secrets.randbits(62) + 1
        wire.read_node_welcome(node.ask(wire.hello(incarnation, wire.NODE, b"late")))
        with target.context.socket(zmq.SUB) as feed:
            feed.linger = 0
            feed.subscribe(wire.u64(incarnation))
            feed.connect(target.feed)
            assert feed.poll(TIMEOUT_S * 1000), "a node's feed does not become live"
        node.leave()


# ---- Frames --------------------------------------------------------------------------------------


def malformed_frames(target: Target) -> None:
    logged_before = len(target.broker.log())
    failures = list(malformed_peer.failures(target.context, target.listen))
    assert not failures, "\n".join(failures)
    # The log names the address of a peer that has not even said HELLO.
    log = target.broker.log()[logged_before:]
    refused = re.findall(r"event=refused .* peer=- address=(\S+)", log)
    assert refused and set(refused) == {"127.0.0.1"}, log


def logins_of_one_peer(target: Target, frames: Iterable[bytes], count: int) -> None:
    """One node says all these; the broker then knows `count` more ids until the node leaves."""
    before = target.stats.read()
    with malformed_peer.Connection(target.context, target.listen) as node:
        node.greet(wire.NODE)
        for frame in frames:
            node.say(frame)
        node.say(malformed_peer.PING)
        node.hear_kind(wire.PONG)
        after = target.stats.read()
        assert after["logins"] - before["logins"] == count, malformed_peer.difference(before, after)
        assert after["errors"] == before["errors"], malformed_peer.difference(before, after)
        target.await_ids(before["ids"] + count)
        node.leave()
    target.await_ids(before["ids"])


def a_million_logins(target: Target) -> None:
    ids = [wire.str8(b"id%06d" % number) for number in range(LOGINS)]
    frames = [
        wire.header(wire.LOGIN)
        + wire.u64(1 + first // IDS_PER_FRAME)
        + wire.u32(IDS_PER_FRAME)
        + b"".join(ids[first : first + IDS_PER_FRAME])
        for first in range(0, LOGINS, IDS_PER_FRAME)
    ]
    logins_of_one_peer(target, frames, LOGINS)


def logins_one_by_one(target: Target) -> None:
    """A frame for each, and enough of them to see in seconds that they come through."""
    frames = (wire.login(1 + number, b"one%d" % number) for number in range(LOGINS_ONE_BY_ONE))
    logins_of_one_peer(target, frames, LOGINS_ONE_BY_ONE)


def the_same_login_a_million_times(target: Target) -> None:
    frames = [
        wire.header(wire.LOGIN)
        + wire.u64(change)
        + wire.u32(IDS_PER_FRAME)
        + wire.str8(b"same") * IDS_PER_FRAME
        for change in range(1, 1 + LOGINS // IDS_PER_FRAME)
    ]
    logins_of_one_peer(target, frames, 1)


def a_peer_that_reads_nothing(target: Target) -> None:
    """It asks for more answers than ZeroMQ and the system keep; others are counted and dropped."""
    before = target.stats.read()["replies_unroutable"]
    with zmtp.shake_hands(target.listen) as peer:
        question = zmtp.frame(wire.query(1, b"who", b"x" * 64))
        peer.settimeout(TIMEOUT_S)
        for _ in range(300):
            peer.sendall(question * 1000)
        target.await_counter("answers are dropped", "replies_unroutable", before + 1)


def queries_without_end(target: Target) -> None:
    """Some are answered each second, one peer cannot fill the queue, and others are answered."""
    before = target.stats.read()
    with zmtp.shake_hands(target.listen) as peer:
        peer.sendall(zmtp.frame(wire.query(1, b"nodes")) * QUESTIONS)
        target.await_counter(
            "most are refused", "queries_refused", before["queries_refused"] + QUESTIONS // 2
        )
    assert target.stats.read()["queries"] < before["queries"] + QUESTIONS // 2


def peers_that_go_while_their_frames_wait(target: Target) -> None:
    """They send more than ZeroMQ takes in at once, and are gone while the broker still reads it.

    If the broker pinged each peer once a second, an assertion of libzmq 4.3.4 would end it when it
    pings a peer that is gone. So the peers connect at different times within a second.
    """
    question = zmtp.frame(wire.query(1, b"stats"))
    with contextlib.ExitStack() as stack:
        peers = []
        for _ in range(PEERS_AT_ONCE):
            peers.append(stack.enter_context(zmtp.shake_hands(target.listen)))
            peers[-1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            time.sleep(1 / PEERS_AT_ONCE)
        for peer in peers:
            peer.sendall(question * QUESTIONS)


# ---- The web node's port -------------------------------------------------------------------------

NOT_HTTP = {
    zmtp.greeting(): 400,
    wire.hello(1, wire.NODE, b"n"): 400,
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03": 400,
    b"nonsense\r\n\r\n": 400,
    b"GET / HTTP/1.1\nHost: a\n\n": 400,
    b"GET / HTTP/9.9\r\n\r\n": 505,
    b"GET /" + b"x" * 9000: 414,
    b"GET / HTTP/1.1\r\nA: " + b"x" * 9000: 431,
    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200: 431,
    b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n": 413,
    b"GET / HTTP/1.1\r\n\r\n": 400,
    b"GET /../ HTTP/1.1\r\nHost: localhost\r\n\r\n": 400,
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n": 404,
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: x\r\n\r\n": 400,
    b"BREW /test/1 HTTP/1.1\r\nHost: localhost\r\n\r\n": 501,
}


def bytes_that_are_no_http(target: Target) -> None:
    before = target.web_node.counters()
    for said, status in NOT_HTTP.items():
        with zmtp.connect(target.http) as peer:
            peer.sendall(said)
            answer = peer.recv(READ_BYTES)
            head = b"HTTP/1.1 %d " % status
            assert answer.startswith(head), f"{said[:40]!r} is answered {answer[:40]!r}"
    refused = sum(status < 500 for status in NOT_HTTP.values())
    expected = before["responses_4xx"] + refused
    await_true(
        f"{refused} answers of the web node are counted as 4xx",
        lambda: target.web_node.counters()["responses_4xx"] == expected,
    )
    failed = target.web_node.counters()["responses_5xx"] - before["responses_5xx"]
    assert failed == len(NOT_HTTP) - refused, failed


ATTACKS: list[Callable[[Target], None]] = [
    bytes_that_are_no_zeromq,
    greetings_cut_short,
    greetings_of_others,
    frames_too_long,
    commands_after_the_handshake,
    messages_cut_short,
    subscriptions,
    subscriptions_too_long,
    subscriptions_by_the_hundred_thousand,
    malformed_frames,
    a_million_logins,
    logins_one_by_one,
    the_same_login_a_million_times,
    a_peer_that_reads_nothing,
    queries_without_end,
    peers_that_go_while_their_frames_wait,
    bytes_that_are_no_http,
]


def run_attacks(target: Target, bystander: Bystander) -> None:
    for attack in ATTACKS:
        name = attack.__name__.replace("_", " ")
        begin = time.monotonic()
        try:
            attack(target)
            bystander.check()
        except Exception as error:
            raise AssertionError(f"{name}: {error!r}") from error
        print(f"{name}: {time.monotonic() - begin:.1f} s", flush=True)


def main() -> None:
    with Programs(sys.argv[1]) as programs:
        broker = Broker(programs)
        web_node = WebNode(programs, broker.listen).await_ready()
        context: Context = zmq.Context()
        target = Target(context, broker, web_node)
        bystander = Bystander(context, broker.listen, web_node.http)
        target.await_ids(1)  # the bystander's
        bystander.start()
        try:
            run_attacks(target, bystander)
        except AssertionError:
            print(f"broker:\n{broker.program.log()}", flush=True)
            print(f"web node:\n{web_node.program.log()}", flush=True)
            raise
        finally:
            bystander.stop()
        sent = bystander.check_all()
        for program in (web_node.program, broker.program):
            program.ask_to_end()
            program.finish(TIMEOUT_S)
    print(f"{len(ATTACKS)} attacks, and all {sent} messages arrived")


if __name__ == "__main__":
    main()
