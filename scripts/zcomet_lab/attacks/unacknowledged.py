"""Sixteen nodes hold one id and acknowledge nothing, and a sender sends 72 MB to it."""

import contextlib
import time

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire
from zcomet_lab.attacks.scene import Figures, Scene
from zcomet_lab.suite import Lab

NODES = 16
ID = b"hoard"
MESSAGE_BYTES = 60_000
MEGABYTES, SHORT_MEGABYTES = 72, 24
MEMORY_MAX, SHORT_MEMORY_MAX = 256 << 20, 64 << 20
SECONDS, SHORT_SECONDS = 12, 6
BEAT_EACH = 20


def run(lab: Lab) -> Figures:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    megabytes = SHORT_MEGABYTES if lab.short else MEGABYTES
    memory_max = SHORT_MEMORY_MAX if lab.short else MEMORY_MAX
    scene = Scene(lab, "--memory-max", memory_max, seconds=seconds)
    with contextlib.ExitStack() as stack:
        with scene.attack() as figures:
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
                    time.sleep(0.02)
            figures["sent_in_s"] = round(time.monotonic() - began, 1)
            figures["memory_max"] = memory_max
    scene.settle(figures)
    return figures
