"""Joins a Zcomet cluster with only pyzmq, as docs/PROTOCOL.md describes.

It logs in as an id, sends a message to it as a sender, receives it as a node, and leaves.
usage: join_as_node.py BROKER-ENDPOINT      The exit status is 0 if everything went as described.
"""

import json
import secrets
import sys
import time
import urllib.parse
from typing import Any

import zmq

import wire

TIMEOUT_MS = 10_000
LINGER_MS = 1000

Context = zmq.Context[zmq.Socket[bytes]]


class Peer:
    """A DEALER to the broker's ROUTER, and the HELLO with which everything begins."""

    def __init__(self, context: Context, broker: str, role: int, name: bytes) -> None:
        """Says HELLO and waits for the WELCOME."""
        self.incarnation = secrets.randbits(64) or 1
        self._socket = context.socket(zmq.DEALER)
        self._socket.linger = LINGER_MS
        self._socket.connect(broker)
        self.send(wire.hello(self.incarnation, role, name))
        self.welcome = self.await_kind(wire.WELCOME)

    def send(self, frame: bytes) -> None:
        self._socket.send(frame)

    def await_kind(self, kind: int) -> bytes:
        """The next frame of that kind.

        Heartbeats and credit may come at any time, and are skipped; an ERROR ends it.
        """
        deadline = time.monotonic() + TIMEOUT_MS / 1000
        while self._socket.poll(max(0, round((deadline - time.monotonic()) * 1000))):
            frame = self._socket.recv()
            got = wire.Reader(frame).kind
            if got == kind:
                return frame
            if got == wire.ERROR:
                raise RuntimeError(f"the broker refused: {wire.read_error(frame)}")
        raise TimeoutError(f"no frame of kind {kind:#04x}")

    def leave(self) -> None:
        self.send(wire.header(wire.GOODBYE))
        self._socket.close()


class Feed:
    """The SUB on which a node receives its numbered batches."""

    def __init__(self, context: Context, node: Peer, part: wire.NodePart, broker: str) -> None:
        self.incarnation = part.feed_incarnation
        self._topic = wire.u64(node.incarnation)
        self.applied = 0
        self._socket = context.socket(zmq.SUB)
        self._socket.linger = 0
        self._socket.subscribe(self._topic)
        self._socket.connect(self._reachable(part.feed_endpoint, broker))

    @staticmethod
    def _reachable(endpoint: str, broker: str) -> str:
        """The endpoint, with the broker's host if its address means "every address"."""
        host = urllib.parse.urlsplit(broker).hostname
        for anywhere in ("//*:", "//0.0.0.0:", "//[::]:"):
            endpoint = endpoint.replace(anywhere, f"//{host}:")
        return endpoint

    def await_batch(self) -> wire.Batch:
        """The next batch, which may be empty."""
        if not self._socket.poll(TIMEOUT_MS):
            raise TimeoutError("the feed is silent")
        topic, frame = self._socket.recv_multipart()
        batch = wire.read_batch(frame)
        assert topic == self._topic
        assert batch.incarnation == self.incarnation
        assert batch.flags in (0, 2, 4, 6)
        due = self.applied + (1 if batch.count else 0)
        assert batch.number == due, "a gap, in a cluster that lost nothing"
        self.applied = batch.number
        return batch

    def await_message(self) -> wire.Batch:
        """The next batch that is not empty."""
        while not (batch := self.await_batch()).messages:
            pass
        return batch

    def close(self) -> None:
        self._socket.close()


def join(context: Context, broker: str) -> tuple[Peer, Feed]:
    """A node that is live: its feed's first batch has come."""
    node = Peer(context, broker, wire.NODE, b"python-node")
    _, part = wire.read_node_welcome(node.welcome)
    assert part.changes_applied == 0
    feed = Feed(context, node, part, broker)
    assert feed.await_batch().messages == []
    return node, feed


def log_in(node: Peer, user_id: bytes) -> None:
    node.send(wire.login(1, user_id))
    # "The broker's next HEARTBEAT says that it was applied"; this node's HEARTBEAT asks for one.
    # The broker need not answer two that come close together, so the answer may tell nothing new.
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while time.monotonic() < deadline:
        node.send(wire.heartbeat(0, 1, 1, wire.digest(user_id)))
        _, change, _ = wire.read_heartbeat(node.await_kind(wire.HEARTBEAT))
        if change == 1:
            return
    raise TimeoutError("the login was never applied")


def await_said(node: Peer, room: int, live: bool) -> None:
    """Waits until the broker says so of the node. Its answers may be 100 ms old."""
    said: dict[str, Any] = {}
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while time.monotonic() < deadline:
        node.send(wire.query(7, b"nodes"))
        _, answer = wire.read_answer(node.await_kind(wire.ANSWER))
        said = wire.read_nodes_page(json.loads(answer)).nodes[0]
        if (said["room"], said["live"]) == (room, live):
            return
        time.sleep(0.1)
    raise TimeoutError(f"the broker says {said}")


def check_attributes(sender: Peer, feed: Feed) -> None:
    """A broker passes them on as they are, those that it does not know as well."""
    block = wire.attributes(
        (wire.EVENT, "gr\u00fc\u00dfe".encode()), (wire.PRIVATE, b""), (200, b"?")
    )
    sender.send(wire.send(4, [(b"123", b"with")], block=block))
    batch = feed.await_message()
    assert batch.messages == [(b"123", b"with")], batch
    assert batch.attributes == [block], batch
    sender.send(wire.send(5, [(b"123", b"both")], acknowledge=True, block=block))
    batch = feed.await_message()
    assert batch.messages == [(b"123", b"both", sender.incarnation, 5)], batch
    assert batch.attributes == [block], batch


def main() -> None:
    broker = sys.argv[1]
    context: Context = zmq.Context()
    node, feed = join(context, broker)
    log_in(node, b"123")
    sender = Peer(context, broker, wire.SENDER, b"python-sender")
    wire.read_sender_welcome(sender.welcome)
    messages = [(b"123", b"hello from Python"), (b"nobody", b"into the void")]
    sender.send(wire.send(1, messages, receipt=True))
    told = wire.read_outcomes(sender.await_kind(wire.RECEIPT))
    assert told == wire.Outcomes(1, [1, 0], 0, [0, 0]), told
    assert feed.await_message().messages == [(b"123", b"hello from Python")]

    question = b"did it arrive?"
    sender.send(wire.send(3, [(b"123", question)], acknowledge=True))
    assert feed.await_message().messages == [(b"123", question, sender.incarnation, 3)]
    # Numbers 11 and 12 of the ledger: room for 100 streams, and the feed is heard.
    ledger = (2, 0, 0, 2, 0, 0, 0, 0, 0, 0, 100, 0)
    node.send(wire.heartbeat(feed.applied, 1, 1, wire.digest(b"123"), ledger, feed.incarnation))
    told = wire.read_outcomes(sender.await_kind(wire.ACKNOWLEDGED))
    assert told == wire.Outcomes(3, [1], 0, [0]), told
    await_said(node, room=99, live=True)
    silent = (*ledger[:11], 1)
    node.send(wire.heartbeat(feed.applied, 1, 1, wire.digest(b"123"), silent, feed.incarnation))
    await_said(node, room=99, live=False)
    check_attributes(sender, feed)
    sender.leave()
    node.leave()
    feed.close()
    context.term()
    print("joined, logged in, sent, received and acknowledged")


if __name__ == "__main__":
    main()
