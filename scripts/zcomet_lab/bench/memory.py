"""What a parked stream costs in memory: at once, after traffic, and after streams came and went."""

from zcomet_lab.bench.cluster import Cluster, Flood
from zcomet_lab.bench.lab import Row, at_most, await_true, kernel_memory

STREAMS, STREAMS_SHORT = 100_000, 1_000
PER_S, TRAFFIC_S, TRAFFIC_S_SHORT = 1_000, 600, 1
REOPENED_TIMES = 3
WITHIN_PERCENT = 5


class Meter:
    """Bytes a stream beyond what the processes had before the first stream."""

    def __init__(self, cluster, streams):
        self._cluster = cluster
        self._streams = streams
        self._before = cluster.memory_pss()

    def read(self):
        """Of the web node and of the broker."""
        return [
            (now - before) / self._streams
            for now, before in zip(self._cluster.memory_pss(), self._before)
        ]


def growth_percent(now, first):
    return 100 * (sum(now) / sum(first) - 1)


def run(lab):
    streams = STREAMS_SHORT if lab.short else STREAMS
    count = PER_S * (TRAFFIC_S_SHORT if lab.short else TRAFFIC_S)
    cluster = Cluster(lab, streams)
    # A client of as many processes as the load's runs all the time: it maps the same libraries, whose
    # pages count in part for each process that has them.
    companion = Flood(
        lab, cluster.url, cluster.workers, processes=cluster.workers, first_id=10**9
    )
    cluster.await_ids(cluster.workers)
    meter = Meter(cluster, streams)
    kernel_before = kernel_memory()

    flood = Flood(lab, cluster.url, streams)
    cluster.await_ids(streams + cluster.workers)
    idle = meter.read()
    kernel = (kernel_memory() - kernel_before) / streams
    cluster.send(count=count, per_s=PER_S, ids=streams)
    flood.await_chunks(count)
    after_traffic = meter.read()
    flood.finish(count)

    for _ in range(REOPENED_TIMES):
        await_true(
            lambda: cluster.ids() == cluster.workers, 60, "the streams that closed are still known"
        )
        flood = Flood(lab, cluster.url, streams)
        cluster.await_ids(streams + cluster.workers)
        reopened = meter.read()
        flood.finish(0)
    companion.finish(0)

    return [
        at_most("web node, bytes a stream, idle", idle[0], "B", 160),
        at_most("broker, bytes a stream, idle", idle[1], "B", 80),
        Row("web node, after traffic", after_traffic[0], "B"),
        Row("broker, after traffic", after_traffic[1], "B"),
        at_most(
            f"both, change after {count:,} messages",
            growth_percent(after_traffic, idle),
            "%",
            WITHIN_PERCENT,
        ),
        Row("web node, opened again three times", reopened[0], "B"),
        Row("broker, opened again three times", reopened[1], "B"),
        at_most(
            "both, change after opening again", growth_percent(reopened, idle), "%", WITHIN_PERCENT
        ),
        Row("kernel, both ends of a connection", kernel, "B"),
    ]
