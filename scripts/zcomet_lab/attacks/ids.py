"""One node logs in five million ids."""

import contextlib

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire
from zcomet_lab.attacks.scene import Figures, Scene
from zcomet_lab.programs import Argument
from zcomet_lab.suite import Lab

IDS, SHORT_IDS = 5_000_000, 50_000
PER_FRAME = 10_000
ID_BYTES = 56
SECONDS, SHORT_SECONDS = 15, 4


def run(lab: Lab) -> Figures:
    seconds, count = (SHORT_SECONDS, SHORT_IDS) if lab.short else (SECONDS, IDS)
    options: list[Argument] = ["--ids-per-node", SHORT_IDS // 5] if lab.short else []
    scene = Scene(lab, *options, seconds=seconds)
    with contextlib.ExitStack() as stack:
        with scene.attack() as figures:
            node = stack.enter_context(
                peers.join(scene.broker.listen, wire.NODE, b"greedy", peers.incarnation())
            )
            node.settimeout(seconds)
            for change in range(1, count // PER_FRAME + 1):
                first = change * PER_FRAME
                ids = [b"%056d" % number for number in range(first, first + PER_FRAME)]
                if not peers.say(node, wire.login(change, *ids)):
                    break
    scene.settle(figures)
    return figures
