"""A day of the 2008 load: 86.4 million messages to 10,000 streams, flat out; draws memory."""

import dataclasses
import statistics
import threading
import time
from collections.abc import Sequence

from zcomet_lab.bench.report import draw_picture
from zcomet_lab.bench.rows import Row, at_least, at_most
from zcomet_lab.bench.servers import start_cluster
from zcomet_lab.cluster import Cluster
from zcomet_lab.flood import Flood
from zcomet_lab.suite import Lab

STREAMS, STREAMS_SHORT = 10_000, 200
MESSAGES, MESSAGES_SHORT = 86_400_000, 20_000
SAMPLE_S, SAMPLE_S_SHORT = 2, 0.1
# The part of the run after which memory counts as settled.
SETTLING = 0.05
# Growth is measured between this part of the settled samples at both ends.
END_PART = 20


@dataclasses.dataclass(frozen=True)
class Sample:
    """Resident memory at a moment."""

    at_s: float
    node_bytes: int
    broker_bytes: int


class Sampler:
    """Reads the memory of broker and web node again and again, on a thread of its own."""

    def __init__(self, cluster: Cluster, interval_s: float) -> None:
        self.samples: list[Sample] = []
        self._cluster = cluster
        self._interval_s = interval_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        began = time.monotonic()
        while not self._over.wait(self._interval_s):
            node, broker = self._cluster.memory_rss()
            self.samples.append(Sample(time.monotonic() - began, node, broker))


def growth_percent(values: Sequence[float]) -> float:
    """The growth of the settled values: from medians of a twentieth at both ends."""
    settled = values[int(SETTLING * len(values)) :]
    part = max(1, len(settled) // END_PART)
    return 100 * (statistics.median(settled[-part:]) / statistics.median(settled[:part]) - 1)


def draw(lab: Lab, samples: Sequence[Sample]) -> None:
    data = lab.folder / "day.tsv"
    data.write_text(
        "".join(
            f"{each.at_s / 60}\t{each.node_bytes / 1e6}\t{each.broker_bytes / 1e6}\n"
            for each in samples
        )
    )
    draw_picture(
        lab.results / "day.png",
        f"""
        set xlabel "minutes"
        set ylabel "resident memory, MB"
        set yrange [0:*]
        set key bottom right
        plot "{data}" using 1:2 with lines lw 2 title "web node: supervisor and worker", \\
             "{data}" using 1:3 with lines lw 2 title "broker"
        """,
    )


def run(lab: Lab) -> list[Row]:
    streams = STREAMS_SHORT if lab.short else STREAMS
    count = MESSAGES_SHORT if lab.short else MESSAGES
    cluster = start_cluster(lab, streams)
    flood = Flood(lab.programs, cluster.url, streams)
    cluster.await_ids(streams)
    before = cluster.cpu_s()
    with Sampler(cluster, SAMPLE_S_SHORT if lab.short else SAMPLE_S) as sampler:
        sent = cluster.send(count=count, per_s=0, ids=streams)
        flood.await_chunks(count)
    cpu = 1e6 * (cluster.cpu_s() - before) / count
    latency_ns = flood.finish(count)["latency_ns"]
    samples = sampler.samples
    draw(lab, samples)
    node_growth = growth_percent([each.node_bytes for each in samples])
    broker_growth = growth_percent([each.broker_bytes for each in samples])
    return [
        Row("messages sent and delivered", count, "", "no loss", True),
        at_least("delivered", sent["per_s"], "/s", 50_000),
        Row("server CPU a million messages", cpu, "s"),
        Row("latency p50", latency_ns["p50"] / 1e6, "ms"),
        Row("latency p99", latency_ns["p99"] / 1e6, "ms"),
        at_most("web node, resident memory, change", node_growth, "%", 5),
        at_most("broker, resident memory, change", broker_growth, "%", 5),
        Row("web node, resident memory at the end", samples[-1].node_bytes / 1e6, "MB"),
        Row("broker, resident memory at the end", samples[-1].broker_bytes / 1e6, "MB"),
    ]
