"""A node holds a busy id, and acknowledges one batch each 100 ms."""

import time

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.suite import Lab

ATTACK = Attack(
    title="a node holds a busy id and acknowledges one batch each 100 ms",
    before="every sender to this id: from 261,406 to 662 messages a second, as long as it lasted",
    broker_counts=("credits_withheld",),
)

BUSY_ID = 9
MESSAGES = 100_000_000
BEAT_S = 0.1
# After this the node holds nobody back any more.
BEHIND_S = 5
MARGIN_S = 1.5
SECONDS, SHORT_SECONDS = 16, 9
PER_S_MIN = 10_000


def run(lab: Lab) -> Scene:
    seconds = SHORT_SECONDS if lab.short else SECONDS
    scene = Scene(lab, seconds=seconds)
    number = peers.incarnation()
    ids = str(BUSY_ID).encode()
    with scene.attack() as stack:
        stack.enter_context(peers.subscribe(scene.broker.feed, wire.u64(number)))
        node, part = peers.join_node(scene.broker.listen, b"laggard", number)
        stack.enter_context(node)
        peers.say(node, wire.login(1, ids))
        sender = lab.programs.start(
            "zcomet-msggen",
            *("--broker", scene.broker.listen, "--processes", 1, "--first-id", BUSY_ID),
            *("--max", 1, "--interval", 0, "--count", MESSAGES),
        )
        began = time.monotonic()
        taken_in = {}
        beats = 0
        while (now := time.monotonic() - began) < seconds:
            for moment in (1.0, BEHIND_S - 1.0, BEHIND_S + MARGIN_S, seconds - 1.0):
                if now >= moment and moment not in taken_in:
                    taken_in[moment] = now, scene.counters()["broker"]["messages_in"]
            beats += 1
            beat = wire.heartbeat(
                beats, 1, 0, wire.digest(ids), feed_incarnation=part.feed_incarnation
            )
            peers.say(node, beat)
            time.sleep(BEAT_S)
        lab.programs.end(sender)
    held_back, left_behind = rates(list(taken_in.values()))
    scene.figures["messages a second while it holds senders back"] = held_back
    scene.figures["messages a second once it is left behind"] = left_behind
    scene.require(
        lab.short or left_behind >= PER_S_MIN,
        f"senders still have only {left_behind:,} messages a second after {BEHIND_S} s",
    )
    return scene


def rates(taken_in: list[tuple[float, int]]) -> tuple[int, int]:
    """Messages a second between the first two readings, and between the last two."""
    pairs = (taken_in[:2], taken_in[2:])
    held_back, left_behind = (
        round((late[1] - early[1]) / (late[0] - early[0])) for early, late in pairs
    )
    return held_back, left_behind
