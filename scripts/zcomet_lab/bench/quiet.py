"""A million quiet streams: the server's cost of their signs of life, and live messages beside them.

The floor is as many bare sends of the same bytes, at the same pace, in the same run.
"""

import dataclasses
import time

from zcomet_lab.bench.rows import Row, at_most
from zcomet_lab.bench.servers import Floor, start_cluster
from zcomet_lab.flood import Flood
from zcomet_lab.processes import keepalive_probes
from zcomet_lab.programs import Argument
from zcomet_lab.suite import Lab


@dataclasses.dataclass(frozen=True)
class Size:
    """How many streams, and for how long."""

    streams: int
    heartbeat_s: int
    """A quiet stream gets a sign of life in this time."""
    heartbeats: int
    """How many of these times are measured."""
    node_options: tuple[Argument, ...]
    traffic_s: int


# With the default options of a web node.
SIZE = Size(streams=1_000_000, heartbeat_s=25, heartbeats=2, node_options=(), traffic_s=60)
SIZE_SHORT = Size(
    streams=2_000,
    heartbeat_s=1,
    heartbeats=2,
    node_options=("--stream-heartbeat", 1),
    traffic_s=1,
)
PER_S = 1_000
RATIO_MAX = 1.3
P99_MS_MAX = 20
SLACK_S = 60


def floor_cpu_us(lab: Lab, size: Size) -> float:
    """CPU time of a bare send, in µs: one to each stream within the heartbeat's time."""
    floor = Floor(lab, size.streams)
    flood = Flood(lab.programs, floor.url, size.streams)
    before = floor.cpu_s()
    floor.order(f"signs {size.heartbeat_s}", size.heartbeat_s + SLACK_S)
    cpu_us = 1e6 * (floor.cpu_s() - before) / size.streams
    flood.finish(0)
    floor.end()
    return cpu_us


def run(lab: Lab) -> list[Row]:
    size = SIZE_SHORT if lab.short else SIZE
    floor_us = floor_cpu_us(lab, size)

    cluster = start_cluster(lab, size.streams, node_options=size.node_options)
    flood = Flood(lab.programs, f"{cluster.node.http}/events/{{id}}", size.streams)
    cluster.await_ids(size.streams)
    # The newest streams get their first signs within this time.
    time.sleep(size.heartbeat_s)
    probes_before = keepalive_probes()
    signs_before = cluster.node.counters()["signs_of_life"]
    cpu_before = cluster.cpu_s()
    measured_s = size.heartbeats * size.heartbeat_s
    time.sleep(measured_s)
    signs = cluster.node.counters()["signs_of_life"] - signs_before
    cpu_s = cluster.cpu_s() - cpu_before

    count = PER_S * size.traffic_s
    cluster.send(count=count, per_s=PER_S, ids=size.streams)
    flood.await_chunks(count)
    probes = keepalive_probes() - probes_before
    latency_ns = flood.finish(count)["latency_ns"]
    sign_us = 1e6 * cpu_s / max(signs, 1)
    return [
        Row("quiet streams, server-sent events", size.streams, ""),
        Row("workers", cluster.workers, ""),
        Row("signs of life", signs / measured_s, "/s"),
        Row("floor: CPU a bare send", floor_us, "µs"),
        Row("Zcomet: CPU a sign of life, with all else it does", sign_us, "µs"),
        at_most("ratio to the floor", sign_us / max(floor_us, 1e-9), "", RATIO_MAX),
        at_most("keepalive probes beside them", probes, "", 0),
        Row(f"messages beside them at {PER_S:,}/s: latency p50", latency_ns["p50"] / 1e6, "ms"),
        at_most(
            f"messages beside them at {PER_S:,}/s: latency p99",
            latency_ns["p99"] / 1e6,
            "ms",
            P99_MS_MAX,
        ),
    ]
