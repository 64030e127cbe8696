"""Three nodes send first parts of lists, a megabyte each, without end."""

import contextlib
import threading

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire, zmtp
from zcomet_lab.attacks.scene import Figures, Scene
from zcomet_lab.suite import Lab

NODES = 3
IDS = 75_000
FIRST_PART = b"\x01"
SECONDS, SHORT_SECONDS = 6, 2


def first_part(change: int) -> bytes:
    ids = b"".join(wire.str8(b"id-%08d" % number) for number in range(IDS))
    return wire.header(wire.LIST) + wire.u64(change) + FIRST_PART + wire.u32(IDS) + ids


def run(lab: Lab) -> Figures:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    scene = Scene(lab, seconds=seconds)
    part = zmtp.frame(first_part(1))
    with contextlib.ExitStack() as stack:
        with scene.attack() as figures:
            nodes = [
                stack.enter_context(
                    peers.join(scene.broker.listen, wire.NODE, b"list%d" % i, peers.incarnation())
                )
                for i in range(NODES)
            ]
            threads = [
                threading.Thread(target=peers.repeat, args=([node], part, seconds, 0.001))
                for node in nodes
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    scene.settle(figures)
    return figures
