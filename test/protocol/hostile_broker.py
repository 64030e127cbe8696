"""Plays a bad broker to a web node.

The broker sends invalid frames, other nodes' feeds, and invalid addresses. Each of these is
counted and ignored. The node's stream shows all correct messages, once and in order.
usage: hostile_broker.py BUILD      (the build directory)
"""

import random
import re
import sys
import time
from collections.abc import Callable

from zcomet_lab import cluster
from zcomet_lab.programs import Programs
from zcomet_lab.streams import RecordedStream
from zcomet_lab.waiting import await_true

from pyzmq import Context, zmq  # before the others: ends the test where pyzmq is missing

import wire

TIMEOUT_S = 30
FEED = 0xFEED  # the feed's incarnation
NAME = b"bad\nzcomet-webnode event=forged\x1b[2J"  # the broker's own
HUGE_COUNT = wire.u32(2**32 - 1)
USER_NAME = "123"
USER_ID = USER_NAME.encode()
BATCH = wire.batch(FEED, 1, [(USER_ID, b"never shown")])

# Frames on the DEALER that are not valid, or that a broker never sends.
BAD_FRAMES = [
    b"",
    b"Z",
    b"nonsense",
    b"ZC\x02\x81" + wire.u64(1),
    b"ZC\x01\x7f",
    wire.header(wire.WELCOME),
    wire.welcome(b""),
    wire.welcome(wire.node_part(b"tcp://*:1", FEED)[:-1]),
    wire.welcome(wire.node_part(b"tcp://*:1", FEED) + b"\0"),
    wire.welcome(wire.node_part(b"tcp://*:1", FEED), heartbeat_ms=0),
    wire.welcome(wire.node_part(b"tcp://*:1", FEED), liveness_ms=0),
    wire.heartbeat(0, 0, 0)[:-1],
    wire.header(wire.PONG),
    wire.header(wire.ERROR) + b"\0",
    wire.header(wire.ANSWER) + wire.u64(1) + HUGE_COUNT,
    wire.header(wire.RECEIPT) + b"\0" + wire.u64(1) + HUGE_COUNT,
    wire.hello(1, wire.NODE, b"n"),
    wire.login(1, b"1"),
    BATCH,
    b"\0" * 1_048_576,
]
# Second frames of a feed's message.
BAD_BATCHES = [
    b"",
    b"nonsense",
    BATCH[:-1],
    BATCH + b"\0",
    b"ZC\x02" + BATCH[3:],
    wire.heartbeat(0, 0, 0),
    BATCH[:21] + HUGE_COUNT + BATCH[25:],
    wire.batch(FEED, 1, [(b"a b", b"")]),
    wire.batch(FEED, 1, [(b"", b"")]),
    wire.batch(FEED, 1, [(USER_ID, b"x" * 65_537)]),
    wire.batch(FEED, 1, [], flags=2),
    wire.batch(FEED, 1, [], flags=wire.WITH_ATTRIBUTES),
    wire.batch(FEED, 1, [], flags=1 | wire.WITH_ATTRIBUTES, tail=wire.u64(1)),
    *(wire.batch(FEED, 1, [(USER_ID, b"")], block=block) for block in wire.MALFORMED_ATTRIBUTES),
    wire.batch(FEED, 1, [], flags=1),
    wire.batch(FEED, 1, [], flags=1, tail=wire.u64(0)),
    wire.batch(FEED, 1, [], flags=1, tail=wire.u64(2)),
    b"\0" * 1_048_576,
]
# Endpoints of a feed that a node cannot connect to, or should not.
BAD_ENDPOINTS = [
    b"",
    b"nonsense",
    b"tcp://",
    b"tcp://*:99999",
    b"tcp://127.0.0.1",
    b"tcp://a b:1",
    b"x" * 255,
    b"\0\xff",
]


