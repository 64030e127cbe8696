"""A client of CURVE (https://rfc.zeromq.org/spec/26/) over TCP, for what libzmq would not send.

libzmq's own XSUB, for example, says no end of a subscription that it does not have. The sums are
done by libsodium, which libzmq needs as well. `zmtp` has the frames around all this.
"""

import contextlib
import ctypes
import functools
import itertools
import secrets
import struct
from collections.abc import Iterator

import zmtp

KEY_BYTES = 32
NONCE_BYTES = 24
MAC_BYTES = 16
COOKIE_BYTES = 96
VERSION = b"\1\0"
READ_BYTES = 262_144
Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


class Refused(ConnectionError):
    """The other side ended the handshake."""


def key_of_text(text: bytes) -> bytes:
    """The 32 bytes of a key in Z85, in which key files have it."""
    numbers = (
        functools.reduce(lambda sum_, letter: sum_ * 85 + Z85.index(letter), group, 0)
        for group in map(bytes.decode, (text[i : i + 5] for i in range(0, len(text), 5)))
    )
    return b"".join(struct.pack(">I", number) for number in numbers)


@functools.cache
def sodium() -> ctypes.CDLL:
    return ctypes.CDLL("libsodium.so.23")


def new_pair() -> tuple[bytes, bytes]:
    """A public key and its secret key."""
    public, secret = (ctypes.create_string_buffer(KEY_BYTES) for _ in range(2))
    sodium().crypto_box_keypair(public, secret)
    return public.raw, secret.raw


class Box:
    """What two pairs of keys have in common: encrypts to the other side, and decrypts from it."""

    def __init__(self, their_public: bytes, own_secret: bytes) -> None:
        common = ctypes.create_string_buffer(KEY_BYTES)
        if sodium().crypto_box_beforenm(common, their_public, own_secret) != 0:
            raise ValueError("no good key")
        self._common = common.raw

    def close(self, nonce: bytes, text: bytes) -> bytes:
        assert len(nonce) == NONCE_BYTES
        closed = ctypes.create_string_buffer(len(text) + MAC_BYTES)
        size = ctypes.c_ulonglong(len(text))
        sodium().crypto_box_easy_afternm(closed, text, size, nonce, self._common)
        return closed.raw

    def open(self, nonce: bytes, closed: bytes) -> bytes:
        """Raises Refused if the box is not from the other side."""
        assert len(nonce) == NONCE_BYTES
        text = ctypes.create_string_buffer(max(0, len(closed) - MAC_BYTES))
        size = ctypes.c_ulonglong(len(closed))
        if sodium().crypto_box_open_easy_afternm(text, closed, size, nonce, self._common) != 0:
            raise Refused("a box that the other side has not closed")
        return text.raw


