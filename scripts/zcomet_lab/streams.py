"""Reads comet streams as a browser does: one GET that never ends, one chunk for each message.

As a program it prints a line for each message that arrives: `INDEX<TAB>NUMBER<TAB>TEXT`. INDEX is
the position of the URL among the arguments, from 0. Once all streams are open, it prints the line
`N streams open`.
usage: python3 -m zcomet_lab.streams URL...
"""

import functools
import html
import http.client
import re
import signal
import sys
import threading
import urllib.parse
from collections.abc import Callable

CONNECT_TIMEOUT_S = 10
READ_BYTES = 65_536
MESSAGE = re.compile(rb"Recvd msg #(\d+): '(.*?)'<br/>\n", re.DOTALL)


class CometStream:
    """One open stream. `on_message(number, text)` is called on the stream's own thread."""

    def __init__(self, url: str, on_message: Callable[[int, str], object]) -> None:
        """Returns once the head of the response has come; no message after that is missed."""
        self.url = url
        self._on_message = on_message
        parts = urllib.parse.urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=CONNECT_TIMEOUT_S)
        query = f"?{parts.query}" if parts.query else ""
        self._connection.request("GET", parts.path + query)
        self._response = self._connection.getresponse()
        if self._response.status != 200:
            raise OSError(f"{url} answered {self._response.status} {self._response.reason}")
        self._connection.sock.settimeout(None)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        waiting = b""
        try:
            while data := self._response.read1(READ_BYTES):
                messages, waiting = take_messages(waiting + data)
                for number, text in messages:
                    self._on_message(number, text)
        except (OSError, ValueError, http.client.HTTPException):
            pass  # The cluster was ended during the read; missing messages show in the counts.


class RecordedStream:
    """An open stream and the messages that it has shown."""

    def __init__(self, http_url: str, user_id: str) -> None:
        """`http_url` is the address in a web node's ready line."""
        self.shown: list[tuple[int, str]] = []
        """Numbers and texts in order of arrival. Another thread appends to it."""
        self._stream = CometStream(
            f"{http_url}/test/{user_id}", lambda number, text: self.shown.append((number, text))
        )


def take_messages(data: bytes) -> tuple[list[tuple[int, str]], bytes]:
    """The numbers and texts of all whole messages in `data`, and the bytes after the last one."""
    messages = []
    end = 0
    for match in MESSAGE.finditer(data):
        end = match.end()
        messages.append((int(match[1]), html.unescape(match[2].decode(errors="replace"))))
    return messages, data[end:]


def main() -> None:
    lock = threading.Lock()

    def show(index: int, number: int, text: str) -> None:
        with lock:
            print(index, number, text, sep="\t", flush=True)

    # In a variable, so that they stay open.
    streams = [
        CometStream(url, functools.partial(show, index)) for index, url in enumerate(sys.argv[1:])
    ]
    with lock:
        print(f"{len(streams)} streams open", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
