"""Sends to a running broker and web node whatever should not come over their sockets, from bytes that are
no ZeroMQ to a million logins by one peer. Each attack is refused, and counted where there is a frame to
count; and beside all of it one sender and one stream go on, and lose nothing.

usage: hostile_peers.py BROKER-PROGRAM WEBNODE-PROGRAM
"""

import contextlib
import secrets
import socket
import struct
import sys
import threading
import time

from programs_under_test import (
    TIMEOUT_S,
    Programs,
    RecordedStream,
    eventually,
    start_broker,
    start_web_node,
    web_node_counters,
)

import zmq

import malformed_peer
import wire
import zmtp

LOGINS = 1_000_000
LOGINS_ONE_BY_ONE = 100_000
IDS_PER_FRAME = 100_000  # of nine bytes each, so close to the most that a frame may have
SUBSCRIPTION_BYTES_MAX = 1024
TOPICS = 250_000
TOPICS_MAX = 200_000  # two for each of --peers-max
# What the bystander must have got through before an attack counts as survived.
MESSAGES_AFTER_ATTACK = 5
SEND_PAUSE_S = 0.002
PEERS_AT_ONCE = 100
QUESTIONS = 2000  # from each of them; ZeroMQ takes in half of that
RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class Bystander:
    """A sender and a stream that have nothing to do with it all. Each message has a receipt before the
    next one is sent, so that one that is lost shows at once."""

    ID = b"bystander"

    def __init__(self, context, broker, http_url):
        self._context, self._broker = context, broker
        self._sent = 0
        self._trouble = None
        self._stream = RecordedStream(http_url, self.ID)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._send_all)

    def start(self):
        self._thread.start()

    def _send_all(self):
        try:
            with malformed_peer.Connection(self._context, self._broker) as peer:
                peer.greet(wire.SENDER)
                while not self._ending.wait(SEND_PAUSE_S):
                    self._send_one(peer)
                peer.leave()
        except Exception as error:  # pylint: disable=broad-except # for the thread that asks
            self._trouble = error

    def _send_one(self, peer):
        number = self._sent + 1
        peer.say(wire.send(number, [(self.ID, b"message %d" % number)], receipt=True))
        receipt = wire.read_receipt(peer.hear_kind(wire.RECEIPT))
        assert receipt == (number, [1]), f"the receipt of message {number} is {receipt}"
        self._sent = number

    def check(self):
        """Waits until some further messages have arrived."""
        wanted = self._sent + MESSAGES_AFTER_ATTACK
        eventually(
            lambda: self._trouble or len(self._stream.shown) >= wanted,
            "the bystander's messages stopped",
        )
        if self._trouble:
            raise AssertionError(f"the bystander: {self._trouble!r}")
        self._check_order(list(self._stream.shown))

    @staticmethod
    def _check_order(arrived):
        expected = [(number, f"message {number}") for number in range(1, len(arrived) + 1)]
        assert arrived == expected, "the bystander's messages are not those that were sent"

    def stop(self):
        self._ending.set()
        self._thread.join()

    def check_all(self):
        """Returns how many messages were sent, all of which have arrived, in order, once."""
        eventually(
            lambda: self._trouble or len(self._stream.shown) >= self._sent, "messages are missing"
        )
        self._check_order(self._stream.shown)
        assert len(self._stream.shown) == self._sent
        return self._sent


class Target:
    """Where the attacks go, and what is counted there."""

    def __init__(self, context, broker, web_node):
        self.context = context
        self.listen, self.feed = broker["listen"], broker["feed"]
        self.http = web_node["http"].replace("http://", "tcp://")
        self._admin = web_node["admin"]
        self.stats = malformed_peer.Stats(context, self.listen)

    def await_ids(self, count):
        """What there is now is told as of the broker's last turn, which may not be over."""
        eventually(lambda: self.stats.read()["ids"] == count, f"there are not {count} ids")

    def web_node_counters(self):
        return web_node_counters(self._admin)


# ---- Bytes that are no ZeroMQ ----------------------------------------------------------------------

NOT_ZEROMQ = [
    b"\xff" * 64,
    b"\0" * 64,
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    b"\x01\0",
    b"\xff\0\0\0\0\0\0\0\x01\x7f",
    secrets.token_bytes(4096),
]


def bytes_that_are_no_zeromq(target):
    for endpoint in (target.listen, target.feed):
        for said in NOT_ZEROMQ:
            with zmtp.connect(endpoint) as peer, contextlib.suppress(OSError):
                peer.sendall(said)
                peer.recv(64)


