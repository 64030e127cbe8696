"""One node logs in five million ids."""

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.programs import Argument
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="one node logs in 5 million ids of 56 bytes",
    before="p99 3.5 s; broker 517 MB, of which 348 MB stayed",
    broker_counts=("logins",),
    known="up to 3 MiB stay for good: of the heap's pages that had five million ids, some have a "
    "small block in use, all together 0.8 MB in 2.5 MB (malloc_stats(3), malloc_trim(3))",
)

IDS, SHORT_IDS = 5_000_000, 50_000
PER_FRAME = 10_000
SECONDS, SHORT_SECONDS = 15, 4


def run(lab: Lab) -> Scene:
    seconds, count = (SHORT_SECONDS, SHORT_IDS) if lab.short else (SECONDS, IDS)
    options: list[Argument] = ["--ids-per-node", SHORT_IDS // 5] if lab.short else []
    scene = Scene(lab, *options, seconds=seconds)
    with scene.attack() as stack:
        node = stack.enter_context(
            peers.join(scene.broker.listen, wire.NODE, b"greedy", peers.incarnation())
        )
        node.settimeout(seconds)
        for change in range(1, count // PER_FRAME + 1):
            first = change * PER_FRAME
            ids = [b"%056d" % number for number in range(first, first + PER_FRAME)]
            if not peers.say(node, wire.login(change, *ids)):
                break
    return scene
