"""Thousands of connections send half a head, and thousands say nothing at all."""

import time

from zcomet_lab.attacks import web
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="5,000 connections send half a head of a request, and 5,000 say nothing",
    before="held: newcomers at most 13 ms; worker +0.9 MB",
    node_counts=("deadline_closes",),
)

CONNECTIONS, SHORT_CONNECTIONS = 5000, 300
HALF_A_HEAD = b"GET /test/1 HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100
DEADLINE_MS, SHORT_DEADLINE_MS = 10_000, 1500
SECONDS, SHORT_SECONDS = 15, 3


def run(lab: Lab) -> Scene:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    count = SHORT_CONNECTIONS if lab.short else CONNECTIONS
    deadline_ms = SHORT_DEADLINE_MS if lab.short else DEADLINE_MS
    scene = Scene(lab, seconds=seconds, node_options=("--request-deadline-ms", deadline_ms))
    newcomer = web.Newcomer(scene.node.http)
    with scene.attack() as stack, newcomer.coming():
        began = time.monotonic()
        for said in (HALF_A_HEAD, b""):
            for _ in range(count):
                peer = stack.enter_context(web.connect(scene.node.http))
                peer.sendall(said)
        time.sleep(max(0, began + seconds - time.monotonic()))
    scene.figures.update(newcomer.figures())
    scene.require(newcomer.refused == 0, f"{newcomer.refused} of a newcomer's streams were refused")
    return scene
