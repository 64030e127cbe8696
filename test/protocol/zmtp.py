"""As much of ZMTP 3.0 (https://rfc.zeromq.org/spec/23/) as it takes to break it: greetings, commands and
frames by hand, over a plain TCP socket."""

import socket
import struct
import urllib.parse

TIMEOUT_S = 10
MORE, LONG, COMMAND = 1, 2, 4


def greeting(version=(3, 0), mechanism=b"NULL", signature=b"\xff" + b"\0" * 8 + b"\x7f"):
    return signature + bytes(version) + mechanism.ljust(20, b"\0") + b"\0" * 32


def frame(body, flags=0):
    if len(body) > 255:
        return long_frame(len(body), flags) + body
    return bytes([flags, len(body)]) + body


def long_frame(size, flags=0):
    """The head of a frame that claims to have that many bytes."""
    return bytes([flags | LONG]) + struct.pack(">Q", size)


def command(name, body=b""):
    return frame(bytes([len(name)]) + name + body, COMMAND)


def metadata(name, value):
    return bytes([len(name)]) + name + struct.pack(">I", len(value)) + value


def ready(socket_type=b"DEALER"):
    return command(b"READY", metadata(b"Socket-Type", socket_type) + metadata(b"Identity", b""))


def connect(endpoint):
    address = urllib.parse.urlsplit(endpoint)
    return socket.create_connection((address.hostname, address.port), TIMEOUT_S)


def shake_hands(endpoint, socket_type=b"DEALER"):
    """A connection on which frames may be sent: the other side has said READY."""
    peer = connect(endpoint)
    peer.sendall(greeting() + ready(socket_type))
    heard = b""
    while b"READY" not in heard:
        if not (data := peer.recv(4096)):
            raise ConnectionError("refused in the handshake")
        heard += data
    return peer


def is_closed_by_other_side(peer):
    """Waits until it is; what it says before that is of no interest."""
    peer.settimeout(TIMEOUT_S)
    try:
        while peer.recv(65_536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True
