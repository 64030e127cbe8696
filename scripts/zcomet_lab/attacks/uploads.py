"""Streams upload without end, and are opened again when they are ended."""

import contextlib
import time

from zcomet_lab.attacks import web
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="5 parked streams upload without end, and open again whenever they are ended",
    before="max 12 ms; worker at 94 % CPU, 364 MB/s taken in",
    node_counts=("input_closes",),
)

STREAMS = 5
DATA = b"x" * 65_536
SECONDS, SHORT_SECONDS = 8, 2


def run(lab: Lab) -> Scene:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    scene = Scene(lab, seconds=seconds)
    with scene.attack():
        began = time.monotonic()
        sent = 0
        while time.monotonic() < began + seconds:
            with contextlib.ExitStack() as stack:
                streams = [
                    stack.enter_context(web.open_stream(scene.node.http, f"upload-{number}"))
                    for number in range(STREAMS)
                ]
                for stream in streams:
                    with contextlib.suppress(OSError):
                        while True:
                            sent += stream.send(DATA)
        scene.figures["MB/s sent"] = round(sent / 1e6 / (time.monotonic() - began), 1)
    return scene
