"""Two thousand connections join as senders, and send 15,600 messages a second together."""

import time

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire, zmtp
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.flood import Flood
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="2,000 connections join as senders and send 15,600 messages a second together",
    before="held: max 9 ms; 28 KB for each connection, broker at 21 % CPU",
    broker_counts=("senders_joined",),
)

CONNECTIONS, SHORT_CONNECTIONS = 2000, 200
PER_S = 15_600
BUSY_ID = 2
SECONDS, SHORT_SECONDS = 10, 3


def run(lab: Lab) -> Scene:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    count = SHORT_CONNECTIONS if lab.short else CONNECTIONS
    scene = Scene(lab, seconds=seconds)
    Flood(lab.programs, scene.url, 1, first_id=BUSY_ID)
    message = (str(BUSY_ID).encode(), b"x" * 50)
    with scene.attack() as stack:
        began = time.monotonic()
        crowd = [
            stack.enter_context(
                peers.join(scene.broker.listen, wire.SENDER, b"s%d" % i, peers.incarnation())
            )
            for i in range(count)
        ]
        first = time.monotonic()
        sent = 0
        while time.monotonic() < began + seconds:
            number, place = divmod(sent, count)
            crowd[place].sendall(zmtp.frame(wire.send(number + 1, [message])))
            sent += 1
            if place == 0:
                time.sleep(max(0, first + sent / PER_S - time.monotonic()))
        scene.figures["messages a second"] = round(sent / (time.monotonic() - first))
    return scene
