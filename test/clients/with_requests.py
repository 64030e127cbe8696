"""Python's requests.   usage: with_requests.py URL"""

import sys
import time

import requests

from sse_lines import SseLines

CONNECT_TIMEOUT_S = 5
# More than twice the web node's --stream-heartbeat, in which a quiet stream gets a sign of life.
READ_TIMEOUT_S = 60


def main() -> None:
    lines = SseLines()
    while True:
        lines.begin()
        try:
            with requests.get(
                sys.argv[1],
                headers={"Accept": "text/event-stream", **lines.headers},
                stream=True,
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
            ) as answer:
                # With larger chunks it waits until one is full. As text it would break lines at
                # characters that break none of an event.
                for line in answer.iter_lines(chunk_size=1):
                    lines.take(line.decode())
        except requests.RequestException:
            pass
        time.sleep(lines.retry_s)


if __name__ == "__main__":
    main()
