"""The server's cost of opening a stream, against the cost of the system calls alone."""

import statistics

from zcomet_lab.bench.rows import Row, at_least, at_most
from zcomet_lab.bench.servers import Floor, start_cluster
from zcomet_lab.cluster import Cluster
from zcomet_lab.flood import Flood
from zcomet_lab.suite import Lab

STREAMS, STREAMS_SHORT = 15_000, 500
RUNS, RUNS_SHORT = 5, 1


def open_streams(lab: Lab, server: Cluster | Floor, streams: int) -> tuple[float, float]:
    """Returns the server's CPU time for one stream in µs, and streams a second."""
    before = server.cpu_s()
    flood = Flood(lab.programs, server.url, streams)
    if isinstance(server, Cluster):
        server.await_ids(streams)
    cpu_us = 1e6 * (server.cpu_s() - before) / streams
    flood.finish(0)
    server.end()
    return cpu_us, streams / flood.opening_s


def run(lab: Lab) -> list[Row]:
    streams = STREAMS_SHORT if lab.short else STREAMS
    pairs = [
        (
            open_streams(lab, Floor(lab, streams), streams),
            open_streams(lab, start_cluster(lab, streams), streams),
        )
        for _ in range(RUNS_SHORT if lab.short else RUNS)
    ]
    floor_us = statistics.median(floor[0] for floor, _ in pairs)
    ours_us = statistics.median(ours[0] for _, ours in pairs)
    ratio = statistics.median(ours[0] / max(floor[0], 1e-9) for floor, ours in pairs)
    floor_per_s = statistics.median(floor[1] for floor, _ in pairs)
    ours_per_s = statistics.median(ours[1] for _, ours in pairs)
    return [
        Row("floor: server CPU a stream", floor_us, "µs"),
        Row("floor: streams opened", floor_per_s, "/s"),
        Row("Zcomet: server CPU a stream, broker included", ours_us, "µs"),
        at_most("ratio to the floor", ratio, "", 1.5),
        at_least("Zcomet: streams opened", ours_per_s, "/s", 20_000),
    ]
