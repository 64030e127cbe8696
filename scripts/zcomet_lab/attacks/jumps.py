"""Somebody speaks for an honest sender, and sends a message with an enormous number."""

import time

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="a stranger speaks for the bystander's sender and sends number 2^63, 20 times a second",
    before="two frames: all further messages taken for repeats, acknowledged and never shown",
    broker_counts=("errors_in_use",),
)

JUMP = 2**63
PAUSE_S = 0.05
SECONDS, SHORT_SECONDS = 8, 2


def run(lab: Lab) -> Scene:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    scene = Scene(lab, seconds=seconds, acknowledged=True)
    with scene.attack() as stack:
        began = time.monotonic()
        # All batches of all nodes name their senders.
        spy = stack.enter_context(peers.shake_hands(scene.broker.feed, b"SUB"))
        peers.say(spy, b"\x01")
        victim = peers.overheard_sender(spy)
        while time.monotonic() < began + seconds:
            with peers.join(scene.broker.listen, wire.SENDER, scene.sender_name, victim) as peer:
                peers.say(peer, wire.send(JUMP, [(b"1", b"forged")], acknowledge=True))
                time.sleep(PAUSE_S)
    return scene
