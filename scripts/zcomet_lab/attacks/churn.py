"""Streams with ids of their own are opened and closed again, 2,000 a second."""

import contextlib
import time

from zcomet_lab.attacks import web
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="2,000 streams with ids of their own are opened and closed each second",
    before="held: newcomers at most 4 ms, nothing left behind",
    broker_counts=("logins", "logouts"),
    node_counts=("peer_closes",),
)

PER_S = 2000
AT_ONCE = 50
SECONDS, SHORT_SECONDS = 12, 2


def run(lab: Lab) -> Scene:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    scene = Scene(lab, seconds=seconds)
    newcomer = web.Newcomer(scene.node.http)
    with scene.attack(), newcomer.coming():
        began = time.monotonic()
        opened = 0
        while time.monotonic() < began + seconds:
            with contextlib.ExitStack() as stack:
                for number in range(opened, opened + AT_ONCE):
                    peer = stack.enter_context(web.connect(scene.node.http))
                    peer.sendall(web.get(f"/test/churn-{number}"))
            opened += AT_ONCE
            time.sleep(max(0, began + opened / PER_S - time.monotonic()))
        scene.figures["streams a second"] = round(opened / (time.monotonic() - began))
    scene.figures.update(newcomer.figures())
    scene.require(newcomer.refused == 0, f"{newcomer.refused} of a newcomer's streams were refused")
    return scene
