"""Publishing by HTTP: POST /send beside Nchan, in pairs, with the same client.

The client (test/bench/post.cpp) has eight connections that stay open, one request at a time on
each. Each message goes to one of 10,000 ids, of which each has one stream. A message counts when it
is on that stream. Everything shares the processors.
"""

import dataclasses
import json
import statistics
from collections.abc import Callable, Sequence
from typing import Protocol

from zcomet_lab.bench.nchan import Nchan, is_installed
from zcomet_lab.bench.rows import Row, at_least
from zcomet_lab.bench.servers import start_cluster
from zcomet_lab.cluster import FREE_HTTP_PORT, MESSAGE_BYTES, SENDING_TIMEOUT_S
from zcomet_lab.flood import Flood
from zcomet_lab.processes import processors
from zcomet_lab.programs import ProgramError
from zcomet_lab.suite import Lab

STREAMS, STREAMS_SHORT = 10_000, 100
CONNECTIONS = 8
FLAT_OUT = 0
# If publishing is slower than this, something is wrong.
FLAT_OUT_PER_S_MIN = 2_000
# From this rate on Zcomet has to be the cheaper one.
CHEAPER_FROM_PER_S = 10_000
CPU_RATIO_MAX = 1
DELIVERED_RATIO_MIN = 1.3


@dataclasses.dataclass(frozen=True)
class Load:
    """What is published, and how often it is measured."""

    per_s: int
    count: int
    times: int

    @property
    def name(self) -> str:
        return "flat out" if self.per_s == FLAT_OUT else f"{self.per_s:,}/s"


LOADS = (
    Load(1_000, 20_000, 5),
    Load(10_000, 100_000, 3),
    Load(20_000, 200_000, 3),
    Load(FLAT_OUT, 300_000, 5),
)
LOADS_SHORT = (Load(1_000, 500, 1), Load(FLAT_OUT, 2_000, 1))


class Server(Protocol):
    """A server that takes messages by HTTP, and shows them on streams."""

    api: str
    """HOST:PORT where messages are published."""
    publish_path: str
    """The path there, with {id}."""
    url: str
    """The URL of streams, with {id}."""
    headers: tuple[str, ...]
    """Of the requests for streams."""

    def await_streams(self, streams: int) -> None:
        """Waits until the server knows the streams that are open."""

    def cpu_s(self) -> float:
        """Processor time of all its processes so far, in seconds."""

    def end(self) -> None:
        ...


class Zcomet:
    """A broker, and a web node with an API."""

    publish_path = "/send/{id}"
    headers: tuple[str, ...] = ()

    def __init__(self, lab: Lab, streams: int) -> None:
        self._cluster = start_cluster(lab, streams, node_options=("--api", FREE_HTTP_PORT))
        self.api = self._cluster.node.api.removeprefix("http://")
        self.url = f"{self._cluster.node.http}/events/{{id}}"

    def await_streams(self, streams: int) -> None:
        self._cluster.await_ids(streams)

    def cpu_s(self) -> float:
        return self._cluster.cpu_s()

    def end(self) -> None:
        self._cluster.end()


@dataclasses.dataclass(frozen=True)
class Publishing:
    """One run of a load."""

    cpu_s: float
    """CPU time of the server for a million messages, in seconds."""
    per_s: float
    """Messages a second, from the first request to the last delivery."""
    latency_ms: float
    """From the request to the stream: 99th percentile."""


