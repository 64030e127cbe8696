"""A hundred streams of one busy id never read."""

from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.attacks.unread_streams import attack_with
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="100 streams that never read, of one busy id",
    before="p99 888 ms; 380 MB of the kernel's memory",
    node_counts=("slow_closes",),
)

STREAMS, SHORT_STREAMS = 100, 10


def run(lab: Lab) -> Scene:
    return attack_with(lab, SHORT_STREAMS if lab.short else STREAMS)
