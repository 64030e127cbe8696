"""Hundreds of POSTs to a path without a route, each one byte short of its body of 1 MiB."""

import contextlib
import time

from zcomet_lab.attacks import web
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="600 POSTs to a path without a route, each a byte short of its 1 MiB",
    before="p99 116 ms; worker 28 to 905 MB for 12 s; 15,000 would have been 22 GB",
    node_counts=("responses_4xx",),
)

POSTS, SHORT_POSTS = 600, 60
BODY_BYTES = 1 << 20
HEAD = f"POST /nope HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {BODY_BYTES}\r\n\r\n".encode()
SECONDS, SHORT_SECONDS = 12, 3


def run(lab: Lab) -> Scene:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    scene = Scene(lab, seconds=seconds)
    request = HEAD + b"x" * (BODY_BYTES - 1)
    with scene.attack() as stack:
        began = time.monotonic()
        whole = 0
        for _ in range(SHORT_POSTS if lab.short else POSTS):
            peer = stack.enter_context(web.connect(scene.node.http))
            with contextlib.suppress(OSError):
                peer.sendall(request)
                whole += 1
        scene.figures["sent whole"] = whole
        time.sleep(max(0, began + seconds - time.monotonic()))
    return scene
