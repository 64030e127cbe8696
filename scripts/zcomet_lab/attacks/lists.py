"""Three nodes send first parts of lists, a megabyte each, without end."""

import threading

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire, zmtp
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="3 nodes send first parts of lists of ids, a megabyte each, without end",
    before="p99 9.6 s; broker 1.83 GB, kept afterwards",
    broker_counts=("logins", "lists_put_off"),
)

NODES = 3
IDS = 75_000
FIRST_PART = b"\x01"
PAUSE_S = 0.001
SECONDS, SHORT_SECONDS = 6, 2


def first_part(change: int) -> bytes:
    ids = b"".join(wire.str8(b"id-%08d" % number) for number in range(IDS))
    return wire.header(wire.LIST) + wire.u64(change) + FIRST_PART + wire.u32(IDS) + ids


def run(lab: Lab) -> Scene:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    scene = Scene(lab, seconds=seconds)
    part = zmtp.frame(first_part(1))
    with scene.attack() as stack:
        nodes = [
            stack.enter_context(
                peers.join(scene.broker.listen, wire.NODE, b"list%d" % i, peers.incarnation())
            )
            for i in range(NODES)
        ]
        threads = [
            threading.Thread(target=peers.repeat, args=([node], part, seconds, PAUSE_S))
            for node in nodes
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return scene
