"""Delivery to 10,000 streams at several rates: latency, and the server's CPU time.

It compares the CPU time with that of bare send() calls in the same run.
"""

import dataclasses
import statistics
from collections.abc import Callable, Sequence

from zcomet_lab.bench.loads import FLAT_OUT, Load, rate_text
from zcomet_lab.bench.rows import Row, at_least, at_most
from zcomet_lab.bench.servers import Floor, start_cluster
from zcomet_lab.flood import Flood
from zcomet_lab.suite import Lab

STREAMS, STREAMS_SHORT = 10_000, 200
ONE_PROCESSOR = ("taskset", "-c", "0")
# CPU seconds of the 2008 system for a million messages at 1,000 a second.
CPU_S_2008 = 171


LOADS = (Load(1_000, 20_000, 5), Load(20_000, 300_000, 3), Load(FLAT_OUT, 2_000_000, 3))
LOADS_SHORT = (Load(1_000, 1_000, 1), Load(FLAT_OUT, 20_000, 1))


@dataclasses.dataclass(frozen=True)
class Delivery:
    """The cost of one run of a load."""

    cpu_s: float
    """CPU time of the broker and the web node for a million messages, in seconds."""
    per_s: float
    """Messages sent a second."""
    latency_ms: dict[str, float]
    """Of floodtest, by the name of the percentile."""


def floor_cpu_s(lab: Lab, streams: int, load: Load) -> float:
    """CPU time that a million bare sends take, in seconds."""
    floor = Floor(lab, streams)
    flood = Flood(lab.programs, floor.url, streams)
    before = floor.cpu_s()
    floor.send(count=load.count, per_s=load.per_s)
    cpu = floor.cpu_s() - before
    flood.await_chunks(load.count)
    flood.finish(load.count)
    floor.end()
    return 1e6 * cpu / load.count


def deliver(lab: Lab, streams: int, load: Load, prefix: Sequence[str] = ()) -> Delivery:
    """Sends the load through Zcomet. `prefix` is put before the server's commands."""
    cluster = start_cluster(lab, streams, prefix)
    flood = Flood(lab.programs, cluster.url, streams)
    cluster.await_ids(streams)
    before = cluster.cpu_s()
    sent = cluster.send(count=load.count, per_s=load.per_s, ids=streams)
    flood.await_chunks(load.count)
    cpu = cluster.cpu_s() - before
    summary = flood.finish(load.count)
    cluster.end()
    latency_ms = {name: value / 1e6 for name, value in summary["latency_ns"].items()}
    return Delivery(1e6 * cpu / load.count, sent["per_s"], latency_ms)


def rows_of(per_s: int, floor_s: Sequence[float], runs: Sequence[Delivery]) -> list[Row]:
    """The rows for one rate. `floor_s` and `runs` have an entry for each run of the load."""

    def median(value: Callable[[Delivery], float]) -> float:
        return statistics.median(value(run) for run in runs)

    def latency_ms(part: str) -> float:
        return median(lambda run: run.latency_ms[part])

    name = rate_text(per_s)
    cpu = median(lambda run: run.cpu_s)
    ratio = statistics.median(run.cpu_s / max(bare, 1e-9) for run, bare in zip(runs, floor_s))
    rows = [Row(f"{name}: floor, CPU a million", statistics.median(floor_s), "s")]
    if per_s == 1_000:
        return rows + [
            at_most(f"{name}: CPU a million", cpu, "s", CPU_S_2008),
            at_most(f"{name}: latency p50", latency_ms("p50"), "ms", 0.3),
            at_most(f"{name}: latency p99", latency_ms("p99"), "ms", 1.5),
            at_most(f"{name}: latency p99.9", latency_ms("p99_9"), "ms", 6),
        ]
    if per_s == 20_000:
        return rows + [
            at_most(f"{name}: CPU a million", cpu, "s", 30),
            at_most(f"{name}: ratio to the floor", ratio, "", 2),
            Row(f"{name}: latency p99", latency_ms("p99"), "ms"),
        ]
    return rows + [
        at_least(f"{name}: delivered", median(lambda run: run.per_s), "/s", 50_000),
        Row(f"{name}: CPU a million", cpu, "s"),
        at_most(f"{name}: ratio to the floor", ratio, "", 1.5),
        at_most(f"{name}: latency p99", latency_ms("p99"), "ms", 100),
    ]


def rows_on_one_processor(lab: Lab, streams: int, load: Load) -> list[Row]:
    """The server's threads wake each other more cheaply on one processor than across two."""
    runs = [deliver(lab, streams, load, ONE_PROCESSOR) for _ in range(load.times)]
    name = f"{load.per_s:,}/s, server on one processor"
    return [
        Row(f"{name}: CPU a million", statistics.median(run.cpu_s for run in runs), "s"),
        Row(f"{name}: latency p99", statistics.median(run.latency_ms["p99"] for run in runs), "ms"),
    ]


def run(lab: Lab) -> list[Row]:
    streams = STREAMS_SHORT if lab.short else STREAMS
    loads = LOADS_SHORT if lab.short else LOADS
    rows = []
    for load in loads:
        floor_s, runs = [], []
        for _ in range(load.times):
            floor_s.append(floor_cpu_s(lab, streams, load))
            runs.append(deliver(lab, streams, load))
        rows += rows_of(load.per_s, floor_s, runs)
    return rows + rows_on_one_processor(lab, streams, loads[0])