def greetings_cut_short(target):
    whole = zmtp.greeting() + zmtp.ready()
    # The last is cut short inside: its value has not the length that it claims. To libzmq it has none then.
    said = [whole[:end] for end in range(len(whole))] + [
        zmtp.greeting() + zmtp.command(b"READY", b"\x01a" + struct.pack(">I", 2**32 - 1))
    ]
    for endpoint in (target.listen, target.feed):
        for one in said:
            with zmtp.connect(endpoint) as peer:
                peer.sendall(one)


def greetings_of_others(target):
    """Other mechanisms, and commands that are none, are answered by the end of the connection."""
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
                assert zmtp.is_closed_by_other_side(peer), f"{one[64:]!r} is put up with"


def frames_too_long(target):
    """What claims to be longer than a frame may be ends the connection before it is read."""
    for size in (malformed_peer.FRAME_BYTES_MAX + 1, 2**31, 2**63 - 1, 2**63, 2**64 - 1):
        for endpoint, socket_type in ((target.listen, b"DEALER"), (target.feed, b"SUB")):
            with zmtp.shake_hands(endpoint, socket_type) as peer:
                peer.sendall(zmtp.long_frame(size) + b"x" * 1000)
                assert zmtp.is_closed_by_other_side(peer), f"a frame of {size} bytes is put up with"


def commands_after_the_handshake(target):
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


def messages_cut_short(target):
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


def subscriptions(target):
    """Topics that no node can have are counted."""
    before = target.stats.read()["subscriptions_ignored"]
    topics = [b"", b"x", b"x" * 7, b"x" * 9, b"x" * 255, b"x" * (SUBSCRIPTION_BYTES_MAX - 1)]
    with zmtp.shake_hands(target.feed, b"SUB") as peer:
        for topic in topics:
            peer.sendall(zmtp.frame(b"\x01" + topic))
        peer.sendall(
            zmtp.frame(b"\x00never subscribed") + zmtp.frame(b"\x02a message") + zmtp.frame(b"")
        )
        eventually(
            lambda: target.stats.read()["subscriptions_ignored"] >= before + len(topics),
            "subscriptions are not counted",
        )
    # With its connection each of them ends.
    eventually(
        lambda: target.stats.read()["subscriptions_ignored"] >= before + 2 * len(topics),
        "the end of subscriptions is not counted",
    )


def subscriptions_too_long(target):
    """libzmq takes seconds over a topic of a megabyte, so nobody gets to subscribe to one."""
    for size in (SUBSCRIPTION_BYTES_MAX + 1, 65_536, malformed_peer.FRAME_BYTES_MAX):
        with zmtp.shake_hands(target.feed, b"SUB") as peer:
            with contextlib.suppress(ConnectionError):
                peer.sendall(zmtp.frame(b"\x01".ljust(size, b"x")))
            assert zmtp.is_closed_by_other_side(peer), f"a topic of {size - 1} bytes is put up with"


def subscriptions_by_the_hundred_thousand(target):
    """More topics than the broker remembers keep no node from its feed."""
    before = target.stats.read()["subscriptions_ignored"]
    with zmtp.shake_hands(target.feed, b"SUB") as peer:
        for first in range(0, TOPICS, 1000):
            topics = (wire.u64(2**63 + number) for number in range(first, first + 1000))
            peer.sendall(b"".join(zmtp.frame(b"\x01" + topic) for topic in topics))
        eventually(
            lambda: target.stats.read()["subscriptions_ignored"] >= before + TOPICS - TOPICS_MAX,
            "subscriptions beyond the bound are not counted",
        )
        check_joining(target)


def check_joining(target):
    with malformed_peer.Connection(target.context, target.listen) as node:
        incarnation = secrets.randbits(62) + 1
        wire.read_welcome(node.ask(wire.hello(incarnation, wire.NODE, b"late")), wire.NODE)
        with target.context.socket(zmq.SUB) as feed:
            feed.linger = 0
            feed.subscribe(wire.u64(incarnation))
            feed.connect(target.feed)
            assert feed.poll(TIMEOUT_S * 1000), "a node's feed does not become live"
        node.leave()


# ---- Frames ----------------------------------------------------------------------------------------


def malformed_frames(target):
    failures = list(malformed_peer.failures(target.context, target.listen))
    assert not failures, "\n".join(failures)


def logins_of_one_peer(target, frames, count):
    """One node says all these, and is then the holder of `count` more ids; when it leaves, of none."""
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


