"""A million streams on this machine, clients included, and ten minutes of messages to them."""

from zcomet_lab.bench.rows import Row, at_most
from zcomet_lab.bench.servers import start_cluster
from zcomet_lab.flood import Flood
from zcomet_lab.processes import kernel_memory
from zcomet_lab.suite import Lab

STREAMS, STREAMS_SHORT = 1_000_000, 2_000
# Each stream is probed twice in this time. The default is a minute. Then the probes of a million
# streams and the answers to them would take most of a processor, since both ends are here.
VANISHED_AFTER_S = 600
PER_S, TRAFFIC_S, TRAFFIC_S_SHORT = 1_000, 600, 1


def run(lab: Lab) -> list[Row]:
    streams = STREAMS_SHORT if lab.short else STREAMS
    count = PER_S * (TRAFFIC_S_SHORT if lab.short else TRAFFIC_S)
    cluster = start_cluster(lab, streams, node_options=("--vanished-after", VANISHED_AFTER_S))
    before = cluster.memory_pss()
    kernel_before = kernel_memory()
    cpu_before = cluster.cpu_s()
    flood = Flood(lab.programs, cluster.url, streams)
    client_cpu_us = 1e6 * flood.cpu_s() / streams
    cluster.await_ids(streams)
    opening_cpu_us = 1e6 * (cluster.cpu_s() - cpu_before) / streams
    node, broker = [(now - then) / streams for now, then in zip(cluster.memory_pss(), before)]
    kernel = (kernel_memory() - kernel_before) / streams
    client = flood.memory_pss() / streams

    cpu_before = cluster.cpu_s()
    cluster.send(count=count, per_s=PER_S, ids=streams)
    flood.await_chunks(count)
    cpu = 1e6 * (cluster.cpu_s() - cpu_before) / count
    latency_ns = flood.finish(count)["latency_ns"]
    return [
        Row("streams open, all logged in", streams, "", f"{STREAMS:,}", streams == STREAMS),
        Row("workers", cluster.workers, ""),
        Row("streams opened", streams / flood.opening_s, "/s"),
        Row("opening: server CPU a stream", opening_cpu_us, "µs"),
        Row("opening: client CPU a stream", client_cpu_us, "µs"),
        Row("web node, bytes a stream", node, "B"),
        Row("broker, bytes a stream", broker, "B"),
        Row("client, bytes a stream", client, "B"),
        Row("kernel, both ends of a connection", kernel, "B"),
        Row(f"messages delivered at {PER_S:,}/s", count, "", "all", True),
        Row("server CPU a million messages", cpu, "s"),
        Row("latency p50", latency_ns["p50"] / 1e6, "ms"),
        at_most("latency p99", latency_ns["p99"] / 1e6, "ms", 20),
    ]
