"""Python's aiohttp.   usage: with_aiohttp.py URL"""

import asyncio
import sys

import aiohttp

from sse_lines import SseLines

# More than twice the web node's --stream-heartbeat, in which a quiet stream gets a sign of life.
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=60)


async def listen(url: str) -> None:
    lines = SseLines()
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        while True:
            lines.begin()
            headers = {"Accept": "text/event-stream", **lines.headers}
            try:
                async with session.get(url, headers=headers) as answer:
                    async for line in answer.content:
                        lines.take(line.decode().rstrip("\n"))
            except (aiohttp.ClientError, asyncio.TimeoutError):
                pass
            await asyncio.sleep(lines.retry_s)


if __name__ == "__main__":
    asyncio.run(listen(sys.argv[1]))
