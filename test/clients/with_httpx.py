"""Python's httpx.   usage: with_httpx.py URL"""

import sys
import time

import httpx

from sse_lines import SseLines

CONNECT_TIMEOUT_S = 5
# More than twice the web node's --stream-heartbeat, in which a quiet stream gets a sign of life.
READ_TIMEOUT_S = 60


def main() -> None:
    lines = SseLines()
    timeout = httpx.Timeout(CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S)
    while True:
        lines.begin()
        headers = {"Accept": "text/event-stream", **lines.headers}
        try:
            with httpx.stream("GET", sys.argv[1], headers=headers, timeout=timeout) as answer:
                for line in answer.iter_lines():
                    lines.take(line.rstrip("\n"))  # older releases leave it there
        except httpx.HTTPError:
            pass
        time.sleep(lines.retry_s)


if __name__ == "__main__":
    main()
