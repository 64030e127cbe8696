"""More connections than the broker has descriptors shake hands and say nothing."""

import contextlib
import time

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.programs import ProgramError
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="more connections than the broker has descriptors shake hands and say nothing",
    before="no new node, sender or zcomet-ctl for as long as it lasts; an idle broker at 100 % CPU",
    broker_counts=("connections_silent",),
)

DESCRIPTORS, SHORT_DESCRIPTORS = 2000, 300
MORE = 100
SECONDS, SHORT_SECONDS = 12, 8
QUIET_S = 2
CPU_PERCENT_MAX = 50
HANDSHAKE_TIMEOUT_S = 1
# Connections that the broker leaves waiting cost that time each.
WAITING_MAX = 3
ANSWER_MAX_S, SHORT_ANSWER_MAX_S = 10, 30


def run(lab: Lab) -> Scene:
    descriptors = SHORT_DESCRIPTORS if lab.short else DESCRIPTORS
    limit = ("prlimit", f"--nofile={descriptors}:{descriptors}")
    scene = Scene(lab, prefix=limit, seconds=SHORT_SECONDS if lab.short else SECONDS)
    with scene.attack() as stack:
        opened, waiting = 0, 0
        for _ in range(descriptors + MORE):
            try:
                stack.enter_context(
                    peers.shake_hands(
                        scene.broker.listen,
                        buffer=peers.SMALL_BUFFER,
                        timeout_s=HANDSHAKE_TIMEOUT_S,
                    )
                )
                opened += 1
            except OSError:
                waiting += 1
                if waiting == WAITING_MAX:
                    break
        scene.figures["connections"] = opened
        before = scene.cpu_s()
        time.sleep(QUIET_S)
        cpu_percent = round(100 * (scene.cpu_s() - before) / QUIET_S)
        scene.figures["CPU when full, %"] = cpu_percent
        scene.require(cpu_percent < CPU_PERCENT_MAX, f"an idle broker took {cpu_percent} % CPU")
        patience_s = SHORT_ANSWER_MAX_S if lab.short else ANSWER_MAX_S
        answered_s = newcomer_answered_s(scene, patience_s)
        scene.figures["newcomer answered after, s"] = answered_s
        scene.require(answered_s is not None, f"no newcomer was answered in {patience_s} s")
    return scene


def newcomer_answered_s(scene: Scene, patience_s: float) -> float | None:
    """After how many seconds somebody who comes now has an answer."""
    asked = time.monotonic()
    while time.monotonic() - asked < patience_s:
        with contextlib.suppress(ProgramError):
            scene.broker.ctl.json("stats", timeout_s=patience_s)
            return round(time.monotonic() - asked, 1)
    return None
