"""A connection subscribes to very many long topics."""

import secrets

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import zmtp
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="a connection subscribes to 20 MB of topics of 1,000 random bytes",
    before="1,302 of 1,400 messages lost; broker 4.46 GB, by 288 MB of topics in 4 s",
    broker_counts=("subscriptions_ignored",),
    known="libzmq keeps every topic, some 15 bytes for each of its bytes, and cannot be told to "
    "refuse one; only a feed endpoint that strangers do not reach helps",
)

TOPICS, SHORT_TOPICS = 20_000, 1000
TOPIC_BYTES = 1000
AT_ONCE = 100
SECONDS, SHORT_SECONDS = 8, 2


def run(lab: Lab) -> Scene:
    scene = Scene(lab, seconds=SHORT_SECONDS if lab.short else SECONDS)
    topics = SHORT_TOPICS if lab.short else TOPICS
    with scene.attack() as stack:
        peer = stack.enter_context(peers.shake_hands(scene.broker.feed, b"SUB"))
        for _ in range(0, topics, AT_ONCE):
            peer.sendall(
                b"".join(
                    zmtp.frame(b"\x01" + secrets.token_bytes(TOPIC_BYTES)) for _ in range(AT_ONCE)
                )
            )
    return scene
