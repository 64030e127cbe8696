"""The memory of a parked stream in each format, and of a stream with ten ids."""

from zcomet_lab.bench.memory import COMPANION_ID, Meter
from zcomet_lab.bench.rows import Row, at_most
from zcomet_lab.bench.servers import start_cluster
from zcomet_lab.flood import Flood
from zcomet_lab.suite import Lab

STREAMS, STREAMS_SHORT = 100_000, 1_000
NODE_BYTES_MAX, BROKER_BYTES_MAX = 60, 52
"""Those of a comet page."""
RECORD_BYTES, LINK_BYTES = 40, 70
"""Of a stream with several ids: itself, and each of them."""
ID_PREFIXES = ("", *"abcdefghi")
"""Of the ids of a stream that has ten."""


def bytes_a_stream(lab: Lab, streams: int, path: str, ids_each: int = 1) -> tuple[float, float]:
    """Bytes of the web node, and of the broker, for each parked stream.

    `path` has {id} in it; a stream has `ids_each` ids.
    """
    cluster = start_cluster(lab, streams)
    workers = cluster.workers
    url = cluster.node.http + path
    # It runs all the time, for the reason that memory.py gives.
    companion = Flood(lab.programs, url, workers, processes=workers, first_id=COMPANION_ID)
    cluster.await_ids(workers * ids_each)
    meter = Meter(cluster, streams)
    flood = Flood(lab.programs, url, streams)
    cluster.await_ids((streams + workers) * ids_each)
    node, broker = meter.read()
    flood.finish(0)
    companion.finish(0)
    cluster.end()
    return node, broker


def run(lab: Lab) -> list[Row]:
    streams = STREAMS_SHORT if lab.short else STREAMS
    node, broker = bytes_a_stream(lab, streams, "/test/{id}")
    rows = [
        Row("comet page: web node, bytes a stream", node, "B"),
        Row("comet page: broker, bytes a stream", broker, "B"),
    ]
    for name, route in (("server-sent events", "events"), ("JSON lines", "lines")):
        node, broker = bytes_a_stream(lab, streams, f"/{route}/{{id}}")
        rows += [
            at_most(f"{name}: web node, bytes a stream", node, "B", NODE_BYTES_MAX),
            at_most(f"{name}: broker, bytes a stream", broker, "B", BROKER_BYTES_MAX),
        ]
    ids = len(ID_PREFIXES)
    query = "&".join(f"id={prefix}{{id}}" for prefix in ID_PREFIXES)
    node, broker = bytes_a_stream(lab, streams, f"/events?{query}", ids)
    name = f"server-sent events, {ids} ids"
    return rows + [
        at_most(f"{name}: web node, bytes a stream", node, "B", RECORD_BYTES + ids * LINK_BYTES),
        Row(f"{name}: broker, bytes a stream", broker, "B"),
    ]
