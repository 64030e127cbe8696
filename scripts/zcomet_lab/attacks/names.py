"""Somebody joins with the name of an honest node and an incarnation of its own."""

import time

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="a stranger joins with the name of the bystander's node, once a second",
    before="the node dark for as long as it goes on, and up to 10 s: 324 of 2,400 messages",
    broker_counts=("nodes_replaced",),
    known="without keys a name belongs to whoever says it last, so that a node that was started "
    "again has its name back at once",
)

PAUSE_S = 1
SECONDS, SHORT_SECONDS = 6, 2


def run(lab: Lab) -> Scene:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    scene = Scene(lab, seconds=seconds)
    victim = scene.victim()
    with scene.attack() as stack:
        began = time.monotonic()
        while time.monotonic() < began + seconds:
            stack.enter_context(
                peers.join(scene.broker.listen, wire.NODE, victim.name, peers.incarnation())
            )
            time.sleep(PAUSE_S)
    return scene
