"""A subscriber to all topics never reads, beside 20 MB of messages a second."""

import time

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.flood import Flood
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="a subscriber to all topics never reads, beside 20 MB/s of messages",
    before="max 9 ms; broker 15 to 92 MB in 8 s, growing with all traffic",
)

BUSY_ID = 2
PER_S, MESSAGE_BYTES = 500, 40_000
SECONDS, SHORT_SECONDS = 8, 3


def run(lab: Lab) -> Scene:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    scene = Scene(lab, seconds=seconds)
    Flood(lab.programs, scene.url, 1, first_id=BUSY_ID)
    with scene.attack() as stack:
        stack.enter_context(peers.subscribe(scene.broker.feed, b""))
        lab.programs.start(
            "zcomet-msggen",
            *("--broker", scene.broker.listen, "--processes", 1, "--first-id", BUSY_ID),
            *("--max", 1, "--interval", 1000 / PER_S, "--count", seconds * PER_S),
            *("--size", MESSAGE_BYTES),
        )
        time.sleep(seconds)
    return scene
