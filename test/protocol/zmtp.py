"""Just enough of ZMTP 3.0 to break it: greetings, commands, frames, over plain TCP.

The protocol is https://rfc.zeromq.org/spec/23/.
"""

import socket
import struct
import urllib.parse

TIMEOUT_S = 10
READ_BYTES = 65_536
MORE, LONG, COMMAND = 1, 2, 4
SIGNATURE = b"\xff" + b"\0" * 8 + b"\x7f"
SHORT_MAX = 255
GREETING_BYTES = 64


def greeting(mechanism: bytes = b"NULL") -> bytes:
    return SIGNATURE + bytes((3, 0)) + mechanism.ljust(20, b"\0") + b"\0" * 32


def frame(body: bytes, flags: int = 0) -> bytes:
    if len(body) > SHORT_MAX:
        return long_frame(len(body), flags) + body
    return bytes([flags, len(body)]) + body


def long_frame(size: int, flags: int = 0) -> bytes:
    """The head of a frame that claims this number of bytes."""
    return bytes([flags | LONG]) + struct.pack(">Q", size)


def command(name: bytes, body: bytes = b"") -> bytes:
    return frame(bytes([len(name)]) + name + body, COMMAND)


def metadata(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + struct.pack(">I", len(value)) + value


def ready(socket_type: bytes = b"DEALER") -> bytes:
    return command(b"READY", metadata(b"Socket-Type", socket_type) + metadata(b"Identity", b""))


def connect(endpoint: str, buffer: int = 0) -> socket.socket:
    """`buffer`: bytes that it receives without reading; 0: as many as the system likes."""
    address = urllib.parse.urlsplit(endpoint)
    if not buffer:
        return socket.create_connection((address.hostname, address.port or 0), TIMEOUT_S)
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    peer.settimeout(TIMEOUT_S)
    peer.connect((address.hostname, address.port or 0))
    return peer


def shake_hands(endpoint: str, socket_type: bytes = b"DEALER") -> socket.socket:
    """A connection on which frames may be sent: the other side has said READY."""
    peer = connect(endpoint)
    peer.sendall(greeting() + ready(socket_type))
    heard = b""
    while b"READY" not in heard:
        if not (data := peer.recv(READ_BYTES)):
            raise ConnectionError("refused in the handshake")
        heard += data
    return peer


def is_closed_by_other_side(peer: socket.socket) -> bool:
    """Waits for the end of the connection, and ignores what comes before it."""
    peer.settimeout(TIMEOUT_S)
    try:
        while peer.recv(READ_BYTES):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True
