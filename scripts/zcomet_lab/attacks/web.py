"""Plain sockets to a web node, which need not read, and a newcomer who opens streams."""

import contextlib
import socket
import threading
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

TIMEOUT_S = 10
READ_BYTES = 65_536
NEWCOMER_PAUSE_S = 0.05


def connect(http: str, source: str = "", buffer: int = 0) -> socket.socket:
    """A connection to the address of a ready line. `buffer`: as in peers.shake_hands()."""
    address = urllib.parse.urlsplit(http)
    peer = socket.socket()
    try:
        if buffer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        if source:
            peer.bind((source, 0))
        peer.settimeout(TIMEOUT_S)
        peer.connect((address.hostname, address.port or 0))
    except OSError:
        peer.close()
        raise
    return peer


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def open_stream(http: str, user_id: str, source: str = "", buffer: int = 0) -> socket.socket:
    """A stream whose head has come. Raises OSError if it is refused."""
    peer = connect(http, source, buffer)
    try:
        peer.sendall(get(f"/test/{user_id}"))
        head = peer.recv(READ_BYTES if not buffer else 1024)
        if not head.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(f"answered {head[:32]!r}")
    except OSError:
        peer.close()
        raise
    return peer


class Newcomer:
    """Opens a stream twenty times a second from an address of its own, and closes it again."""

    SOURCE = "127.3.0.1"

    def __init__(self, http: str) -> None:
        self._http = http
        self.opened = 0
        self.refused = 0
        self.slowest_ms = 0.0

    @contextlib.contextmanager
    def coming(self) -> Iterator[None]:
        ending = threading.Event()
        thread = threading.Thread(target=self._open_until, args=(ending,))
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()

    def _open_until(self, ending: threading.Event) -> None:
        while not ending.wait(NEWCOMER_PAUSE_S):
            began = time.monotonic()
            try:
                open_stream(self._http, "newcomer", self.SOURCE).close()
                self.opened += 1
            except OSError:
                self.refused += 1
            self.slowest_ms = max(self.slowest_ms, 1000 * (time.monotonic() - began))

    def figures(self) -> dict[str, Any]:
        return {
            "newcomer's streams opened": self.opened,
            "newcomer's streams refused": self.refused,
            "newcomer's slowest, ms": round(self.slowest_ms),
        }
