"""What several brokers cost: the cluster's CPU time and memory with one, two and three of them."""

import statistics

from zcomet_lab.bench.loads import FLAT_OUT, Load, rate_text
from zcomet_lab.bench.memory import COMPANION_ID, Meter
from zcomet_lab.bench.rows import Row, at_most
from zcomet_lab.bench.servers import start_cluster
from zcomet_lab.bench.side import Side
from zcomet_lab.flood import Flood
from zcomet_lab.suite import Lab

STREAMS, STREAMS_SHORT = 10_000, 100
IDS, IDS_SHORT = 100_000, 1_000
SIZES = ((1, 1), (2, 2), (3, 1), (3, 2))
"""How many brokers, and how many of them know an id."""
LOADS = (Load(1_000, 10_000, 5), Load(20_000, 100_000, 5), Load(FLAT_OUT, 300_000, 5))
LOADS_SHORT = (Load(1_000, 500, 1),)
LONE_PER_S = 1_000
"""Of one sender, so that each message goes alone.

A hundred senders say more than that: four times a second each tells three brokers that it lives.
"""
LONE_RATIO_MAX = 1.05
BROKER_BYTES_MAX = 65
NODE_MORE_BYTES_MAX = 4
TARGET = (3, 2)


def name_of(brokers: int, replicas: int) -> str:
    return "1 broker" if brokers == 1 else f"{brokers} brokers, {replicas} for an id"


def compare_delivery(lab: Lab) -> list[Row]:
    """All clusters run all the time, and each load goes to one after the other."""
    streams = STREAMS_SHORT if lab.short else STREAMS
    sides = {}
    for brokers, replicas in SIZES:
        cluster = start_cluster(lab, streams, brokers=brokers, replicas=replicas)
        sides[brokers, replicas] = Side(lab, cluster, streams, streams * replicas)
    rows: list[Row] = []
    for load in LOADS_SHORT if lab.short else LOADS:
        generators = 1 if load.per_s == LONE_PER_S else None
        runs = [
            {size: side.cpu_s(load, generators) for size, side in sides.items()}
            for _ in range(load.times)
        ]
        one = SIZES[0]
        for size in SIZES:
            what = f"{rate_text(load.per_s)}: {name_of(*size)}, CPU a million"
            rows.append(Row(what, statistics.median(run[size] for run in runs), "s"))
            if size == one:
                continue
            ratio = statistics.median(run[size] / max(run[one], 1e-9) for run in runs)
            what = f"{rate_text(load.per_s)}: {name_of(*size)}, ratio to 1 broker"
            is_target = size == TARGET and load.per_s == LONE_PER_S
            rows.append(
                at_most(what, ratio, "", LONE_RATIO_MAX) if is_target else Row(what, ratio, "")
            )
    for side in sides.values():
        side.finish()
    return rows


def costs_of_ids(lab: Lab, ids: int, brokers: int, replicas: int) -> tuple[float, float, float]:
    """For each id, with a stream each: bytes of the web node, bytes of all brokers, CPU in µs."""
    cluster = start_cluster(lab, ids, brokers=brokers, replicas=replicas)
    workers = cluster.workers
    # It runs all the time, for the reason that memory.py gives.
    companion = Flood(lab.programs, cluster.url, workers, processes=workers, first_id=COMPANION_ID)
    cluster.await_ids(workers * replicas)
    meter = Meter(cluster, ids)
    before = cluster.cpu_s()
    flood = Flood(lab.programs, cluster.url, ids)
    cluster.await_ids((ids + workers) * replicas)
    cpu_us = 1e6 * (cluster.cpu_s() - before) / ids
    node, broker = meter.read()
    flood.finish(0)
    companion.finish(0)
    cluster.end()
    return node, broker, cpu_us


def compare_ids(lab: Lab) -> list[Row]:
    ids = IDS_SHORT if lab.short else IDS
    costs = {size: costs_of_ids(lab, ids, *size) for size in SIZES}
    rows: list[Row] = []
    for size, (node, broker, cpu_us) in costs.items():
        name = f"{ids:,} ids, {name_of(*size)}"
        more = node - costs[SIZES[0]][0]
        brokers_max = size[1] * BROKER_BYTES_MAX
        rows += [
            at_most(f"{name}: all brokers, bytes an id", broker, "B", brokers_max),
            at_most(f"{name}: web node, more bytes an id", more, "B", NODE_MORE_BYTES_MAX),
            Row(f"{name}: CPU a stream opened", cpu_us, "µs"),
        ]
    return rows


def run(lab: Lab) -> list[Row]:
    return compare_delivery(lab) + compare_ids(lab)