def a_million_logins(target):
    ids = [wire.str8(b"id%06d" % number) for number in range(LOGINS)]
    frames = [
        wire.header(wire.LOGIN)
        + wire.u64(1 + first // IDS_PER_FRAME)
        + wire.u32(IDS_PER_FRAME)
        + b"".join(ids[first : first + IDS_PER_FRAME])
        for first in range(0, LOGINS, IDS_PER_FRAME)
    ]
    logins_of_one_peer(target, frames, LOGINS)


def logins_one_by_one(target):
    """A frame for each: as many as it takes to see that they come through, in seconds."""
    frames = (wire.login(1 + number, b"one%d" % number) for number in range(LOGINS_ONE_BY_ONE))
    logins_of_one_peer(target, frames, LOGINS_ONE_BY_ONE)


def the_same_login_a_million_times(target):
    frames = [
        wire.header(wire.LOGIN)
        + wire.u64(change)
        + wire.u32(IDS_PER_FRAME)
        + wire.str8(b"same") * IDS_PER_FRAME
        for change in range(1, 1 + LOGINS // IDS_PER_FRAME)
    ]
    logins_of_one_peer(target, frames, 1)


def a_peer_that_reads_nothing(target):
    """It asks for ten times what ZeroMQ keeps for it. What is beyond that is counted, and held by nobody."""
    before = target.stats.read()["replies_unroutable"]
    with zmtp.shake_hands(target.listen) as peer:
        question = zmtp.frame(wire.query(1, b"stats"))
        peer.settimeout(TIMEOUT_S)
        for _ in range(100):
            peer.sendall(question * 1000)
        eventually(lambda: target.stats.read()["replies_unroutable"] > before, "answers pile up")


def peers_that_go_while_their_frames_wait(target):
    """They say more than ZeroMQ takes in at once, and are gone without a word while the broker is at it. Were
    it to ping them, each second from when they connected, it would end itself over one that is gone (libzmq
    4.3.4 asserts that there was no error): so they connect at different times within one."""
    question = zmtp.frame(wire.query(1, b"stats"))
    with contextlib.ExitStack() as stack:
        peers = []
        for _ in range(PEERS_AT_ONCE):
            peers.append(stack.enter_context(zmtp.shake_hands(target.listen)))
            peers[-1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            time.sleep(1 / PEERS_AT_ONCE)
        for peer in peers:
            peer.sendall(question * QUESTIONS)


# ---- The web node's port ---------------------------------------------------------------------------

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
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n": 411,
    b"BREW /test/1 HTTP/1.1\r\n\r\n": 501,
}


def bytes_that_are_no_http(target):
    before = target.web_node_counters()
    for said, status in NOT_HTTP.items():
        with zmtp.connect(target.http) as peer:
            peer.sendall(said)
            answer = peer.recv(65_536)
            assert answer.startswith(
                b"HTTP/1.1 %d " % status
            ), f"{said[:40]!r} is answered {answer[:40]!r}"
    refused = sum(status < 500 for status in NOT_HTTP.values())
    eventually(
        lambda: target.web_node_counters()["responses_4xx"] == before["responses_4xx"] + refused,
        "the web node's 4xx answers are not counted",
    )
    assert (
        target.web_node_counters()["responses_5xx"]
        == before["responses_5xx"] + len(NOT_HTTP) - refused
    )


ATTACKS = [
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
    peers_that_go_while_their_frames_wait,
    bytes_that_are_no_http,
]


def run_attacks(target, bystander):
    for attack in ATTACKS:
        name = attack.__name__.replace("_", " ")
        begin = time.monotonic()
        try:
            attack(target)
            bystander.check()
        except Exception as error:
            raise AssertionError(f"{name}: {error!r}") from error
        print(f"{name}: {time.monotonic() - begin:.1f} s", flush=True)


def main():
    with Programs() as programs:
        broker = start_broker(programs, sys.argv[1])
        addresses = broker.await_ready()
        web_node = start_web_node(programs, sys.argv[2], addresses["listen"])
        context = zmq.Context()
        target = Target(context, addresses, web_node.await_ready())
        bystander = Bystander(
            context, target.listen, "http://" + target.http.removeprefix("tcp://")
        )
        target.await_ids(1)  # the bystander's
        bystander.start()
        try:
            run_attacks(target, bystander)
        except AssertionError:
            print(f"broker:\n{broker.log()}\nweb node:\n{web_node.log()}", flush=True)
            raise
        finally:
            bystander.stop()
        sent = bystander.check_all()
        web_node.ask_to_end()
        web_node.finish(TIMEOUT_S)
        broker.ask_to_end()
        broker.finish(TIMEOUT_S)
    print(f"{len(ATTACKS)} attacks, and all {sent} messages arrived")


if __name__ == "__main__":
    main()
