"""Twenty connections ask for statistics without end, and read no answer."""

import contextlib

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire, zmtp
from zcomet_lab.attacks.scene import Figures, Scene
from zcomet_lab.suite import Lab

ASKERS = 20
SECONDS, SHORT_SECONDS = 5, 2


def run(lab: Lab) -> Figures:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    scene = Scene(lab, seconds=seconds)
    questions = zmtp.frame(wire.query(1, b"stats")) * 100
    with contextlib.ExitStack() as stack:
        with scene.attack() as figures:
            askers = [
                stack.enter_context(peers.shake_hands(scene.broker.listen, buffer=4096))
                for _ in range(ASKERS)
            ]
            figures["bytes_sent"] = peers.repeat(askers, questions, seconds, 0.001)
    scene.settle(figures)
    return figures
