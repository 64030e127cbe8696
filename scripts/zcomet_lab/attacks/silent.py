"""More connections than the broker has descriptors shake hands and say nothing."""

import contextlib
import time

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.scene import Figures, Scene
from zcomet_lab.processes import cpu_s
from zcomet_lab.programs import ProgramError
from zcomet_lab.suite import Lab

DESCRIPTORS, SHORT_DESCRIPTORS = 2000, 300
MORE = 100
SECONDS, SHORT_SECONDS = 12, 8
QUIET_S = 2
ASK_TIMEOUT_S = 20


def run(lab: Lab) -> Figures:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    descriptors = SHORT_DESCRIPTORS if lab.short else DESCRIPTORS
    limit = ("prlimit", f"--nofile={descriptors}:{descriptors}")
    scene = Scene(lab, prefix=limit, seconds=seconds)
    with contextlib.ExitStack() as stack:
        with scene.attack() as figures:
            opened = 0
            for _ in range(descriptors + MORE):
                try:
                    stack.enter_context(peers.shake_hands(scene.broker.listen, buffer=4096))
                    opened += 1
                except OSError:
                    break
            figures["opened"] = opened
            before = cpu_s([scene.pid])
            time.sleep(QUIET_S)
            figures["cpu_percent_when_full"] = round(100 * (cpu_s([scene.pid]) - before) / QUIET_S)
            asked = time.monotonic()
            while time.monotonic() - asked < ASK_TIMEOUT_S:
                with contextlib.suppress(ProgramError):
                    scene.broker.ctl.json("stats")
                    figures["newcomer_answered_s"] = round(time.monotonic() - asked, 1)
                    break
    scene.settle(figures)
    return figures
