"""One connection says HELLO and GOODBYE, at full speed."""

import contextlib

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire, zmtp
from zcomet_lab.attacks.scene import Figures, Scene
from zcomet_lab.suite import Lab

SECONDS, SHORT_SECONDS = 6, 2


def run(lab: Lab) -> Figures:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    scene = Scene(lab, seconds=seconds)
    hello = zmtp.frame(wire.hello(peers.incarnation(), wire.NODE, b"fickle"))
    goodbye = zmtp.frame(wire.header(wire.GOODBYE))
    with contextlib.ExitStack() as stack:
        with scene.attack() as figures:
            node = stack.enter_context(peers.shake_hands(scene.broker.listen))
            peers.repeat([node], (hello + goodbye) * 1000, seconds, 0)
            figures["log_bytes"] = len(scene.broker.program.log())
    scene.settle(figures)
    return figures
