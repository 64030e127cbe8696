"""One message to an id with 100,000 streams, against as many bare sends; its effect on others."""

import statistics
import time

from zcomet_lab.bench.rows import Row, at_most
from zcomet_lab.bench.servers import Floor, start_cluster
from zcomet_lab.cluster import MESSAGE_BYTES
from zcomet_lab.flood import Flood
from zcomet_lab.suite import Lab

STREAMS, STREAMS_SHORT = 100_000, 1_000
CROWD_ID = 10**9
OTHER_STREAMS, OTHER_PER_S = 1_000, 1_000
RUNS, RUNS_SHORT = 5, 1
FLOOR_TIMEOUT_S = 30
# Long enough for the other messages to begin, so that the crowd's message comes amid them.
LEAD_S = 0.5


def floor_ms(lab: Lab, streams: int) -> float:
    """The time to the last stream's chunk if every process sends one to each of its streams."""
    floor = Floor(lab, streams)
    flood = Flood(lab.programs, floor.url, streams)
    floor.order(f"all {MESSAGE_BYTES} {time.time_ns()}", FLOOR_TIMEOUT_S)
    flood.await_chunks(streams)
    latency_ns = flood.finish(streams)["latency_ns"]
    floor.end()
    return float(latency_ns["max"]) / 1e6


def fan_out_ms(lab: Lab, streams: int) -> float:
    """The time to the last stream's chunk, through Zcomet."""
    cluster = start_cluster(lab, streams)
    crowd = Flood(lab.programs, cluster.url, streams, ids=1)
    cluster.await_ids(cluster.workers)
    cluster.send(count=1, per_s=1, ids=1)
    crowd.await_chunks(streams)
    latency_ns = crowd.finish(streams)["latency_ns"]
    cluster.end()
    return float(latency_ns["max"]) / 1e6


def fan_out_beside_others_ms(lab: Lab, streams: int) -> tuple[float, float]:
    """The same while other ids get messages, and the p99 latency of these messages."""
    cluster = start_cluster(lab, streams + OTHER_STREAMS)
    crowd = Flood(lab.programs, cluster.url, streams, ids=1, first_id=CROWD_ID)
    others = Flood(lab.programs, cluster.url, OTHER_STREAMS)
    cluster.await_ids(cluster.workers + OTHER_STREAMS)
    generator, count = cluster.begin_sending(
        count=OTHER_PER_S * 2, per_s=OTHER_PER_S, ids=OTHER_STREAMS
    )
    time.sleep(LEAD_S)
    cluster.send(count=1, per_s=1, first_id=CROWD_ID, ids=1)
    crowd.await_chunks(streams)
    cluster.finish_sending(generator)
    others.await_chunks(count)
    of_crowd_ns = crowd.finish(streams)["latency_ns"]
    of_others_ns = others.finish(count)["latency_ns"]
    cluster.end()
    return of_crowd_ns["max"] / 1e6, of_others_ns["p99"] / 1e6


def run(lab: Lab) -> list[Row]:
    streams = STREAMS_SHORT if lab.short else STREAMS
    times = RUNS_SHORT if lab.short else RUNS
    pairs = [(floor_ms(lab, streams), fan_out_ms(lab, streams)) for _ in range(times)]
    busy = [fan_out_beside_others_ms(lab, streams) for _ in range(times)]
    floor = statistics.median(floor for floor, _ in pairs)
    ours = statistics.median(ours for _, ours in pairs)
    ratio = statistics.median(ours / floor for floor, ours in pairs)
    ours_busy = statistics.median(crowd for crowd, _ in busy)
    others_p99 = statistics.median(others for _, others in busy)
    return [
        Row(f"floor: {streams:,} bare sends", floor, "ms"),
        Row("Zcomet: the last stream has it", ours, "ms"),
        at_most("ratio to the floor", ratio, "", 1.3),
        Row(f"beside {OTHER_PER_S:,}/s to others: the last has it", ours_busy, "ms"),
        at_most("the others meanwhile: latency p99", others_p99, "ms", 50),
    ]
