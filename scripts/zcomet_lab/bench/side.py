"""One of the clusters that a benchmark compares, with a stream for each of its ids."""

from zcomet_lab.bench.loads import Load
from zcomet_lab.cluster import Cluster
from zcomet_lab.flood import Flood
from zcomet_lab.suite import Lab


class Side:
    """All sides run all the time, and each load goes to one after the other."""

    def __init__(self, lab: Lab, cluster: Cluster, streams: int, logins: int) -> None:
        """Opens the streams, and waits until the brokers know so many logins together."""
        self._streams = streams
        self._cluster = cluster
        self._flood = Flood(lab.programs, cluster.url, streams)
        cluster.await_ids(logins)
        self._sent = 0

    def cpu_s(self, load: Load, generators: int | None = None) -> float:
        """Sends the load; returns the CPU seconds of brokers and web node for a million.

        `generators`: as in Cluster.send().
        """
        before = self._cluster.cpu_s()
        self._cluster.send(
            count=load.count, per_s=load.per_s, ids=self._streams, generators=generators
        )
        self._sent += load.count
        self._flood.await_chunks(self._sent)
        return 1e6 * (self._cluster.cpu_s() - before) / load.count

    def finish(self) -> None:
        self._flood.finish(self._sent)
        self._cluster.end()
