"""A node and a sender report numbers that cannot be, and leave."""

import time

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="a node reports a made-up ledger, and a sender messages that it never sent; both leave",
    before="three frames: the ledger does not balance, for ever; 1.2e18 messages missing",
    broker_counts=("nodes_disbelieved", "errors_malformed"),
)

# As many numbers as a node's report has.
LEDGER = (10**18, 7, 2**63, 3, 5, 11, 2**64 - 1, 1, 994)
NEVER_SENT = 2**60
PAUSE_S = 0.2
SECONDS, SHORT_SECONDS = 6, 2


def run(lab: Lab) -> Scene:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    scene = Scene(lab, seconds=seconds)
    with scene.attack():
        began = time.monotonic()
        number = 0
        while time.monotonic() < began + seconds:
            number += 1
            lie(scene, b"liar%d" % number)
            time.sleep(PAUSE_S)
        done = scene.broker.ctl.run("ledger")
    scene.figures["ledger"] = "balances" if done.returncode == 0 else "does NOT balance"
    scene.require(done.returncode == 0, f"the ledger does not balance:\n{done.stdout}")
    return scene


def lie(scene: Scene, name: bytes) -> None:
    """Both of them join, lie and leave."""
    listen, goodbye = scene.broker.listen, wire.header(wire.GOODBYE)
    node, part = peers.join_node(listen, name, peers.incarnation())
    with node:
        lies = wire.heartbeat(0, 0, 0, ledger=LEDGER, feed_incarnation=part.feed_incarnation)
        peers.say(node, lies, goodbye)
    with peers.join(listen, wire.SENDER, name, peers.incarnation()) as sender:
        peers.read_welcome(sender)
        peers.say(sender, wire.heartbeat(0, NEVER_SENT, 0), goodbye)
