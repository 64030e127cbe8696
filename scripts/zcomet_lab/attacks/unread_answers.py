"""Twenty connections ask for statistics without end, and read no answer."""

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire, zmtp
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="20 connections ask for statistics without end and read no answer",
    before="max 13 ms; broker +180 MB in 5 s, not given back",
    broker_counts=("queries_refused",),
)

ASKERS = 20
SECONDS, SHORT_SECONDS = 5, 2


def run(lab: Lab) -> Scene:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    scene = Scene(lab, seconds=seconds)
    questions = zmtp.frame(wire.query(1, b"stats")) * 100
    with scene.attack() as stack:
        askers = [
            stack.enter_context(peers.shake_hands(scene.broker.listen, buffer=peers.SMALL_BUFFER))
            for _ in range(ASKERS)
        ]
        scene.figures["bytes of questions"] = peers.repeat(askers, questions, seconds, 0.001)
    return scene
