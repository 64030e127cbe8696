"""Only the broker: messages of 100 bytes from a sender through it to a node, without HTTP."""

import dataclasses
import json
from collections.abc import Sequence

from zcomet_lab.bench.rows import Row, at_least, at_most
from zcomet_lab.cluster import Broker
from zcomet_lab.processes import cpu_s
from zcomet_lab.programs import Argument
from zcomet_lab.suite import Lab

MILLION = 1_000_000
BATCHED_COUNT = 10 * MILLION
ALONE_COUNT = 4 * MILLION
SHORT_COUNT = 100_000
TIMEOUT_S = 60

BATCHED_PER_S_MIN = 2_000_000
BATCHED_CPU_S_MAX = 0.6
ALONE_PER_S_MIN = 700_000


@dataclasses.dataclass(frozen=True)
class Routing:
    """Messages a second, and the CPU time of each program for a million messages, in seconds."""

    per_s: float
    broker_s: float
    sender_s: float
    node_s: float


def measure(lab: Lab, count: int, *mode: str, broker_options: Sequence[Argument] = ()) -> Routing:
    """Sends `count` messages. The node fails if one is missing or out of order."""
    broker = Broker(lab.programs, *broker_options)
    pids = [broker.program.pid]
    common = ("--broker", broker.listen, "--count", count)
    node = lab.programs.start("bench-router", "--role", "node", *common)
    node.await_ready()
    before_s = cpu_s(pids)
    sender = lab.programs.start("bench-router", "--role", "sender", *common, *mode)
    sent = json.loads(sender.finish(TIMEOUT_S))
    arrived = json.loads(node.finish(TIMEOUT_S))
    broker_s = cpu_s(pids) - before_s
    lab.programs.end(broker.program)
    millions = count / MILLION
    return Routing(
        count / (arrived["at_s"] - sent["at_s"]),
        broker_s / millions,
        sent["cpu_s"] / millions,
        arrived["cpu_s"] / millions,
    )


def run(lab: Lab) -> list[Row]:
    batched = measure(lab, SHORT_COUNT if lab.short else BATCHED_COUNT)
    alone = measure(lab, SHORT_COUNT if lab.short else ALONE_COUNT, "--alone")
    one, other = "router, batched", "router, each message alone"
    return [
        at_least(f"{one}: messages", batched.per_s, "/s", BATCHED_PER_S_MIN),
        at_most(f"{one}: broker's CPU for a million", batched.broker_s, "s", BATCHED_CPU_S_MAX),
        Row(f"{one}: sender's CPU for a million", batched.sender_s, "s"),
        Row(f"{one}: node's CPU for a million", batched.node_s, "s"),
        at_least(f"{other}: messages", alone.per_s, "/s", ALONE_PER_S_MIN),
        Row(f"{other}: broker's CPU for a million", alone.broker_s, "s"),
    ]
