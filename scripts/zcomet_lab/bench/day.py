"""A day of the 2008 load, 86.4 million messages to 10,000 streams, as fast as it goes; memory drawn."""

import statistics
import threading
import time

from zcomet_lab.bench.cluster import Cluster, Flood
from zcomet_lab.bench.lab import Row, at_least, at_most, plot

STREAMS, STREAMS_SHORT = 10_000, 200
MESSAGES, MESSAGES_SHORT = 86_400_000, 20_000
SAMPLE_S, SAMPLE_S_SHORT = 2, 0.1
# Of the run, before memory counts as settled.
SETTLING = 0.05


class Sampler:
    """Reads the memory of broker and web node again and again, beside the load."""

    def __init__(self, cluster, interval_s):
        self.samples = []
        self._cluster = cluster
        self._interval_s = interval_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _run(self):
        began = time.monotonic()
        while not self._over.wait(self._interval_s):
            node, broker = self._cluster.memory_rss()
            self.samples.append((time.monotonic() - began, node, broker))

    def growth_percent(self, column):
        """From medians of a twentieth of the samples at both ends, the first ones left out."""
        settled = [sample[column] for sample in self.samples[int(SETTLING * len(self.samples)) :]]
        part = max(1, len(settled) // 20)
        return 100 * (statistics.median(settled[-part:]) / statistics.median(settled[:part]) - 1)


def draw(lab, samples):
    data = lab.folder / "day.tsv"
    data.write_text(
        "".join(f"{at / 60}\t{node / 1e6}\t{broker / 1e6}\n" for at, node, broker in samples)
    )
    plot(
        "day",
        f"""
        set xlabel "minutes"
        set ylabel "resident memory, MB"
        set yrange [0:*]
        set key bottom right
        plot "{data}" using 1:2 with lines lw 2 title "web node: supervisor and worker", \\
             "{data}" using 1:3 with lines lw 2 title "broker"
    """,
        lab.results,
    )


def run(lab):
    streams = STREAMS_SHORT if lab.short else STREAMS
    count = MESSAGES_SHORT if lab.short else MESSAGES
    cluster = Cluster(lab, streams)
    flood = Flood(lab, cluster.url, streams)
    cluster.await_ids(streams)
    before = cluster.cpu_s()
    with Sampler(cluster, SAMPLE_S_SHORT if lab.short else SAMPLE_S) as sampler:
        sent = cluster.send(count=count, per_s=0, ids=streams)
        flood.await_chunks(count)
    cpu = 1e6 * (cluster.cpu_s() - before) / count
    summary = flood.finish(count)
    draw(lab, sampler.samples)
    return [
        Row("messages sent and delivered", count, "", "no loss", True),
        at_least("delivered", sent["per_s"], "/s", 50_000),
        Row("server CPU a million messages", cpu, "s"),
        Row("latency p50", summary["latency_ns"]["p50"] / 1e6, "ms"),
        Row("latency p99", summary["latency_ns"]["p99"] / 1e6, "ms"),
        at_most("web node, resident memory, change", sampler.growth_percent(1), "%", 5),
        at_most("broker, resident memory, change", sampler.growth_percent(2), "%", 5),
        Row("web node, resident memory at the end", sampler.samples[-1][1] / 1e6, "MB"),
        Row("broker, resident memory at the end", sampler.samples[-1][2] / 1e6, "MB"),
    ]
