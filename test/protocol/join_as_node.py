"""Joins a Zcomet cluster with nothing but pyzmq, as docs/PROTOCOL.md describes: logs in as an id,
sends a message to it as a sender, receives it as a node, and leaves.

usage: join_as_node.py BROKER-ENDPOINT      The exit status is 0 if everything went as described.
"""

import secrets
import sys
import time
import urllib.parse

import zmq

import wire

TIMEOUT_MS = 10_000


class Peer:
    """A DEALER to the broker's ROUTER, and the HELLO with which everything begins."""

    def __init__(self, context, broker, role, name):
        self.incarnation = secrets.randbits(64) or 1
        self._socket = context.socket(zmq.DEALER)
        self._socket.linger = 1000
        self._socket.connect(broker)
        self.send(wire.hello(self.incarnation, role, name))
        self.welcome = wire.read_welcome(self.await_kind(wire.WELCOME), role)

    def send(self, frame):
        self._socket.send(frame)

    def await_kind(self, kind):
        """The next frame of that kind. Heartbeats and credit may come at any time; an ERROR ends it."""
        deadline = time.monotonic() + TIMEOUT_MS / 1000
        while self._socket.poll(max(0, (deadline - time.monotonic()) * 1000)):
            frame = self._socket.recv()
            got = wire.Reader(frame).kind
            if got == kind:
                return frame
            if got == wire.ERROR:
                raise RuntimeError(f"the broker refused: {wire.read_error(frame)}")
        raise TimeoutError(f"no frame of kind {kind:#04x}")

    def leave(self):
        self.send(wire.header(wire.GOODBYE))
        self._socket.close()


class Feed:
    """The SUB on which a node receives its numbered batches."""

    def __init__(self, context, node, broker):
        self._incarnation = node.welcome["feed_incarnation"]
        self._topic = wire.u64(node.incarnation)
        self.applied = 0
        self._socket = context.socket(zmq.SUB)
        self._socket.linger = 0
        self._socket.subscribe(self._topic)
        self._socket.connect(self._reachable(node.welcome["feed_endpoint"], broker))

    @staticmethod
    def _reachable(endpoint, broker):
        """The broker's host in place of an address that stands for any."""
        host = urllib.parse.urlsplit(broker).hostname
        for anywhere in ("//*:", "//0.0.0.0:"):
            endpoint = endpoint.replace(anywhere, f"//{host}:")
        return endpoint

    def await_batch(self):
        """The messages of the next batch, which are none in an empty one."""
        if not self._socket.poll(TIMEOUT_MS):
            raise TimeoutError("the feed is silent")
        topic, frame = self._socket.recv_multipart()
        incarnation, number, flags, count, messages = wire.read_batch(frame)
        assert topic == self._topic
        assert incarnation == self._incarnation
        assert flags in (0, 2)
        assert number == self.applied + (1 if count else 0), "a gap, in a cluster that lost nothing"
        self.applied = number
        return messages

    def await_message(self):
        while not (messages := self.await_batch()):
            pass
        return messages

    def close(self):
        self._socket.close()


def join(context, broker):
    """A node that is live: its feed's first batch has come."""
    node = Peer(context, broker, wire.NODE, b"python-node")
    assert node.welcome["changes_applied"] == 0
    feed = Feed(context, node, broker)
    assert feed.await_batch() == []
    return node, feed


def log_in(node, user_id):
    node.send(wire.login(1, user_id))
    # "The broker's next HEARTBEAT says that it was applied"; ours asks for one. The broker need not
    # answer two that come close together, so one that tells nothing new is no end.
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while time.monotonic() < deadline:
        node.send(wire.heartbeat(0, 1, 1, wire.digest(user_id)))
        _, change, _ = wire.read_heartbeat(node.await_kind(wire.HEARTBEAT))
        if change == 1:
            return
    raise TimeoutError("the login was never applied")


def main():
    broker = sys.argv[1]
    context = zmq.Context()
    node, feed = join(context, broker)
    log_in(node, b"123")
    sender = Peer(context, broker, wire.SENDER, b"python-sender")
    sender.send(
        wire.send(1, [(b"123", b"hello from Python"), (b"nobody", b"into the void")], receipt=True)
    )
    assert wire.read_receipt(sender.await_kind(wire.RECEIPT)) == (1, [1, 0])
    assert feed.await_message() == [(b"123", b"hello from Python")]

    sender.send(wire.send(3, [(b"123", b"did it arrive?")], acknowledge=True))
    assert feed.await_message() == [(b"123", b"did it arrive?", sender.incarnation, 3)]
    node.send(wire.heartbeat(feed.applied, 1, 1, wire.digest(b"123"), ledger=(2, 0, 0, 2)))
    assert wire.read_receipt(sender.await_kind(wire.ACKNOWLEDGED)) == (3, [1])
    sender.leave()
    node.leave()
    feed.close()
    context.term()
    print("joined, logged in, sent, received and acknowledged")


if __name__ == "__main__":
    main()
