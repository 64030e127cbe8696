"""Ten thousand streams come back at once with a cursor, and catch up from the history.

Meanwhile others get messages. Each stream of the crowd was open before, and left. Its cursor is the
broker's position at that moment, which a cursor of any id may be: positions rise over all ids.
"""

import dataclasses
import json
import pathlib
import statistics
import time
from collections.abc import Sequence

from zcomet_lab.bench.rows import Row, at_most
from zcomet_lab.bench.servers import start_cluster
from zcomet_lab.cluster import FREE_HTTP_PORT, MESSAGE_BYTES, Cluster
from zcomet_lab.flood import Flood
from zcomet_lab.message_logs import Arrival, read_arrivals
from zcomet_lab.programs import ProgramError
from zcomet_lab.publishing import Backend
from zcomet_lab.stats import DIRECT
from zcomet_lab.suite import Lab

STREAMS, STREAMS_SHORT = 10_000, 200
MISSED = 10
OTHER_STREAMS, OTHER_PER_S, OTHERS_S = 1_000, 1_000, 4
RUNS, RUNS_SHORT = 5, 1
RULE = ("--history", "crowd-*=20,5m")

CAUGHT_UP_S_MAX = 2
OTHERS_P99_MS_MAX = 50

IDS_MAX = 100
"""Of a message to POST /send."""
RETRY_S = 0.01
CURSOR_TIMEOUT_S = 10
# Long enough for the other messages to begin, so that the crowd comes amid them.
LEAD_S = 0.5


@dataclasses.dataclass(frozen=True)
class Comeback:
    opening_s: float
    """From the first connection until all streams have their heads."""
    caught_up_s: float
    """From the first connection until the last missed message arrived."""
    others_p99_ms: float
    """Latency of the messages to others that were sent in this time."""
    others: int
    """How many these were."""


def present_cursor(cluster: Cluster) -> str:
    """The cursor that the server tells a stream which opens now."""
    url = f"{cluster.node.http}/events/crowd-0"
    with DIRECT.open(url, timeout=CURSOR_TIMEOUT_S) as stream:
        for line in stream:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "id":
                return str(value)
    raise ProgramError(f"{url} tells no cursor")


def send_to_all(backend: Backend, ids: Sequence[str]) -> None:
    """Sends a message to each of the ids, IDS_MAX at most."""
    while ids:
        body = json.dumps({"ids": ids, "data": "x" * MESSAGE_BYTES})
        status, answer = backend.post("/send", body)
        if status != 200:
            raise ProgramError(f"POST /send answered {status} {answer}")
        nodes = json.loads(answer)["nodes"]
        # While it is busy, the broker holds senders back.
        ids = [one for one in ids if nodes[one] is None]
        if ids:
            time.sleep(RETRY_S)


def publish_missed(backend: Backend, streams: int) -> None:
    """Sends MISSED messages to the id of each stream."""
    ids = [f"crowd-{number}" for number in range(1, streams + 1)]
    for _ in range(MISSED):
        for first in range(0, streams, IDS_MAX):
            send_to_all(backend, ids[first : first + IDS_MAX])


def p99_ms(arrivals: list[Arrival]) -> float:
    """The 99th percentile of the latencies, by nearest rank."""
    latencies = sorted(arrival.latency_ns for arrival in arrivals)
    return latencies[-(-99 * len(latencies) // 100) - 1] / 1e6


def come_back(lab: Lab, streams: int, folder: pathlib.Path) -> Comeback:
    """One run. `folder` is for logs."""
    sent_log, received_log = folder / "sent", folder / "received"
    cluster = start_cluster(
        lab,
        streams + OTHER_STREAMS,
        broker_options=RULE,
        node_options=("--api", FREE_HTTP_PORT),
    )
    crowd = f"{cluster.node.http}/events/crowd-{{id}}"
    Flood(lab.programs, crowd, streams).finish(0)
    cluster.await_ids(0)
    cursor = present_cursor(cluster)
    cluster.await_ids(0)
    publish_missed(Backend(cluster.node.api.removeprefix("http://")), streams)

    others = Flood(lab.programs, cluster.url, OTHER_STREAMS, log=received_log)
    cluster.await_ids(OTHER_STREAMS)
    generator, count = cluster.begin_sending(
        count=OTHER_PER_S * OTHERS_S, per_s=OTHER_PER_S, ids=OTHER_STREAMS, log=sent_log
    )
    time.sleep(LEAD_S)
    flood = Flood(lab.programs, f"{crowd}?since={cursor}", streams)
    flood.await_chunks(streams * MISSED)
    cluster.finish_sending(generator)
    others.await_chunks(count)
    if gaps := cluster.node.counters()["gaps_told"]:
        raise ProgramError(f"{gaps} streams were told of a gap")
    opening_s = flood.opening_s
    summary = flood.finish(streams * MISSED)
    others.finish(count)
    cluster.end()

    began_ns, ended_ns = summary["began_ns"], summary["last_message_ns"]
    meanwhile = [
        arrival
        for arrival in read_arrivals(sent_log, received_log)
        if began_ns <= arrival.sent_ns <= ended_ns
    ]
    if not meanwhile:
        raise ProgramError("the others got no message while the crowd came back")
    return Comeback(opening_s, (ended_ns - began_ns) / 1e9, p99_ms(meanwhile), len(meanwhile))


def run(lab: Lab) -> list[Row]:
    streams = STREAMS_SHORT if lab.short else STREAMS
    runs = []
    for number in range(RUNS_SHORT if lab.short else RUNS):
        folder = lab.folder / str(number)
        folder.mkdir()
        runs.append(come_back(lab, streams, folder))
    opening_s = statistics.median(run.opening_s for run in runs)
    caught_up_s = statistics.median(run.caught_up_s for run in runs)
    p99 = statistics.median(run.others_p99_ms for run in runs)
    what = f"{streams:,} streams come back, {MISSED} missed messages each"
    return [
        Row(f"{what}: all are open", opening_s, "s"),
        at_most(f"{what}: all have caught up", caught_up_s, "s", CAUGHT_UP_S_MAX),
        Row("others meanwhile, at 1,000/s: messages", sum(run.others for run in runs), ""),
        at_most("others meanwhile: latency p99", p99, "ms", OTHERS_P99_MS_MAX),
    ]
