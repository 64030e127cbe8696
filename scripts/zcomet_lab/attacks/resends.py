"""A node that does not read its feed asks for all of it, 440 times a second."""

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire, zmtp
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="a node that does not read asks 440 times a second for all of its feed",
    before="max 11 ms; broker 15 to 175 MB, by 131 KB of questions",
    broker_counts=("resends_ignored",),
)

ID = b"thief"
MESSAGES, MESSAGE_BYTES = 200, 3900
PAUSE_S = 1 / 440
SECONDS, SHORT_SECONDS = 6, 2


def run(lab: Lab) -> Scene:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    scene = Scene(lab, seconds=seconds)
    number = peers.incarnation()
    with scene.attack() as stack:
        stack.enter_context(peers.subscribe(scene.broker.feed, wire.u64(number)))
        node, part = peers.join_node(scene.broker.listen, b"thief", number)
        stack.enter_context(node)
        peers.say(node, wire.login(1, ID))
        sender = stack.enter_context(
            peers.join(scene.broker.listen, wire.SENDER, b"accomplice", peers.incarnation())
        )
        for first in range(1, MESSAGES + 1):
            peers.say(sender, wire.send(first, [(ID, b"x" * MESSAGE_BYTES)]))
        question = zmtp.frame(wire.resend(part.feed_incarnation, 1, 1000))
        peers.repeat([node], question, seconds, PAUSE_S)
    return scene
