"""Sixteen nodes hold one id and acknowledge nothing, and a sender sends 72 MB to it."""

import time

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="16 nodes hold one id and acknowledge nothing, and a sender sends 72 MB to it",
    before="max 9 ms; broker 15 to 1,065 MB: 64 MiB for each node, without a bound in sum",
    broker_counts=("messages_shed",),
)

NODES = 16
ID = b"hoard"
MESSAGE_BYTES = 60_000
MEGABYTES, SHORT_MEGABYTES = 72, 24
SECONDS, SHORT_SECONDS = 12, 6
BEAT_EACH = 20
PAUSE_S = 0.02


def run(lab: Lab) -> Scene:
    megabytes = SHORT_MEGABYTES if lab.short else MEGABYTES
    scene = Scene(lab, seconds=SHORT_SECONDS if lab.short else SECONDS)
    with scene.attack() as stack:
        nodes = []
        for i in range(NODES):
            number = peers.incarnation()
            stack.enter_context(peers.subscribe(scene.broker.feed, wire.u64(number)))
            node, _ = peers.join_node(scene.broker.listen, b"hoard%d" % i, number)
            nodes.append(stack.enter_context(node))
            peers.say(node, wire.login(1, ID))
        sender = stack.enter_context(
            peers.join(scene.broker.listen, wire.SENDER, b"accomplice", peers.incarnation())
        )
        began = time.monotonic()
        beat = wire.heartbeat(0, 1, 0, wire.digest(ID))
        for first in range(1, megabytes * 1_000_000 // MESSAGE_BYTES + 1):
            peers.say(sender, wire.send(first, [(ID, b"x" * MESSAGE_BYTES)]))
            if first % BEAT_EACH == 0:
                for node in nodes:
                    peers.say(node, beat)
                time.sleep(PAUSE_S)
        scene.figures["sent in, s"] = round(time.monotonic() - began, 1)
    return scene
