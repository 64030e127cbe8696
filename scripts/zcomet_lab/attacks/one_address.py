"""One address opens more streams than a worker has places."""

import contextlib
import time

from zcomet_lab.attacks import web
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="one address opens more streams than the worker has places",
    before="0 of 92 newcomers got a stream, as long as it lasted",
    node_counts=("address_refusals",),
)

PLACES, SHORT_PLACES = 8000, 400
MORE = 1.15
SECONDS, SHORT_SECONDS = 10, 4


def run(lab: Lab) -> Scene:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    places = SHORT_PLACES if lab.short else PLACES
    scene = Scene(
        lab,
        seconds=seconds,
        node_options=("--max-streams", places, "--per-address", places // 8),
    )
    newcomer = web.Newcomer(scene.node.http)
    with scene.attack() as stack:
        began = time.monotonic()
        opened = 0
        for number in range(round(places * MORE)):
            with contextlib.suppress(OSError):
                stack.enter_context(web.open_stream(scene.node.http, f"greedy-{number}"))
                opened += 1
        scene.figures["streams opened"] = opened
        with newcomer.coming():
            time.sleep(max(1, began + seconds - time.monotonic()))
    scene.figures.update(newcomer.figures())
    scene.require(newcomer.opened > 0, "no newcomer got a stream")
    scene.require(newcomer.refused == 0, f"{newcomer.refused} of a newcomer's streams were refused")
    return scene
