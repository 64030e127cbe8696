"""Hostile peers: plain sockets that speak ZMTP and the protocol, and need not read."""

import contextlib
import secrets
import socket
import time
from collections.abc import Iterable, Iterator

from zcomet_lab.attacks.protocol import wire, zmtp

SMALL_BUFFER = 4096
READ_BYTES = 65_536
TIMEOUT_S = 20
# The heads of ZMTP's frames.
SHORT_HEAD, LONG_HEAD = 2, 9


def incarnation() -> int:
    return secrets.randbits(62) + 1


def shake_hands(
    endpoint: str, socket_type: bytes = b"DEALER", buffer: int = 0, timeout_s: float = TIMEOUT_S
) -> socket.socket:
    """A connection that has shaken hands. `buffer`: bytes that it receives without reading.

    Raises OSError if the other side refuses, or says nothing in time.
    """
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    peer = socket.socket()
    try:
        if buffer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        peer.settimeout(timeout_s)
        peer.connect((host, int(port)))
        peer.sendall(zmtp.greeting() + zmtp.ready(socket_type))
        heard = b""
        while b"READY" not in heard:
            if not (data := peer.recv(SMALL_BUFFER)):
                raise ConnectionError("refused in the handshake")
            heard += data
    except OSError:
        peer.close()
        raise
    return peer


def join(
    endpoint: str, role: int, name: bytes, number: int, buffer: int = 0, sent: int = 0
) -> socket.socket:
    """A connection that has said HELLO. Its WELCOME is not read."""
    peer = shake_hands(endpoint, buffer=buffer)
    peer.sendall(zmtp.frame(wire.hello(number, role, name, sent)))
    return peer


def frames(peer: socket.socket) -> Iterator[bytes]:
    """What comes over the connection, frame by frame, until it ends."""
    heard = b""
    while data := peer.recv(READ_BYTES):
        heard += data
        while (frame := first_frame(heard)) is not None:
            begin, end = frame
            yield heard[begin:end]
            heard = heard[end:]


def first_frame(data: bytes) -> tuple[int, int] | None:
    """Where the body of the first frame begins and ends; None if it has not come whole."""
    if len(data) < LONG_HEAD:
        is_long = bool(data and data[0] & zmtp.LONG)
        if is_long or len(data) < SHORT_HEAD:
            return None
    if data[0] & zmtp.LONG:
        begin, size = LONG_HEAD, int.from_bytes(data[1:LONG_HEAD], "big")
    else:
        begin, size = SHORT_HEAD, data[1]
    return (begin, begin + size) if len(data) >= begin + size else None


def read_welcome(peer: socket.socket) -> bytes:
    """Waits for the WELCOME, and returns it."""
    for frame in frames(peer):
        if frame.startswith(wire.header(wire.WELCOME)):
            return frame
    raise ConnectionError("ended before the WELCOME")


def join_node(endpoint: str, name: bytes, number: int) -> tuple[socket.socket, "wire.NodePart"]:
    """A node, and what its WELCOME says."""
    peer = join(endpoint, wire.NODE, name, number)
    _, part = wire.read_node_welcome(read_welcome(peer))
    return peer, part


def overheard_sender(spy: socket.socket) -> int:
    """The incarnation of the first sender whose acknowledged messages come over a feed."""
    for frame in frames(spy):
        with contextlib.suppress(ValueError):
            for message in wire.read_batch(frame).messages:
                _, _, *origin = message
                if origin:
                    return int(origin[0])
    raise ConnectionError("ended before a message")


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


def read_away(peer: socket.socket) -> int:
    """Reads what has come and throws it away; returns how many bytes that were."""
    count = 0
    with contextlib.suppress(OSError):
        while data := peer.recv(READ_BYTES, socket.MSG_DONTWAIT):
            count += len(data)
    return count


def repeat(
    peers: Iterable[socket.socket],
    data: bytes,
    seconds: float,
    pause_s: float,
    reads: bool = False,
) -> int:
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
            if reads:
                read_away(peer)
        if pause_s:
            time.sleep(pause_s)
    return sent
