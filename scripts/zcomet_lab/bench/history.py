"""Histories: what keeping costs the broker for a message, and memory of a million short ones."""

import json
import statistics
import subprocess
from typing import Any

from zcomet_lab.bench.router import Routing, measure
from zcomet_lab.bench.rows import Row, at_most
from zcomet_lab.cluster import Broker
from zcomet_lab.processes import memory
from zcomet_lab.programs import ProgramError
from zcomet_lab.suite import Lab
from zcomet_lab.waiting import await_true

RATIO_MAX = 1.3
RULE = ("--history", "user-*=10,5m")

CALLS_TIMEOUT_S = 300
# Repetitions of each are mixed, so that a slow moment of the machine does not fall on one alone.
REPETITIONS = 20
REPETITION_S = 0.2

COUNT, COUNT_SHORT = 3_000_000, 50_000
PAIRS, PAIRS_SHORT = 7, 1

IDS, IDS_SHORT = 1_000_000, 1_000
MESSAGES_EACH = 2
MEGABYTE = 1_000_000
MEGABYTES_MAX = 400
ROOM = ("--history", f"user-*={MESSAGES_EACH},1h", "--history-bytes", 1_000 * MEGABYTE)
TIMEOUT_S = 120


def measure_calls(lab: Lab) -> list[Row]:
    """The router's calls alone: 100 messages in, and out to 1, 10 or 100 nodes."""
    command = [
        lab.programs.path("bench-micro"),
        "--benchmark_filter=^route_",
        "--benchmark_format=json",
        f"--benchmark_repetitions={1 if lab.short else REPETITIONS}",
        f"--benchmark_min_time={0.01 if lab.short else REPETITION_S}",
        "--benchmark_enable_random_interleaving=true",
    ]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=CALLS_TIMEOUT_S
    )
    if done.returncode:
        raise ProgramError(f"bench-micro failed.\n{done.stderr.decode(errors='replace')}")
    times: dict[str, list[float]] = {}
    for one in json.loads(done.stdout)["benchmarks"]:
        if one["run_type"] == "iteration":
            times.setdefault(one["run_name"], []).append(one["cpu_time"])
    rows = []
    for nodes in (1, 10, 100):
        plain = statistics.median(times[f"route_messages/{nodes}"])
        kept = statistics.median(times[f"route_kept_messages/{nodes}"])
        name = "one node" if nodes == 1 else f"{nodes} nodes"
        rows.append(at_most(f"router's calls, {name}: kept / not", kept / plain, "", RATIO_MAX))
    return rows


def measure_broker(lab: Lab, name: str, *mode: str) -> list[Row]:
    """A whole broker, with its sockets: messages to 1,000 ids of one node.

    `mode` is how the sender sends them, and `name` says so.
    """
    count = COUNT_SHORT if lab.short else COUNT
    plain: list[Routing] = []
    kept: list[Routing] = []
    for _ in range(PAIRS_SHORT if lab.short else PAIRS):
        plain.append(measure(lab, count, *mode))
        kept.append(measure(lab, count, *mode, broker_options=RULE))
    ratio = statistics.median(
        with_it.broker_s / max(without.broker_s, 1e-9) for without, with_it in zip(plain, kept)
    )
    plain_s = statistics.median(run.broker_s for run in plain)
    kept_s = statistics.median(run.broker_s for run in kept)
    return [
        Row(f"broker, {name}: CPU for a million messages", plain_s, "s"),
        Row(f"broker, {name}, all kept: the same", kept_s, "s"),
        at_most(f"broker, {name}: kept / not", ratio, "", RATIO_MAX),
    ]


def with_messages(stats: dict[str, Any], count: int) -> dict[str, Any] | None:
    """The broker's figures, if that many messages are in histories."""
    return stats if stats["history_messages"] == count else None


def measure_memory(lab: Lab) -> list[Row]:
    """Two messages of 100 bytes to each of a million ids that nobody holds."""
    ids = IDS_SHORT if lab.short else IDS
    count = MESSAGES_EACH * ids
    broker = Broker(lab.programs, *ROOM)
    sender = lab.programs.start(
        "bench-router",
        *("--role", "sender", "--broker", broker.listen),
        *("--count", count, "--ids", ids, "--in-turn"),
    )
    sender.finish(TIMEOUT_S)
    # The broker brings its figures up to date now and then.
    stats = await_true(
        f"the broker keeps {count} messages",
        lambda: with_messages(broker.ctl.json("stats"), count),
    )
    rss = memory([broker.program.pid]).rss
    lab.programs.end(broker.program)
    return [
        at_most(
            f"{ids:,} ids with {MESSAGES_EACH} messages of 100 bytes: broker's RSS",
            rss / MEGABYTE,
            "MB",
            MEGABYTES_MAX,
        ),
        Row("the same by the broker's own count", stats["history_bytes"] / MEGABYTE, "MB"),
    ]


def run(lab: Lab) -> list[Row]:
    return [
        *measure_calls(lab),
        *measure_broker(lab, "batched"),
        *measure_broker(lab, "each message alone", "--alone"),
        *measure_memory(lab),
    ]
