"""Hostile peers: plain sockets that speak ZMTP and the protocol, and need not read."""

import contextlib
import secrets
import socket
import time
from collections.abc import Iterable

from zcomet_lab.attacks.protocol import wire, zmtp

SMALL_BUFFER = 4096
TIMEOUT_S = 20


def incarnation() -> int:
    return secrets.randbits(62) + 1


def shake_hands(endpoint: str, socket_type: bytes = b"DEALER", buffer: int = 0) -> socket.socket:
    """A connection that has shaken hands. `buffer`: bytes that it receives without reading."""
    if not buffer:
        return zmtp.shake_hands(endpoint, socket_type)
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    peer.settimeout(TIMEOUT_S)
    peer.connect((host, int(port)))
    peer.sendall(zmtp.greeting() + zmtp.ready(socket_type))
    heard = b""
    while b"READY" not in heard:
        heard += peer.recv(SMALL_BUFFER)
    return peer


def join(endpoint: str, role: int, name: bytes, number: int, buffer: int = 0) -> socket.socket:
    """A connection that has said HELLO. Its WELCOME is not read."""
    peer = shake_hands(endpoint, buffer=buffer)
    peer.sendall(zmtp.frame(wire.hello(number, role, name)))
    return peer


def join_node(endpoint: str, name: bytes, number: int) -> tuple[socket.socket, "wire.NodePart"]:
    """A node, and what its WELCOME says."""
    peer = join(endpoint, wire.NODE, name, number)
    heard = b""
    while True:
        heard += peer.recv(65_536)
        begin = heard.find(wire.header(wire.WELCOME))
        if begin < 0:
            continue
        with contextlib.suppress(ValueError):
            size = heard[begin - 1]
            _, part = wire.read_node_welcome(heard[begin : begin + size])
            return peer, part


def subscribe(feed: str, topic: bytes, buffer: int = SMALL_BUFFER) -> socket.socket:
    """A subscriber that never reads."""
    peer = shake_hands(feed, b"SUB", buffer)
    peer.sendall(zmtp.frame(b"\x01" + topic))
    return peer


def say(peer: socket.socket, *frames: bytes) -> bool:
    """Sends frames; returns whether the connection still is there."""
    try:
        peer.sendall(b"".join(map(zmtp.frame, frames)))
        return True
    except OSError:
        return False


def repeat(peers: Iterable[socket.socket], data: bytes, seconds: float, pause_s: float) -> int:
    """Sends `data` on each connection again and again; returns how many bytes went out."""
    sent = 0
    peers = list(peers)
    for peer in peers:
        peer.setblocking(False)
    rest = {peer: b"" for peer in peers}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for peer in peers:
            with contextlib.suppress(OSError):
                out = rest[peer] or data
                taken = peer.send(out)
                rest[peer] = out[taken:]
                sent += taken
        if pause_s:
            time.sleep(pause_s)
    return sent
