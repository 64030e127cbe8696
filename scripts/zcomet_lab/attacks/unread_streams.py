"""Very many streams of one busy id never read."""

import time

from zcomet_lab.attacks import web
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="750 streams that never read, of one busy id",
    before="p50 598 ms, max 4.7 s; 1.5 GB of the kernel's memory",
    node_counts=("slow_closes",),
)

STREAMS, SHORT_STREAMS = 750, 40
BUSY_ID = 2
MESSAGES, SHORT_MESSAGES, MESSAGE_BYTES, PER_S = 400, 150, 20_000, 50
SECONDS, SHORT_SECONDS = 12, 4
# After how many seconds a stream that does not read is closed.
SLOW_AFTER_S, SHORT_SLOW_AFTER_S = 5, 1
RECEIVE_BUFFER = 4096
# By --kernel-buffer, and what the client's own socket takes.
KERNEL_BYTES_OF_STREAM = 262_144 + 16_384
# Other connections of this host.
KERNEL_BYTES_OF_OTHERS = 16 << 20


def run(lab: Lab) -> Scene:
    return attack_with(lab, SHORT_STREAMS if lab.short else STREAMS)


def attack_with(lab: Lab, streams: int) -> Scene:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    slow_after_s = SHORT_SLOW_AFTER_S if lab.short else SLOW_AFTER_S
    scene = Scene(lab, seconds=seconds, node_options=("--slow-after", slow_after_s))
    scene.bounds["kernel"] = streams * KERNEL_BYTES_OF_STREAM + KERNEL_BYTES_OF_OTHERS
    with scene.attack() as stack:
        for _ in range(streams):
            stack.enter_context(
                web.open_stream(scene.node.http, str(BUSY_ID), buffer=RECEIVE_BUFFER)
            )
        lab.programs.start(
            "zcomet-msggen",
            *("--broker", scene.broker.listen, "--processes", 1, "--first-id", BUSY_ID),
            *(
                "--max",
                1,
                "--interval",
                1000 / PER_S,
                "--count",
                SHORT_MESSAGES if lab.short else MESSAGES,
            ),
            *("--size", MESSAGE_BYTES),
        )
        time.sleep(seconds)
    return scene
