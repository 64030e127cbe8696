"""Delivery of server-sent events beside comet pages: the server's CPU time, in pairs."""

import statistics

from zcomet_lab.bench.loads import FLAT_OUT, Load, rate_text
from zcomet_lab.bench.rows import Row, at_most
from zcomet_lab.bench.servers import start_cluster
from zcomet_lab.cluster import Cluster
from zcomet_lab.flood import Flood
from zcomet_lab.suite import Lab

STREAMS, STREAMS_SHORT = 5_000, 100
"""Of each format, all of them open at the same time."""
RATIO_MAX = 1.03


LOADS = (Load(20_000, 60_000, 20), Load(FLAT_OUT, 200_000, 20))
LOADS_SHORT = (Load(1_000, 500, 2), Load(FLAT_OUT, 5_000, 2))


class Side:
    """The streams of one format, whose ids are their own."""

    def __init__(self, lab: Lab, cluster: Cluster, route: str, first_id: int, streams: int) -> None:
        self._cluster = cluster
        self._first_id = first_id
        self._streams = streams
        url = f"{cluster.node.http}/{route}/{{id}}"
        self._flood = Flood(lab.programs, url, streams, first_id=first_id)
        self._sent = 0

    def cpu_s(self, load: Load) -> float:
        """Sends the load to these streams; returns the server's CPU seconds for a million."""
        before = self._cluster.cpu_s()
        self._cluster.send(
            count=load.count, per_s=load.per_s, ids=self._streams, first_id=self._first_id
        )
        self._sent += load.count
        self._flood.await_chunks(self._sent)
        return 1e6 * (self._cluster.cpu_s() - before) / load.count

    def finish(self) -> None:
        self._flood.finish(self._sent)


def compare(pages: Side, events: Side, load: Load) -> tuple[list[float], list[float]]:
    """CPU seconds for a million on comet pages and as events, for each pair.

    Each goes first in every other pair.
    """
    of_pages, of_events = [], []
    for pair in range(load.times):
        if pair % 2 == 0:
            of_pages.append(pages.cpu_s(load))
        of_events.append(events.cpu_s(load))
        if pair % 2 == 1:
            of_pages.append(pages.cpu_s(load))
    return of_pages, of_events


def run(lab: Lab) -> list[Row]:
    streams = STREAMS_SHORT if lab.short else STREAMS
    cluster = start_cluster(lab, 2 * streams)
    pages = Side(lab, cluster, "test", 1, streams)
    events = Side(lab, cluster, "events", streams + 1, streams)
    cluster.await_ids(2 * streams)
    rows = []
    for load in LOADS_SHORT if lab.short else LOADS:
        of_pages, of_events = compare(pages, events, load)
        ratio = statistics.median(e / max(p, 1e-9) for p, e in zip(of_pages, of_events))
        name = rate_text(load.per_s)
        rows += [
            Row(f"{name}: comet pages, CPU a million", statistics.median(of_pages), "s"),
            Row(f"{name}: server-sent events, CPU a million", statistics.median(of_events), "s"),
            at_most(f"{name}: ratio, median of {load.times} pairs", ratio, "", RATIO_MAX),
        ]
    pages.finish()
    events.finish()
    return rows
