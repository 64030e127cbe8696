"""750 streams of one busy id never read; messages to another id go on meanwhile."""

import contextlib
import socket
import urllib.parse

from zcomet_lab.attacks.peers import SMALL_BUFFER, TIMEOUT_S
from zcomet_lab.attacks.scene import Figures, Scene
from zcomet_lab.suite import Lab

STREAMS, SHORT_STREAMS = 750, 750
ID = 9
LOADS: dict[str, tuple[int, float, int]] = {
    # Messages, milliseconds between two, bytes of each
    "1,000/s of 60 B": (15_000, 1, 60),
    "50/s of 60 kB": (750, 20, 60_000),
}
SECONDS, SHORT_SECONDS = 20, 10


def stream_that_never_reads(url: str) -> socket.socket:
    address = urllib.parse.urlsplit(url)
    stream = socket.socket()
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    stream.settimeout(TIMEOUT_S)
    stream.connect((address.hostname, address.port))
    stream.sendall(f"GET /test/{ID} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
    return stream


def run(lab: Lab) -> Figures:
    return {name: one_run(lab, *load) for name, load in LOADS.items()}


def one_run(lab: Lab, count: int, interval_ms: float, size: int) -> Figures:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    if lab.short:
        count = round(count * SHORT_SECONDS / SECONDS)
    scene = Scene(lab, seconds=seconds)
    with contextlib.ExitStack() as stack:
        with scene.attack() as figures:
            for _ in range(SHORT_STREAMS if lab.short else STREAMS):
                stack.enter_context(stream_that_never_reads(scene.url))
            sender = lab.programs.start(
                "zcomet-msggen",
                *("--broker", scene.broker.listen, "--processes", 1, "--count", count),
                *("--interval", interval_ms, "--size", size),
                *("--first-id", ID, "--max", 1, "--json"),
            )
            sender.finish(seconds + TIMEOUT_S)
    return figures
