"""Very many nodes join, then hundreds of connections ask for all of them and read no answer."""

import contextlib
import time

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire
from zcomet_lab.attacks.scene import Figures, Scene
from zcomet_lab.suite import Lab

NODES, ASKERS, QUESTIONS = 1500, 300, 20
SHORT_NODES, SHORT_ASKERS = 100, 30
SECONDS, SHORT_SECONDS = 10, 3


def run(lab: Lab) -> Figures:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    nodes, askers = (SHORT_NODES, SHORT_ASKERS) if lab.short else (NODES, ASKERS)
    scene = Scene(lab, seconds=seconds)
    with contextlib.ExitStack() as stack:
        with scene.attack() as figures:
            crowd = [
                stack.enter_context(
                    peers.join(scene.broker.listen, wire.NODE, b"n%d" % i, peers.incarnation())
                )
                for i in range(nodes)
            ]
            for peer in crowd[:askers]:
                peers.say(peer, *[wire.query(1, b"nodes")] * QUESTIONS)
            asked = time.monotonic()
            scene.broker.ctl.json("nodes")
            figures["ctl_answered_s"] = round(time.monotonic() - asked, 2)
    scene.settle(figures)
    return figures
