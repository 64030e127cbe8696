"""Clients that read JSON lines (GET /lines/ID) through a proxy: of HTTP/1.1, and of HTTP/2."""

import contextlib
import dataclasses
import http.client
import json
import os
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable

from zcomet_lab.waiting import await_true

TIMEOUT_S = 20
READ_BYTES = 65_536
COMPLETE = "complete"


@dataclasses.dataclass
class Message:
    text: str
    at: float
    """When it came, by time.monotonic()."""


class Stream:
    """An open stream, read on a thread of its own."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.end: str | None = None
        """None while the stream is open; COMPLETE if its end was a proper one."""
        self.ended_at = 0.0
        self._waiting = b""

    def texts(self) -> list[str]:
        return [message.text for message in self.messages]

    def await_text(self, text: str) -> Message:
        """The message with this text, which is the last one."""
        return await_true(
            lambda: f"'{text}' comes; there are {len(self.messages)}, the end is {self.end}",
            lambda: next((one for one in reversed(self.messages) if one.text == text), None),
            pause_s=0.001,
        )

    def await_end(self) -> str:
        """How the stream has ended."""
        end: str = await_true("the stream ends", lambda: self.end)
        return end

    def leave(self) -> None:
        """Ends the connection, as a browser whose page is closed."""
        raise NotImplementedError

    def _read_all(self, read: Callable[[], bytes], how_it_ended: Callable[[], str]) -> None:
        try:
            while data := read():
                self._take(data)
            end = how_it_ended()
        except (OSError, ValueError, http.client.HTTPException) as error:
            end = repr(error)
        self.ended_at = time.monotonic()
        self.end = end

    def _take(self, data: bytes) -> None:
        now = time.monotonic()
        *lines, self._waiting = (self._waiting + data).split(b"\n")
        for line in lines:
            told = json.loads(line) if line else {}  # an empty one is a sign of life
            if "data" in told:  # others tell of gaps
                self.messages.append(Message(told["data"], now))

    def _start(self, read: Callable[[], bytes], how_it_ended: Callable[[], str]) -> None:
        threading.Thread(target=self._read_all, args=(read, how_it_ended), daemon=True).start()


def connect(url: str, certificate: str = "") -> tuple[http.client.HTTPConnection, str]:
    """A connection for this URL, with TLS if it says so, and the path to ask for."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https":
        return http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_S), parts.path
    trust = ssl.create_default_context(cafile=certificate)
    secure = http.client.HTTPSConnection(parts.netloc, timeout=TIMEOUT_S, context=trust)
    return secure, parts.path


class Http1Stream(Stream):
    """By HTTP/1.1, with TLS if there is a certificate to trust."""

    def __init__(self, url: str, certificate: str = "") -> None:
        """Returns once the head has come."""
        super().__init__()
        connection, path = connect(url, certificate)
        connection.request("GET", path)
        # The answer may take the connection's socket over: http.client closes its own.
        self._socket: socket.socket = connection.sock
        self._connection = connection
        answer = connection.getresponse()
        if answer.status != 200:
            raise OSError(f"{url} answered {answer.status} {answer.reason}")
        self._socket.settimeout(None)
        self._start(lambda: answer.read1(READ_BYTES), lambda: COMPLETE)

    def leave(self) -> None:
        # Under TLS, too, and while another thread reads: it finds the end.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        self.await_end()
        self._connection.close()


class Http2Stream(Stream):
    """By HTTP/2 and TLS: curl."""

    def __init__(self, url: str, certificate: str) -> None:
        super().__init__()
        options = ["--no-buffer", "--fail", "--http2", "--cacert", certificate]
        self._curl = subprocess.Popen(
            [*DIES_WITH_US, *CURL, *options, url],
            stdout=subprocess.PIPE,
        )
        assert self._curl.stdout is not None
        output = self._curl.stdout.fileno()
        self._start(lambda: os.read(output, READ_BYTES), self._how_it_ended)

    def _how_it_ended(self) -> str:
        status = self._curl.wait(TIMEOUT_S)
        return COMPLETE if status == 0 else f"curl's exit status is {status}"

    def leave(self) -> None:
        self._curl.terminate()
        self._curl.wait(TIMEOUT_S)


class Http2Tabs:
    """Two streams on one connection of HTTP/2, one of which closes by itself, as a tab does."""

    TOLD = "connections opened: "

    def __init__(self, stays: str, closes: str, certificate: str) -> None:
        options = [*CURL[1:], "--no-buffer", "--http2", "--cacert", certificate]
        # To standard error, since curl would keep it back.
        told = "%{stderr}" + f"{self.TOLD}%{{num_connects}}\\n"
        closing = ["--max-time", str(TAB_S), "--write-out", told]
        self._curl = subprocess.Popen(
            [*DIES_WITH_US, CURL[0], "--parallel", *options, "--output", "/dev/null", stays]
            + ["--next", *options, *closing, "--output", "/dev/null", closes],
            stderr=subprocess.PIPE,
            text=True,
        )

    def await_closing(self) -> None:
        """Waits until the one has closed."""
        assert self._curl.stderr is not None
        told = next(line for line in self._curl.stderr if self.TOLD in line)
        assert told.endswith(f"{self.TOLD}0\n"), f"it had a connection of its own: {told}"

    def end(self) -> None:
        self._curl.terminate()
        self._curl.wait(TIMEOUT_S)


CURL = ["curl", "--silent", "--show-error", "--noproxy", "*"]
DIES_WITH_US = ["setpriv", "--pdeathsig", "TERM"]
TAB_S = 5


def http_version(url: str, certificate: str) -> str:
    """Which version a client that can speak HTTP/2 speaks with this server."""
    command = [*CURL, "--http2", "--cacert", certificate, "--output", "/dev/null"]
    command += ["--write-out", "%{http_version}", url]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_S, check=True)
    return done.stdout