class BadBroker:
    """The two sockets of a broker, and a broker's knowledge of its one node."""

    def __init__(self) -> None:
        context: Context = zmq.Context.instance()
        self._peers = context.socket(zmq.ROUTER)
        self._feeds = context.socket(zmq.XPUB)
        # A subscription shows even if the node's earlier connection is not quite gone.
        self._feeds.setsockopt(zmq.XPUB_VERBOSE, 1)
        for one in (self._peers, self._feeds):
            one.linger = 0
            one.bind("tcp://127.0.0.1:*")
        self.endpoint = self._peers.getsockopt_string(zmq.LAST_ENDPOINT)
        self.feed_endpoint = self._feeds.getsockopt_string(zmq.LAST_ENDPOINT).encode()
        self._published = 0
        self._node = b""
        self.topic = b""
        self.changes = 0

    def hear(self, kind: int) -> bytes:
        """Waits for a frame of that kind; returns what follows its header."""
        deadline = time.monotonic() + TIMEOUT_S
        while self._peers.poll(max(0, round((deadline - time.monotonic()) * 1000))):
            self._node, frame = self._peers.recv_multipart()
            if frame[3] in (wire.LOGIN, wire.LIST):
                self.changes = int.from_bytes(frame[4:12], "big")
            if frame[3] == kind:
                return frame[4:]
        raise TimeoutError(f"the node says no frame of kind {kind:#04x}")

    def say(self, *frames: bytes) -> None:
        self._peers.send_multipart([self._node, *frames])

    def welcome(self) -> None:
        """Lets the node in, and makes its feed live."""
        incarnation = self.hear(wire.HELLO)[:8]
        self.say_welcome(self.feed_endpoint)
        self.topic = incarnation
        self.await_subscription()
        self.publish_raw(self.topic, wire.batch(FEED, 0, []))

    def await_subscription(self) -> None:
        while self._feeds.poll(TIMEOUT_S * 1000):
            if self._feeds.recv() == b"\x01" + self.topic:
                return
        raise TimeoutError("the node does not subscribe")

    def say_welcome(self, feed_endpoint: bytes) -> None:
        part = wire.node_part(feed_endpoint, FEED, self.changes, self._published)
        self.say(wire.welcome(part, name=NAME))

    def heartbeat(self) -> None:
        self.say(wire.heartbeat(self._published, self.changes, 0))

    def publish(self, text: str) -> None:
        """Publishes the next message of the feed."""
        self._published += 1
        self.publish_raw(self.topic, wire.batch(FEED, self._published, [(USER_ID, text.encode())]))

    def publish_bad(self, frame: bytes) -> None:
        self.publish_raw(self.topic, frame)

    def publish_raw(self, *frames: bytes) -> None:
        self._feeds.send_multipart(frames)


class Victim:
    """The web node under attack, and a stream that it holds."""

    def __init__(self, programs: Programs, broker: BadBroker) -> None:
        self._node = cluster.WebNode(programs, broker.endpoint, "--log-level", "debug")
        broker.welcome()
        self._node.await_ready()
        self._stream = RecordedStream(self._node.http, USER_NAME)
        broker.hear(wire.LOGIN)
        self._expected: list[tuple[int, str]] = []

    def bad_frames(self) -> int:
        """How many frames the node has refused."""
        return self._node.counters()["feed_bad_frames"]

    def await_bad_frames(self, count: int) -> None:
        await_true(
            lambda: f"the node has refused {count} frames, not {self.bad_frames()}",
            lambda: self.bad_frames() == count,
        )

    def check_stream(self, broker: BadBroker) -> None:
        """One more message comes, after all that came before."""
        number = len(self._expected) + 1
        text = f"message {number}"
        self._expected.append((number, text))
        broker.publish(text)
        await_true(
            lambda: f"{text} arrives\n{self.log()}",
            lambda: len(self._stream.shown) >= number,
        )
        assert self._stream.shown == self._expected, self._stream.shown

    def finish(self) -> None:
        self._node.program.ask_to_end()
        self._node.program.finish(TIMEOUT_S)

    def log(self) -> str:
        return self._node.program.log()


def send_bad_frames(broker: BadBroker, node: Victim) -> None:
    for frame in BAD_FRAMES:
        before = node.bad_frames()
        broker.say(frame)
        node.await_bad_frames(before + 1)
        node.check_stream(broker)
        broker.heartbeat()


def send_bad_batches(broker: BadBroker, node: Victim) -> None:
    for batch in BAD_BATCHES:
        before = node.bad_frames()
        broker.publish_bad(batch)
        node.await_bad_frames(before + 1)
        node.check_stream(broker)
        broker.heartbeat()


