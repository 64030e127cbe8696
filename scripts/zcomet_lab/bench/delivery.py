"""Delivery to 10,000 streams at several rates: latency, and the server's CPU time beside that of bare
send() calls in the same run."""

import statistics

from zcomet_lab.bench.cluster import Cluster, Floor, Flood
from zcomet_lab.bench.lab import Row, at_least, at_most

STREAMS, STREAMS_SHORT = 10_000, 200
FLAT_OUT = 0
# Messages a second, messages, repetitions.
LOADS = ((1_000, 20_000, 5), (20_000, 300_000, 3), (FLAT_OUT, 2_000_000, 3))
LOADS_SHORT = ((1_000, 1_000, 1), (FLAT_OUT, 20_000, 1))
ONE_PROCESSOR = ("taskset", "-c", "0")
# What the 2008 system took for a million messages at 1,000 a second, in seconds.
CPU_S_2008 = 171


def floor_cpu_s(lab, streams, per_s, count):
    """CPU seconds that a million bare sends take."""
    floor = Floor(lab, streams)
    flood = Flood(lab, floor.url, streams)
    before = floor.cpu_s()
    floor.send(count=count, per_s=per_s)
    cpu = floor.cpu_s() - before
    flood.await_chunks(count)
    flood.finish(count)
    floor.end()
    return 1e6 * cpu / count


def deliver(lab, streams, per_s, count, prefix=()):
    """`prefix` is put before the server's commands. Returns CPU seconds a million messages of the broker and the web node, messages delivered a second,
    and floodtest's latencies in ms."""
    cluster = Cluster(lab, streams, prefix)
    flood = Flood(lab, cluster.url, streams)
    cluster.await_ids(streams)
    before = cluster.cpu_s()
    sent = cluster.send(count=count, per_s=per_s, ids=streams)
    flood.await_chunks(count)
    cpu = cluster.cpu_s() - before
    summary = flood.finish(count)
    cluster.end()
    latency = {name: value / 1e6 for name, value in summary["latency_ns"].items()}
    return 1e6 * cpu / count, sent["per_s"], latency


def rows_of(per_s, floor, runs):
    """`floor`: CPU seconds a million of each run; `runs`: what deliver() returned for each."""
    name = "flat out" if per_s == FLAT_OUT else f"{per_s:,}/s"
    cpu = statistics.median(run[0] for run in runs)
    ratio = statistics.median(run[0] / max(bare, 1e-9) for run, bare in zip(runs, floor))
    latency = {
        part: statistics.median(run[2][part] for run in runs) for part in ("p50", "p99", "p99_9")
    }
    rows = [Row(f"{name}: floor, CPU a million", statistics.median(floor), "s")]
    if per_s == 1_000:
        return rows + [
            at_most(f"{name}: CPU a million", cpu, "s", CPU_S_2008),
            at_most(f"{name}: latency p50", latency["p50"], "ms", 0.3),
            at_most(f"{name}: latency p99", latency["p99"], "ms", 1.5),
            at_most(f"{name}: latency p99.9", latency["p99_9"], "ms", 6),
        ]
    if per_s == 20_000:
        return rows + [
            at_most(f"{name}: CPU a million", cpu, "s", 30),
            at_most(f"{name}: ratio to the floor", ratio, "", 2),
            Row(f"{name}: latency p99", latency["p99"], "ms"),
        ]
    return rows + [
        at_least(f"{name}: delivered", statistics.median(run[1] for run in runs), "/s", 50_000),
        Row(f"{name}: CPU a million", cpu, "s"),
        at_most(f"{name}: ratio to the floor", ratio, "", 1.5),
        at_most(f"{name}: latency p99", latency["p99"], "ms", 100),
    ]


def rows_on_one_processor(lab, streams, per_s, count, times):
    """The server's threads wake each other more cheaply on one processor than across two."""
    runs = [deliver(lab, streams, per_s, count, ONE_PROCESSOR) for _ in range(times)]
    return [
        Row(
            f"{per_s:,}/s, server on one processor: CPU a million",
            statistics.median(run[0] for run in runs),
            "s",
        ),
        Row(
            f"{per_s:,}/s, server on one processor: latency p99",
            statistics.median(run[2]["p99"] for run in runs),
            "ms",
        ),
    ]


def run(lab):
    streams = STREAMS_SHORT if lab.short else STREAMS
    rows = []
    for per_s, count, times in LOADS_SHORT if lab.short else LOADS:
        floor, runs = [], []
        for _ in range(times):
            floor.append(floor_cpu_s(lab, streams, per_s, count))
            runs.append(deliver(lab, streams, per_s, count))
        rows += rows_of(per_s, floor, runs)
    return rows + rows_on_one_processor(lab, streams, *(LOADS_SHORT if lab.short else LOADS)[0])
