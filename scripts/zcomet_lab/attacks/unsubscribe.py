"""A connection that never subscribed unsubscribes the topic of an honest node."""

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire, zmtp
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="a stranger unsubscribes the topic of the bystander's node, 50 times a second",
    before="one frame of 9 bytes: the node dark for ever, 500 of 2,800 messages lost and all later",
    broker_counts=("subscriptions_ignored",),
)

PAUSE_S = 0.02
SECONDS, SHORT_SECONDS = 8, 2


def run(lab: Lab) -> Scene:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    scene = Scene(lab, seconds=seconds)
    frame = zmtp.frame(b"\x00" + wire.u64(scene.victim().incarnation))
    with scene.attack() as stack:
        stranger = stack.enter_context(peers.shake_hands(scene.broker.feed, b"SUB"))
        peers.repeat([stranger], frame, seconds, PAUSE_S)
    return scene
