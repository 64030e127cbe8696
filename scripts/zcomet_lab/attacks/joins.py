"""One connection says HELLO and GOODBYE, at full speed."""

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire, zmtp
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="one connection says HELLO and GOODBYE, 122,000 times a second",
    before="max 92 ms; a log of 39 MB/s",
    broker_counts=("nodes_joined",),
)

LOG_BYTES_MAX_PER_S = 100_000
SECONDS, SHORT_SECONDS = 6, 2


def run(lab: Lab) -> Scene:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    scene = Scene(lab, seconds=seconds)
    hello = zmtp.frame(wire.hello(peers.incarnation(), wire.NODE, b"fickle"))
    goodbye = zmtp.frame(wire.header(wire.GOODBYE))
    with scene.attack() as stack:
        node = stack.enter_context(peers.shake_hands(scene.broker.listen))
        peers.repeat([node], (hello + goodbye) * 1000, seconds, 0)
        logged = len(scene.broker.program.log())
        scene.figures["log, bytes"] = logged
        scene.require(logged < seconds * LOG_BYTES_MAX_PER_S, f"the log took {logged} bytes")
    return scene
