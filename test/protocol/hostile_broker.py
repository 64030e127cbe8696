"""Plays a broker to a web node, and a bad one: between what a broker says come frames that are none, feeds
of somebody else, and addresses that are none. Each is counted, and ignored; what is right is shown on the
node's stream, all of it, once and in order.

usage: hostile_broker.py WEBNODE-PROGRAM
"""

import random
import sys
import time

from programs_under_test import (
    TIMEOUT_S,
    Programs,
    RecordedStream,
    eventually,
    start_web_node,
    web_node_counters,
)

import zmq

import wire

FEED = 0xFEED  # the feed's incarnation
HUGE_COUNT = wire.u32(2**32 - 1)
USER_ID = b"123"
BATCH = wire.batch(FEED, 1, [(USER_ID, b"never shown")])

# Frames on the DEALER that are none, or none that a broker sends.
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
    wire.header(wire.RECEIPT) + wire.u64(1) + HUGE_COUNT,
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
    wire.batch(FEED, 1, [], flags=1),
    wire.batch(FEED, 1, [], flags=1, tail=wire.u64(0)),
    wire.batch(FEED, 1, [], flags=1, tail=wire.u64(2)),
    b"\0" * 1_048_576,
]
# Endpoints of a feed that nobody can connect to, or should.
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


class Broker:
    """The two sockets of a broker, and what it would know of its one node."""

    def __init__(self):
        context = zmq.Context.instance()
        self._peers = context.socket(zmq.ROUTER)
        self._feeds = context.socket(zmq.XPUB)
        # A subscription shows although the node's connection before is not quite gone.
        self._feeds.setsockopt(zmq.XPUB_VERBOSE, 1)
        for one in (self._peers, self._feeds):
            one.linger = 0
            one.bind("tcp://127.0.0.1:*")
        self._published = 0
        self._node = None
        self._topic = None
        self.changes = 0

    @property
    def endpoint(self):
        return self._peers.last_endpoint.decode()

    def hear(self, kind):
        """Waits for a frame of that kind; returns what follows its header."""
        deadline = time.monotonic() + TIMEOUT_S
        while self._peers.poll(max(0, (deadline - time.monotonic()) * 1000)):
            self._node, frame = self._peers.recv_multipart()
            if frame[3] == wire.LOGIN or frame[3] == wire.LIST:
                self.changes = int.from_bytes(frame[4:12], "big")
            if frame[3] == kind:
                return frame[4:]
        raise TimeoutError(f"the node says no frame of kind {kind:#04x}")

    def say(self, *frames):
        self._peers.send_multipart([self._node, *frames])

    def welcome(self):
        """Lets the node in, and makes its feed live."""
        incarnation = self.hear(wire.HELLO)[:8]
        self.say_welcome(self._feeds.last_endpoint)
        self._topic = incarnation
        self.await_subscription()
        self.publish_raw(self._topic, wire.batch(FEED, 0, []))

    def await_subscription(self):
        while self._feeds.poll(TIMEOUT_S * 1000):
            if self._feeds.recv() == b"\x01" + self._topic:
                return
        raise TimeoutError("the node does not subscribe")

    def say_welcome(self, feed_endpoint):
        self.say(wire.welcome(wire.node_part(feed_endpoint, FEED, self.changes, self._published)))

    def heartbeat(self):
        self.say(wire.heartbeat(self._published, self.changes, 0))

    def publish(self, text):
        self._published += 1
        self.publish_raw(self._topic, wire.batch(FEED, self._published, [(USER_ID, text.encode())]))

    def publish_bad(self, frame):
        self.publish_raw(self._topic, frame)

    def publish_raw(self, *frames):
        self._feeds.send_multipart(frames)

    @property
    def topic(self):
        return self._topic

    @property
    def feed_endpoint(self):
        return self._feeds.last_endpoint


