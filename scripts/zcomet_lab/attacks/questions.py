"""One connection asks and babbles at full speed, and reads what it gets."""

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire, zmtp
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="one connection sends stats, ledger, nodes, PING and garbage at full speed",
    before="held: p50 0.4 to 4 ms, max 29 ms; broker at 94 to 113 % CPU, +9 MB",
    broker_counts=("queries_refused", "errors_malformed"),
)

SECONDS, SHORT_SECONDS = 8, 2


def run(lab: Lab) -> Scene:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    scene = Scene(lab, seconds=seconds)
    asked = [wire.query(1, what) for what in (b"stats", b"ledger", b"nodes")]
    frames = [*asked, wire.header(wire.PING) + wire.u64(1), wire.header(wire.PING)]
    flood = b"".join(map(zmtp.frame, frames)) * 100
    with scene.attack() as stack:
        peer = stack.enter_context(peers.shake_hands(scene.broker.listen))
        sent = peers.repeat([peer], flood, seconds, 0, reads=True)
        scene.figures["frames a second"] = round(sent / len(flood) * len(frames) * 100 / seconds)
    return scene
