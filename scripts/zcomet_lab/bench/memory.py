"""The memory of a parked stream: at once, after traffic, and after streams came and went."""

from zcomet_lab.bench.rows import Row, at_most
from zcomet_lab.bench.servers import start_cluster
from zcomet_lab.cluster import Cluster
from zcomet_lab.flood import Flood
from zcomet_lab.processes import kernel_memory
from zcomet_lab.suite import Lab

STREAMS, STREAMS_SHORT = 100_000, 1_000
PER_S, TRAFFIC_S, TRAFFIC_S_SHORT = 1_000, 600, 1
REOPENED_TIMES = 3
WITHIN_PERCENT = 5
COMPANION_ID = 10**9


class Meter:
    """Bytes for each stream, beyond what the processes had before the first stream."""

    def __init__(self, cluster: Cluster, streams: int) -> None:
        self._cluster = cluster
        self._streams = streams
        self._before = cluster.memory_pss()

    def read(self) -> list[float]:
        """Bytes of the web node, and of the broker."""
        now = self._cluster.memory_pss()
        return [(after - before) / self._streams for after, before in zip(now, self._before)]


def growth_percent(now: list[float], first: list[float]) -> float:
    return 100 * (sum(now) / sum(first) - 1)


def run(lab: Lab) -> list[Row]:
    streams = STREAMS_SHORT if lab.short else STREAMS
    count = PER_S * (TRAFFIC_S_SHORT if lab.short else TRAFFIC_S)
    cluster = start_cluster(lab, streams)
    workers = cluster.workers
    # A client with as many processes as the load's client runs all the time. It maps the same
    # libraries, whose pages count in part for each process that has them.
    companion = Flood(lab.programs, cluster.url, workers, processes=workers, first_id=COMPANION_ID)
    cluster.await_ids(workers)
    meter = Meter(cluster, streams)
    kernel_before = kernel_memory()

    flood = Flood(lab.programs, cluster.url, streams)
    cluster.await_ids(streams + workers)
    idle = meter.read()
    kernel = (kernel_memory() - kernel_before) / streams
    cluster.send(count=count, per_s=PER_S, ids=streams)
    flood.await_chunks(count)
    after_traffic = meter.read()
    flood.finish(count)

    reopened = []
    for _ in range(REOPENED_TIMES):
        cluster.await_ids(workers)
        flood = Flood(lab.programs, cluster.url, streams)
        cluster.await_ids(streams + workers)
        reopened = meter.read()
        flood.finish(0)
    companion.finish(0)

    change = growth_percent(after_traffic, idle)
    change_reopened = growth_percent(reopened, idle)
    return [
        at_most("web node, bytes a stream, idle", idle[0], "B", 160),
        at_most("broker, bytes a stream, idle", idle[1], "B", 80),
        Row("web node, after traffic", after_traffic[0], "B"),
        Row("broker, after traffic", after_traffic[1], "B"),
        at_most(f"both, change after {count:,} messages", change, "%", WITHIN_PERCENT),
        Row("web node, opened again three times", reopened[0], "B"),
        Row("broker, opened again three times", reopened[1], "B"),
        at_most("both, change after opening again", change_reopened, "%", WITHIN_PERCENT),
        Row("kernel, both ends of a connection", kernel, "B"),
    ]
