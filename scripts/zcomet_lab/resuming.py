"""Browsers that come back: EventSources that go on where they were, each time at the next web node.

As a program it opens one for each URL and id, and prints `N streams open` once each has its first
position. When each has shown the message END, it prints `N streams ended, which came back M times`.
Its log has the form of zcomet-floodtest's (tools/logs/message_log.hpp): a stream that comes back is
one stream, so zcomet-ctl reconcile says what it missed, and whether it was told.
usage: python3 -m zcomet_lab.resuming --log FILE --end END --ids ID,... URL...
       (URL: http://HOST:PORT of a web node)
"""

import argparse
import http.client
import itertools
import re
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 60  # a stream has a sign of life in less
RETRY_S = 0.2  # until a web node names another time
TAG = re.compile(r" by=([\w.~:@-]+)/(\d+)")
MESSAGE, GAP, POSITION = "message", "gap", "position"


class Lines(Protocol):
    """The body of an answer, or another source of lines."""

    def readline(self) -> bytes:
        ...


class Event(NamedTuple):
    """What an EventSource hands to its page."""

    name: str
    data: str
    last_id: str
    """Where the stream goes on after it; empty if it has no place of its own."""


class Refused(Exception):
    """An answer after which an EventSource does not come back."""


def read_events(lines: Lines, retries: list[float]) -> Iterator[Event]:
    """The events of a stream until it ends; a time to wait before coming back goes to `retries`."""
    name, data, last_id = MESSAGE, list[str](), ""
    while line := lines.readline():
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            last_id = value
        elif field == "retry":
            retries.append(int(value) / 1000)
        elif not field:
            if data:
                yield Event(name, "\n".join(data), last_id)
            name, data, last_id = MESSAGE, [], ""


class Log:
    """Lines of all streams."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "w", encoding="utf-8")
        self._lock = threading.Lock()

    def add(self, what: str, stream: int, user_id: str, *fields: object) -> None:
        with self._lock:
            print(what, stream, user_id, time.time_ns(), *fields, sep="\t", file=self._file)

    def close(self) -> None:
        self._file.close()


class Progress:
    """What has become of the streams, for the program to wait for."""

    def __init__(self) -> None:
        self.opened = 0
        self.ended = 0
        self.came_back = 0
        self.refusal = ""
        self._changed = threading.Condition()

    def note(self, *, opened: int = 0, ended: int = 0, came_back: int = 0) -> None:
        with self._changed:
            self.opened += opened
            self.ended += ended
            self.came_back += came_back
            self._changed.notify_all()

    def refuse(self, why: str) -> None:
        with self._changed:
            self.refusal = why
            self._changed.notify_all()

    def wait(self, what: str, count: int) -> None:
        """Until so many streams are `opened` or `ended`. Raises Refused if one was refused."""
        with self._changed:
            self._changed.wait_for(lambda: self.refusal or getattr(self, what) >= count)
            if self.refusal:
                raise Refused(self.refusal)


class ResumingStream:
    """One stream, whatever connections it needs. It runs on a thread of its own."""

    def __init__(
        self, number: int, user_id: str, urls: Sequence[str], end: str, log: Log, progress: Progress
    ) -> None:
        self._number = number
        self._id = user_id
        self._urls = itertools.cycle(urls)
        self._end = end
        self._log = log
        self._progress = progress
        self._cursor = ""
        self._shown = 0
        self._retries = [RETRY_S]  # the last one counts

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            while not self._follow(next(self._urls)):
                time.sleep(self._retries[-1])
                self._progress.note(came_back=1)
        except Refused as refused:
            self._progress.refuse(f"{self._id}: {refused}")

    def _follow(self, url: str) -> bool:
        """Shows one web node's messages for as long as that has some.

        Returns whether the last message was among them.
        """
        host = urllib.parse.urlsplit(url).netloc
        connection = http.client.HTTPConnection(host, timeout=CONNECT_TIMEOUT_S)
        headers = {"Accept": "text/event-stream"}
        if self._cursor:
            headers["Last-Event-ID"] = self._cursor
        try:
            connection.request("GET", f"/events/{self._id}", headers=headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise Refused(f"{url} answered {answer.status}")
            connection.sock.settimeout(READ_TIMEOUT_S)
            return any(map(self._is_last, read_events(answer, self._retries)))
        except (OSError, ValueError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _is_last(self, event: Event) -> bool:
        """Takes an event in; returns whether it is the end."""
        if event.last_id and not self._cursor:
            # From here on nothing may be missing.
            self._log.add("open", self._number, self._id)
            self._progress.note(opened=1)
        self._cursor = event.last_id or self._cursor
        if event.name == GAP:
            self._log.add("gap", self._number, self._id)
        elif event.name == MESSAGE and event.data == self._end:
            self._log.add("close", self._number, self._id)
            self._progress.note(ended=1)
            return True
        elif event.name == MESSAGE:
            self._shown += 1
            tags = TAG.findall(event.data) or [("-", "0")]
            self._log.add("got", self._number, self._id, self._shown, *tags[-1])
        return False


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--log", required=True)
    parser.add_argument("--end", required=True)
    parser.add_argument("--ids", required=True)
    parser.add_argument("urls", nargs="+", metavar="URL")
    options = parser.parse_args()
    log, progress = Log(options.log), Progress()
    count = 0
    for user_id in options.ids.split(","):
        for first in range(len(options.urls)):
            urls = options.urls[first:] + options.urls[:first]
            ResumingStream(count, user_id, urls, options.end, log, progress).start()
            count += 1
    try:
        progress.wait("opened", count)
        print(f"{count} streams open", flush=True)
        progress.wait("ended", count)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    log.close()
    print(f"{count} streams ended, which came back {progress.came_back} times", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
