"""Very many nodes join, then hundreds of connections ask for all of them and read no answer."""

import time

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="1,500 nodes join, then 300 of them ask 20 times each for all nodes and read no answer",
    before="p50 4.6 s, p99 10.7 s, 390 of 2,000 lost; broker 961 MB and growing; "
    "zcomet-ctl had no answer within 3 s",
    broker_counts=("queries_refused",),
)

NODES, ASKERS, QUESTIONS = 1500, 300, 20
SHORT_NODES, SHORT_ASKERS = 100, 30
SECONDS, SHORT_SECONDS = 10, 3
ANSWER_MAX_S = 3


def run(lab: Lab) -> Scene:
    nodes, askers = (SHORT_NODES, SHORT_ASKERS) if lab.short else (NODES, ASKERS)
    scene = Scene(lab, seconds=SHORT_SECONDS if lab.short else SECONDS)
    with scene.attack() as stack:
        crowd = [
            stack.enter_context(
                peers.join(scene.broker.listen, wire.NODE, b"n%d" % i, peers.incarnation())
            )
            for i in range(nodes)
        ]
        for peer in crowd[:askers]:
            peers.say(peer, *[wire.query(1, b"nodes")] * QUESTIONS)
        asked = time.monotonic()
        scene.broker.ctl.json("nodes")
        answered_s = round(time.monotonic() - asked, 2)
        scene.figures["ctl answered after, s"] = answered_s
        scene.require(
            lab.short or answered_s < ANSWER_MAX_S, f"zcomet-ctl was answered after {answered_s} s"
        )
    return scene