class Peer:
    """A connection that has shaken hands. It answers no pings, and need not read."""

    def __init__(
        self,
        endpoint: str,
        keys: dict[str, bytes],
        socket_type: bytes = b"DEALER",
        buffer: int = 0,
        timeout_s: float = zmtp.TIMEOUT_S,
    ) -> None:
        """`keys`: `public`, `secret` and `broker`, each in Z85.

        `buffer`: bytes that it receives without reading; 0: as many as the system likes.
        Raises Refused if the other side ends the handshake, TimeoutError if it says nothing.
        """
        self._heard = b""
        self._numbers = itertools.count(1)
        self.socket = zmtp.connect(endpoint, buffer)
        self.socket.settimeout(timeout_s)
        try:
            self._box = self._shake_hands(
                {name: key_of_text(text) for name, text in keys.items()}, socket_type
            )
        except OSError:
            self.socket.close()
            raise

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _shake_hands(self, keys: dict[str, bytes], socket_type: bytes) -> Box:
        public, secret = new_pair()
        first = Box(keys["broker"], secret)
        nonce = struct.pack(">Q", next(self._numbers))
        signature = first.close(b"CurveZMQHELLO---" + nonce, bytes(64))
        hello = VERSION + bytes(72) + public + nonce + signature
        try:
            self.socket.sendall(zmtp.greeting(b"CURVE") + zmtp.command(b"HELLO", hello))
            self._take(zmtp.GREETING_BYTES)
            welcome = self._command(b"WELCOME")
            text = first.open(b"WELCOME-" + welcome[:16], welcome[16:])
            theirs, cookie = text[:KEY_BYTES], text[KEY_BYTES:]
            assert len(cookie) == COOKIE_BYTES
            box = Box(theirs, secret)
            self.socket.sendall(
                zmtp.command(
                    b"INITIATE", cookie + self._initiate(keys, public, theirs, box, socket_type)
                )
            )
            ready = self._command(b"READY")
            box.open(b"CurveZMQREADY---" + ready[:8], ready[8:])
        except ConnectionError as error:
            raise Refused(str(error)) from error
        return box

    def _initiate(
        self, keys: dict[str, bytes], public: bytes, theirs: bytes, box: Box, socket_type: bytes
    ) -> bytes:
        """The voucher of the own key for the one of this connection, and the metadata."""
        vouch_nonce = secrets.token_bytes(16)
        vouch = Box(theirs, keys["secret"]).close(
            b"VOUCH---" + vouch_nonce, public + keys["broker"]
        )
        metadata = zmtp.metadata(b"Socket-Type", socket_type) + zmtp.metadata(b"Identity", b"")
        nonce = struct.pack(">Q", next(self._numbers))
        text = keys["public"] + vouch_nonce + vouch + metadata
        return nonce + box.close(b"CurveZMQINITIATE" + nonce, text)

    def _take(self, count: int) -> bytes:
        """The next bytes of the connection."""
        while len(self._heard) < count:
            if not (data := self.socket.recv(READ_BYTES)):
                raise Refused("refused in the handshake")
            self._heard += data
        taken, self._heard = self._heard[:count], self._heard[count:]
        return taken

    def _next_frame(self) -> bytes:
        flags, size = self._take(2)
        if flags & zmtp.LONG:
            size = int.from_bytes(bytes([size]) + self._take(7), "big")
        return self._take(size)

    def _command(self, name: bytes) -> bytes:
        """The body of the command that is due."""
        head = bytes([len(name)]) + name
        frame = self._next_frame()
        if not frame.startswith(head):
            raise Refused(f"{name.decode()} was due, not {frame[:32]!r}")
        return frame[len(head) :]

    def encoded(self, body: bytes, flags: int = 0) -> bytes:
        """A message as the bytes that go over the connection, in this order only."""
        nonce = struct.pack(">Q", next(self._numbers))
        closed = self._box.close(b"CurveZMQMESSAGEC" + nonce, bytes([flags]) + body)
        return zmtp.frame(b"\x07MESSAGE" + nonce + closed)

    def say(self, *bodies: bytes) -> None:
        self.socket.sendall(b"".join(map(self.encoded, bodies)))

    def hear_now(self) -> list[bytes]:
        """The messages that have come, without waiting for more."""
        timeout = self.socket.gettimeout()
        self.socket.setblocking(False)
        with contextlib.suppress(OSError):
            while data := self.socket.recv(READ_BYTES):
                self._heard += data
        self.socket.settimeout(timeout)
        messages = []
        while self._has_frame():
            messages += self._opened(self._next_frame())
        return messages

    def _has_frame(self) -> bool:
        """Whether a whole frame has come."""
        if len(self._heard) < 9:
            return len(self._heard) >= 2 and self._heard[0] & zmtp.LONG == 0 and self._is_short()
        if self._heard[0] & zmtp.LONG:
            return len(self._heard) >= 9 + int.from_bytes(self._heard[1:9], "big")
        return self._is_short()

    def _is_short(self) -> bool:
        return len(self._heard) >= 2 + self._heard[1]

    def _opened(self, frame: bytes) -> list[bytes]:
        """The message in a frame; none in one of ZeroMQ's own commands."""
        nonce, closed = frame[8:16], frame[16:]
        text = self._box.open(b"CurveZMQMESSAGES" + nonce, closed)
        return [] if text[0] & 2 else [text[1:]]

    def hear(self) -> Iterator[bytes]:
        """The messages that come, without ZeroMQ's own commands, until the connection ends."""
        while True:
            try:
                frame = self._next_frame()
            except ConnectionError:
                return
            yield from self._opened(frame)


def is_refused(endpoint: str, keys: dict[str, bytes], socket_type: bytes) -> bool:
    """Whether the handshake is refused."""
    try:
        with Peer(endpoint, keys, socket_type):
            return False
    except Refused:
        return True