class WebNode:
    """The program under attack, and the stream that it holds."""

    def __init__(self, programs, path, broker):
        self._program = start_web_node(programs, path, broker.endpoint)
        broker.welcome()
        ready = self._program.await_ready()
        self._admin = ready["admin"]
        self._stream = RecordedStream(ready["http"], USER_ID)
        broker.hear(wire.LOGIN)
        self._expected = []

    def counter(self, name):
        return web_node_counters(self._admin)[name]

    def await_counter(self, name, value):
        eventually(
            lambda: self.counter(name) == value,
            lambda: f"{name} is {self.counter(name)}, not {value}",
        )

    def check_stream(self, broker):
        """One more message comes, after all that came before."""
        text = f"message {len(self._expected) + 1}"
        self._expected.append((len(self._expected) + 1, text))
        broker.publish(text)
        eventually(
            lambda: len(self._stream.shown) >= len(self._expected),
            lambda: f"{text} did not arrive\n{self._program.log()}",
        )
        assert self._stream.shown == self._expected, self._stream.shown

    def finish(self):
        self._program.ask_to_end()
        self._program.finish(TIMEOUT_S)

    def log(self):
        return self._program.log()


def send_bad_frames(broker, node):
    for frame in BAD_FRAMES:
        before = node.counter("feed_bad_frames")
        broker.say(frame)
        node.await_counter("feed_bad_frames", before + 1)
        node.check_stream(broker)
        broker.heartbeat()


def send_bad_batches(broker, node):
    for batch in BAD_BATCHES:
        before = node.counter("feed_bad_frames")
        broker.publish_bad(batch)
        node.await_counter("feed_bad_frames", before + 1)
        node.check_stream(broker)
        broker.heartbeat()


def send_messages_of_other_forms(broker, node):
    """A feed's message has two frames, any other has one."""
    good = wire.batch(FEED, 1, [(USER_ID, b"never shown")])
    before = node.counter("feed_bad_frames")
    broker.publish_raw(broker.topic)
    broker.publish_raw(broker.topic, good, b"")
    broker.publish_raw(broker.topic + b"longer", good, b"", b"")
    broker.say(wire.heartbeat(0, 0, 0), b"")
    node.await_counter("feed_bad_frames", before + 4)
    node.check_stream(broker)


def send_garbage(broker, node):
    source = random.Random(1)  # the same in every run
    before = node.counter("feed_bad_frames")
    for _ in range(500):
        garbage = source.randbytes(source.randrange(1, 300))
        broker.say(b"\0" + garbage)
        broker.publish_bad(b"\0" + garbage)
    node.await_counter("feed_bad_frames", before + 1000)
    node.check_stream(broker)


def publish_for_others(broker, node):
    """Feeds of other incarnations, and numbers of long ago, change nothing."""
    before = node.counter("feed_bad_frames")
    for incarnation in (0, FEED + 1, 2**64 - 1):
        broker.publish_bad(wire.batch(incarnation, 2**64 - 1, [(USER_ID, b"never shown")]))
    broker.publish_bad(wire.batch(FEED, 0, [(USER_ID, b"never shown")]))
    broker.publish_bad(wire.batch(FEED, 1, [(USER_ID, b"shown before")]))
    node.check_stream(broker)
    assert node.counter("feed_bad_frames") == before


def publish_from_the_future(broker, node):
    """A number that is yet to come is asked for, and not applied."""
    broker.publish_bad(wire.batch(FEED, 2**64 - 1, [(USER_ID, b"never shown")]))
    wanted = broker.hear(wire.RESEND)
    assert wanted[8:] == wire.u64(2**64 - 2), wanted.hex()
    node.check_stream(broker)


def welcome_to_nowhere(broker, node):
    """A feed's address that is none is logged; a right one after it is taken."""
    for endpoint in BAD_ENDPOINTS:
        broker.say_welcome(endpoint)
    broker.say_welcome(broker.feed_endpoint)
    broker.await_subscription()  # over a new connection
    node.check_stream(broker)


ATTACKS = [
    send_bad_frames,
    send_bad_batches,
    send_messages_of_other_forms,
    send_garbage,
    publish_for_others,
    publish_from_the_future,
    welcome_to_nowhere,
]


def main():
    broker = Broker()
    with Programs() as programs:
        node = WebNode(programs, sys.argv[1], broker)
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