def send_messages_of_other_forms(broker: BadBroker, node: Victim) -> None:
    """A message of a feed has two frames, every other one."""
    good = wire.batch(FEED, 1, [(USER_ID, b"never shown")])
    before = node.bad_frames()
    broker.publish_raw(broker.topic)
    broker.publish_raw(broker.topic, good, b"")
    broker.publish_raw(broker.topic + b"longer", good, b"", b"")
    broker.say(wire.heartbeat(0, 0, 0), b"")
    node.await_bad_frames(before + 4)
    node.check_stream(broker)


def send_garbage(broker: BadBroker, node: Victim) -> None:
    source = random.Random(1)  # the same in every run
    before = node.bad_frames()
    for _ in range(500):
        garbage = source.randbytes(source.randrange(1, 300))
        broker.say(b"\0" + garbage)
        broker.publish_bad(b"\0" + garbage)
    node.await_bad_frames(before + 1000)
    node.check_stream(broker)


def publish_for_others(broker: BadBroker, node: Victim) -> None:
    """Feeds of other incarnations, and old numbers, change nothing."""
    before = node.bad_frames()
    for incarnation in (0, FEED + 1, 2**64 - 1):
        broker.publish_bad(wire.batch(incarnation, 2**64 - 1, [(USER_ID, b"never shown")]))
    broker.publish_bad(wire.batch(FEED, 0, [(USER_ID, b"never shown")]))
    broker.publish_bad(wire.batch(FEED, 1, [(USER_ID, b"shown before")]))
    node.check_stream(broker)
    assert node.bad_frames() == before


def publish_from_the_future(broker: BadBroker, node: Victim) -> None:
    """The node asks for what is missing before the number, and does not apply the batch."""
    broker.publish_bad(wire.batch(FEED, 2**64 - 1, [(USER_ID, b"never shown")]))
    wanted = broker.hear(wire.RESEND)
    assert wanted[16:] == wire.u64(2**64 - 2), wanted.hex()
    node.check_stream(broker)


def welcome_to_nowhere(broker: BadBroker, node: Victim) -> None:
    """A wrong address of a feed is logged; a right one after it is used."""
    for endpoint in BAD_ENDPOINTS:
        broker.say_welcome(endpoint)
    broker.say_welcome(broker.feed_endpoint)
    broker.await_subscription()  # over a new connection
    node.check_stream(broker)


def welcome_elsewhere(broker: BadBroker, node: Victim) -> None:
    """A feed on another host than the broker's is not gone to: without keys, who says that?"""

    def is_logged() -> bool:
        for host in (b"192.0.2.1", b"192.0.2.2"):  # RFC 5737
            broker.say_welcome(b"tcp://" + host + b":5556")
        return "which is another host than the broker's" in node.log()

    await_true("the refusal is logged", is_logged)
    broker.say_welcome(broker.feed_endpoint)
    broker.await_subscription()  # over a new connection
    node.check_stream(broker)


def forge_log_lines(broker: BadBroker, node: Victim) -> None:
    """What a broker says can neither end a line of the node's log nor begin one."""
    text = wire.str8(b'no "id"\nzcomet-webnode event=forged')

    def is_logged() -> bool:
        broker.say(wire.header(wire.ERROR) + b"\x00\x01\x00" + text)  # a line a second, at most
        return "event=refused" in node.log()

    await_true(lambda: "the broker's error is logged", is_logged)
    log = node.log()
    assert "event=live" in log, log  # with the broker's name
    lines = log.splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT", line) for line in lines), lines
    assert "\x1b" not in log, log
    node.check_stream(broker)


ATTACKS: list[Callable[[BadBroker, Victim], None]] = [
    send_bad_frames,
    send_bad_batches,
    send_messages_of_other_forms,
    send_garbage,
    publish_for_others,
    publish_from_the_future,
    welcome_to_nowhere,
    welcome_elsewhere,
    forge_log_lines,
]


def main() -> None:
    broker = BadBroker()
    with Programs(sys.argv[1]) as programs:
        node = Victim(programs, broker)
        node.check_stream(broker)
        for attack in ATTACKS:
            name = attack.__name__.replace("_", " ")
            try:
                attack(broker, node)
            except Exception as error:
                raise AssertionError(f"{name}: {error!r}\n{node.log()}") from error
            print(name, flush=True)
        node.finish()
    print("nothing was lost, nothing was shown that should not be")


if __name__ == "__main__":
    main()
