"""EventSources behind a proxy (GET /events/ID): of HTTP/1.1, and of HTTP/2.

As a browser's, each comes back by itself when its answer ends, and goes on where it was; an answer
other than 200 ends it for good.
"""

import contextlib
import http.client
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Protocol

from zcomet_lab.resuming import GAP, MESSAGE, RETRY_S, Refused, read_events

from clients import CURL, DIES_WITH_US, TIMEOUT_S, connect


def headers(cursor: str) -> dict[str, str]:
    """What an EventSource that goes on from `cursor` asks with; with an empty one it begins."""
    begun = {"Accept": "text/event-stream"}
    return begun | {"Last-Event-ID": cursor} if cursor else begun


class Body(Protocol):
    """The body of an answer with events."""

    def readline(self) -> bytes:
        ...

    def close(self) -> None:
        ...


class Http1Body:
    """By HTTP/1.1, with TLS if there is a certificate to trust."""

    def __init__(self, url: str, cursor: str, certificate: str = "") -> None:
        """Returns once the head has come."""
        self._connection, path = connect(url, certificate)
        self._connection.request("GET", path, headers=headers(cursor))
        self._socket = self._connection.sock
        answer = self._connection.getresponse()
        if answer.status != http.client.OK:
            raise Refused(f"{url} answered {answer.status} {answer.reason}")
        self.readline = answer.readline

    def close(self) -> None:
        self._connection.close()
        self._socket.close()


class Http2Body:
    """By HTTP/2 and TLS: curl."""

    def __init__(self, url: str, cursor: str, certificate: str) -> None:
        """Returns once the head has come."""
        options = ["--no-buffer", "--include", "--http2", "--cacert", certificate]
        for name, value in headers(cursor).items():
            options += ["--header", f"{name}: {value}"]
        self._curl = subprocess.Popen([*DIES_WITH_US, *CURL, *options, url], stdout=subprocess.PIPE)
        assert self._curl.stdout is not None
        self.readline = self._curl.stdout.readline
        status = self.readline().decode().rstrip()
        if not status:
            raise OSError(f"curl's exit status is {self._curl.wait(TIMEOUT_S)}")
        if not status.startswith("HTTP/2 200"):
            self.close()
            raise Refused(f"{url} answered {status}")
        while self.readline().rstrip():
            pass  # a header

    def close(self) -> None:
        assert self._curl.stdout is not None
        self._curl.terminate()
        self._curl.wait(TIMEOUT_S)
        self._curl.stdout.close()


Opener = Callable[[str, str], Body]
"""Opens the events of an id, from a cursor on."""


class EventSource:
    """One stream, whatever connections it needs. It runs on a thread of its own."""

    def __init__(self, user_id: str, open_events: Opener, end: str) -> None:
        """After the message `end` it does not come back."""
        self.user_id = user_id
        self.texts: list[str] = []
        self.gaps: list[str] = []
        self.opened = 0
        """How many connections have told where the stream is."""
        self.is_over = False
        self.refusal = ""
        """The answer after which it did not come back."""
        self._open = open_events
        self._end = end
        self._cursor = ""
        self._retries = [RETRY_S]  # the last one counts
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while not self.is_over and not self.refusal:
            try:
                with contextlib.closing(self._open(self.user_id, self._cursor)) as body:
                    self._follow(body)
            except Refused as refused:
                self.refusal = str(refused)
            except (OSError, ValueError, http.client.HTTPException):
                pass  # it was cut, or the proxy is away
            if not self.is_over:
                time.sleep(self._retries[-1])

    def _follow(self, body: Body) -> None:
        is_told = False
        for event in read_events(body, self._retries):
            self._cursor = event.last_id or self._cursor
            self.opened += not is_told
            is_told = True
            if event.name == MESSAGE and event.data == self._end:
                self.is_over = True
                return
            if event.name == MESSAGE:
                self.texts.append(event.data)
            elif event.name == GAP:
                self.gaps.append(event.data)
