"""One message to an id with 100,000 streams, beside as many bare sends; and what others notice of it."""

import statistics
import time

from zcomet_lab.bench.cluster import MESSAGE_BYTES, Cluster, Floor, Flood
from zcomet_lab.bench.lab import Row, at_most

STREAMS, STREAMS_SHORT = 100_000, 1_000
CROWD_ID = 10**9
OTHER_STREAMS, OTHER_PER_S = 1_000, 1_000
RUNS, RUNS_SHORT = 5, 1


def floor_ms(lab, streams):
    """Until the last stream has its chunk, when every process sends one to each of its streams."""
    floor = Floor(lab, streams)
    flood = Flood(lab, floor.url, streams)
    floor.order(f"all {MESSAGE_BYTES} {time.time_ns()}", 30)
    flood.await_chunks(streams)
    latency = flood.finish(streams)["latency_ns"]
    floor.end()
    return latency["max"] / 1e6


def fan_out_ms(lab, streams):
    """The same through Zcomet."""
    cluster = Cluster(lab, streams)
    crowd = Flood(lab, cluster.url, streams, ids=1)
    cluster.await_ids(cluster.workers)
    cluster.send(count=1, per_s=1, ids=1)
    crowd.await_chunks(streams)
    latency = crowd.finish(streams)["latency_ns"]
    cluster.end()
    return latency["max"] / 1e6


def fan_out_beside_others_ms(lab, streams):
    """Through Zcomet while other ids get their messages: the time until the last stream has its chunk, and
    the p99 latency of the others."""
    cluster = Cluster(lab, streams + OTHER_STREAMS)
    crowd = Flood(lab, cluster.url, streams, ids=1, first_id=CROWD_ID)
    others = Flood(lab, cluster.url, OTHER_STREAMS)
    cluster.await_ids(cluster.workers + OTHER_STREAMS)
    generator, count = cluster.begin_sending(
        count=OTHER_PER_S * 2, per_s=OTHER_PER_S, ids=OTHER_STREAMS
    )
    time.sleep(0.5)  # so that the one falls into the middle of the others
    cluster.send(count=1, per_s=1, first_id=CROWD_ID, ids=1)
    crowd.await_chunks(streams)
    cluster.finish_sending(generator)
    others.await_chunks(count)
    of_crowd = crowd.finish(streams)["latency_ns"]
    of_others = others.finish(count)["latency_ns"]
    cluster.end()
    return of_crowd["max"] / 1e6, of_others["p99"] / 1e6


def run(lab):
    streams = STREAMS_SHORT if lab.short else STREAMS
    times = RUNS_SHORT if lab.short else RUNS
    pairs = [(floor_ms(lab, streams), fan_out_ms(lab, streams)) for _ in range(times)]
    busy = [fan_out_beside_others_ms(lab, streams) for _ in range(times)]
    return [
        Row(f"floor: {streams:,} bare sends", statistics.median(floor for floor, _ in pairs), "ms"),
        Row("Zcomet: the last stream has it", statistics.median(ours for _, ours in pairs), "ms"),
        at_most(
            "ratio to the floor", statistics.median(ours / floor for floor, ours in pairs), "", 1.3
        ),
        Row(
            f"beside {OTHER_PER_S:,}/s to others: the last has it",
            statistics.median(run[0] for run in busy),
            "ms",
        ),
        at_most(
            "the others meanwhile: latency p99", statistics.median(run[1] for run in busy), "ms", 50
        ),
    ]
