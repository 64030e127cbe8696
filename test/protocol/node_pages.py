"""Asks a broker for its nodes, page by page, when it has more than one answer can name.

usage: node_pages.py BROKER-ENDPOINT
"""

import json
import secrets
import socket
import sys

import wire
import zmtp
from pyzmq import Context, zmq

NODES = 600
NODES_PER_PAGE = 500
TIMEOUT_MS = 10_000
# Each time this many have joined, all nodes show that they are alive.
ALIVE_EACH = 50
PING = wire.header(wire.PING) + wire.u64(7)


class Nodes:
    """Very many nodes. Each is a bare connection, because a ZeroMQ socket takes several files."""

    def __init__(self, broker: str) -> None:
        self.names = {f"node-{number}" for number in range(NODES)}
        self._connections: list[socket.socket] = []
        for number, name in enumerate(sorted(self.names)):
            self._join(broker, name)
            if number % ALIVE_EACH == 0:
                self.show_alive()

    def _join(self, broker: str, name: str) -> None:
        peer = zmtp.shake_hands(broker)
        self._connections.append(peer)
        hello = wire.hello(secrets.randbits(63) + 1, wire.NODE, name.encode())
        peer.sendall(zmtp.frame(hello))
        assert peer.recv(zmtp.READ_BYTES), "the broker closed the connection of a node"

    def show_alive(self) -> None:
        for peer in self._connections:
            peer.sendall(zmtp.frame(PING))


class Observer:
    """Asks a broker, without HELLO."""

    def __init__(self, broker: str) -> None:
        self._context: Context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.connect(broker)

    def page(self, argument: bytes) -> wire.NodesPage:
        self._socket.send(wire.query(1, b"nodes", argument))
        assert self._socket.poll(TIMEOUT_MS), "the broker does not answer"
        _, text = wire.read_answer(self._socket.recv())
        return wire.read_nodes_page(json.loads(text))


def main() -> None:
    broker = sys.argv[1]
    nodes = Nodes(broker)
    observer = Observer(broker)
    found: list[str] = []
    argument: bytes | None = b""
    pages = 0
    while argument is not None:
        nodes.show_alive()
        page = observer.page(argument)
        assert len(page.nodes) <= NODES_PER_PAGE
        found += [node["name"] for node in page.nodes]
        argument = page.next_argument
        pages += 1
    assert len(found) == NODES, f"{len(found)} nodes were named instead of {NODES}"
    assert set(found) == nodes.names
    assert pages == 2
    print(f"{len(found)} nodes on {pages} pages")


if __name__ == "__main__":
    main()
