"""Somebody says GOODBYE, and sends an empty list, with the incarnation of an honest node."""

import time

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="a stranger with the node's name and incarnation says GOODBYE, and that it has no ids, "
    "20 times a second",
    before="1,050 of 1,600 messages lost, by 40 frames a second",
    broker_counts=("errors_in_use",),
)

PAUSE_S = 0.05
SECONDS, SHORT_SECONDS = 8, 2


def run(lab: Lab) -> Scene:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    scene = Scene(lab, seconds=seconds)
    victim = scene.victim()
    with scene.attack():
        began = time.monotonic()
        while time.monotonic() < began + seconds:
            with peers.join(
                scene.broker.listen, wire.NODE, victim.name, victim.incarnation
            ) as thief:
                peers.say(thief, wire.login_list(2**40), wire.header(wire.GOODBYE))
                time.sleep(PAUSE_S)
    return scene