def publish(lab: Lab, server: Server, streams: int, load: Load) -> Publishing:
    """Publishes the load; all of it has to arrive. Ends the server."""
    flood = Flood(lab.programs, server.url, streams, headers=server.headers)
    server.await_streams(streams)
    before_s = server.cpu_s()
    client = lab.programs.start(
        "bench-post",
        *("--to", server.api, "--path", server.publish_path, "--connections", CONNECTIONS),
        *("--count", load.count, "--rate", load.per_s, "--ids", streams, "--size", MESSAGE_BYTES),
    )
    expected_s = load.count / (load.per_s or FLAT_OUT_PER_S_MIN)
    posted = json.loads(client.finish(expected_s + SENDING_TIMEOUT_S))
    flood.await_chunks(load.count)
    cpu_s = server.cpu_s() - before_s
    summary = flood.finish(load.count)
    server.end()
    if not all(status.startswith("2") for status in posted["statuses"]):
        raise ProgramError(f"the server refused messages: {posted['statuses']}")
    seconds = (summary["last_message_ns"] - posted["began_ns"]) / 1e9
    return Publishing(
        1e6 * cpu_s / load.count, load.count / seconds, summary["latency_ns"]["p99"] / 1e6
    )


def median(runs: Sequence[Publishing], value: Callable[[Publishing], float]) -> float:
    return statistics.median(map(value, runs))


def cpu(run: Publishing) -> float:
    return run.cpu_s


def delivered(run: Publishing) -> float:
    return run.per_s


def rows_of_zcomet(load: Load, runs: Sequence[Publishing]) -> list[Row]:
    name = f"{load.name}: Zcomet"
    return [
        Row(f"{name}, CPU a million", median(runs, cpu), "s"),
        Row(f"{name}, delivered", median(runs, delivered), "/s"),
        Row(f"{name}, latency p99", median(runs, lambda run: run.latency_ms), "ms"),
    ]


def rows_beside(
    load: Load, ours: Sequence[Publishing], theirs: dict[int, list[Publishing]]
) -> list[Row]:
    """The rows of Nchan, of which `theirs` has the runs by the number of its workers.

    It is compared with what it does best.
    """
    cheapest = min(theirs.values(), key=lambda runs: median(runs, cpu))
    fastest = max(theirs.values(), key=lambda runs: median(runs, delivered))
    rows = []
    for workers, runs in theirs.items():
        name = f"{load.name}: Nchan, {workers} worker{'s' if workers > 1 else ''}"
        rows += [
            Row(f"{name}, CPU a million", median(runs, cpu), "s"),
            Row(f"{name}, delivered", median(runs, delivered), "/s"),
            Row(f"{name}, latency p99", median(runs, lambda run: run.latency_ms), "ms"),
        ]
    cpu_ratio = statistics.median(
        mine.cpu_s / max(other.cpu_s, 1e-9) for mine, other in zip(ours, cheapest)
    )
    what = f"{load.name}: ratio of the CPU"
    if load.per_s in range(1, CHEAPER_FROM_PER_S):
        rows.append(Row(what, cpu_ratio, ""))
    else:
        target = f"< {CPU_RATIO_MAX}"
        rows.append(Row(what, cpu_ratio, "", target, cpu_ratio < CPU_RATIO_MAX))
    if load.per_s == FLAT_OUT:
        ratio = statistics.median(mine.per_s / other.per_s for mine, other in zip(ours, fastest))
        rows.append(at_least(f"{load.name}: ratio delivered", ratio, "", DELIVERED_RATIO_MIN))
    return rows


def run(lab: Lab) -> list[Row]:
    streams = STREAMS_SHORT if lab.short else STREAMS
    has_nchan = is_installed()
    if not has_nchan:
        if not lab.short:
            raise ProgramError("Nchan is not installed (Debian: nginx, libnginx-mod-nchan)")
        print("  without Nchan, which is not installed", flush=True)
    workers = sorted({1, processors()}) if has_nchan else []
    rows = []
    for load in LOADS_SHORT if lab.short else LOADS:
        ours: list[Publishing] = []
        theirs: dict[int, list[Publishing]] = {count: [] for count in workers}
        for _ in range(load.times):
            ours.append(publish(lab, Zcomet(lab, streams), streams, load))
            for count, runs in theirs.items():
                runs.append(publish(lab, Nchan(lab, count), streams, load))
        rows += rows_of_zcomet(load, ours)
        if has_nchan:
            rows += rows_beside(load, ours, theirs)
    return rows
