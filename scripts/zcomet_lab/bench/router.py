"""The broker alone: messages of 100 bytes from a sender through the broker to a node, without HTTP."""

import json

from zcomet_lab.bench.lab import Row, at_least, at_most, cpu_s

MILLION = 1_000_000
BATCHED_COUNT = 10 * MILLION
ALONE_COUNT = 4 * MILLION
SHORT_COUNT = 100_000
TIMEOUT_S = 60

BATCHED_PER_S_MIN = 2_000_000
BATCHED_CPU_S_MAX = 0.6
ALONE_PER_S_MIN = 700_000


def measure(lab, count, *mode):
    """Sends `count` messages; returns messages a second, and seconds of processor time for a million:
    the broker's, the sender's and the node's. The node ends with an error if one is missing or out of
    order."""
    broker, endpoint = lab.start_broker()
    common = ["--broker", endpoint, "--count", count]
    node = lab.start("bench-router", "--role", "node", *common)
    node.await_ready()
    before_s = cpu_s([broker.pid])
    sender = lab.start("bench-router", "--role", "sender", *common, *mode)
    sent = json.loads(sender.finish(TIMEOUT_S))
    arrived = json.loads(node.finish(TIMEOUT_S))
    broker_s = cpu_s([broker.pid]) - before_s
    lab.end(broker)
    million = count / MILLION
    return (
        count / (arrived["at_s"] - sent["at_s"]),
        broker_s / million,
        sent["cpu_s"] / million,
        arrived["cpu_s"] / million,
    )


def run(lab):
    per_s, broker_s, sender_s, node_s = measure(lab, SHORT_COUNT if lab.short else BATCHED_COUNT)
    alone_per_s, alone_s, _, _ = measure(lab, SHORT_COUNT if lab.short else ALONE_COUNT, "--alone")
    return [
        at_least("router, batched: messages", per_s, "/s", BATCHED_PER_S_MIN),
        at_most("router, batched: broker's CPU for a million", broker_s, "s", BATCHED_CPU_S_MAX),
        Row("router, batched: sender's CPU for a million", sender_s, "s"),
        Row("router, batched: node's CPU for a million", node_s, "s"),
        at_least("router, each message alone: messages", alone_per_s, "/s", ALONE_PER_S_MIN),
        Row("router, each message alone: broker's CPU for a million", alone_s, "s"),
    ]
