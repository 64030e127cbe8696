"""Reads comet streams as a browser would: one GET that never ends, one chunk for each message.

As a program it prints what arrives, a line for each message: `INDEX<TAB>NUMBER<TAB>TEXT`, where INDEX
says which of the URLs, beginning with 0. A line `N streams open` comes once they all are.
usage: python3 -m zcomet_lab.streams URL...
"""

import html
import http.client
import re
import signal
import sys
import threading
import urllib.parse

CONNECT_TIMEOUT_S = 10
MESSAGE = re.compile(rb"Recvd msg #(\d+): '(.*?)'<br/>", re.DOTALL)


class CometStream:
    """One open stream. `on_message(number, text)` is called on the stream's own thread."""

    def __init__(self, url, on_message):
        """Returns once the response's head has come: from then on every message to the id is shown."""
        self.url = url
        self._on_message = on_message
        parts = urllib.parse.urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=CONNECT_TIMEOUT_S)
        self._connection.request("GET", parts.path)
        self._response = self._connection.getresponse()
        if self._response.status != 200:
            raise OSError(f"{url} answered {self._response.status} {self._response.reason}")
        self._connection.sock.settimeout(None)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        waiting = b""
        try:
            while data := self._response.read1(65536):
                waiting += data
                waiting = self._take_messages(waiting)
        except (OSError, ValueError, http.client.HTTPException):
            pass  # The cluster was ended while we read; what is missing shows in the counts.

    def _take_messages(self, waiting):
        end = 0
        for match in MESSAGE.finditer(waiting):
            end = match.end()
            text = html.unescape(match[2].decode(errors="replace"))
            self._on_message(int(match[1]), text)
        return waiting[end:]


def main():
    lock = threading.Lock()

    def show(index, number, text):
        with lock:
            print(index, number, text, sep="\t", flush=True)

    streams = [  # held, so that they stay open
        CometStream(url, lambda number, text, index=index: show(index, number, text))
        for index, url in enumerate(sys.argv[1:])
    ]
    with lock:
        print(f"{len(streams)} streams open", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
